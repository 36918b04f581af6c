import { BUILD_INFO } from "./cli/build-info.ts";

process.stdout.write(`gatehouse ${BUILD_INFO.version} ${BUILD_INFO.commit} ${BUILD_INFO.runtime}\n`);
