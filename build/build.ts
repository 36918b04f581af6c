/**
 * `npm run build [-- --arch x64|arm64]`: the sources → dist/gatehouse.
 * The imports stand behind the version check, so that a wrong Node gets one line and not a stack trace.
 */
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { ARCHITECTURES, type Architecture } from "./elf.ts";

const NODE_MAJOR = "24";

try {
  await main();
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  if (process.versions.node.split(".")[0] !== NODE_MAJOR) {
    throw new Error(`needs Node ${NODE_MAJOR}, this is ${process.version}: use npm run build`);
  }
  const arch = readArchitecture(process.argv.slice(2));
  const { bundle } = await import("./bundle.ts");
  const { packageExecutable } = await import("./package.ts");
  const bundles = await bundle();
  const made = await packageExecutable(bundles, arch);
  if (!made.stripped) {
    console.log(`build: no strip here that knows ${arch}, so the executable is larger by 18 MB`);
  }
  const megabytes = (made.bytes / 1e6).toFixed(1);
  const what = `${bundles.version}, commit ${bundles.commit}, linux ${arch}, Node ${process.versions.node}`;
  console.log(`build: ${relative(process.cwd(), made.path)}: ${megabytes} MB, ${what}`);
}

function readArchitecture(args: readonly string[]): Architecture {
  const { values } = parseArgs({ args: [...args], options: { arch: { type: "string" } } });
  const wanted = values.arch ?? process.arch;
  const arch = ARCHITECTURES.find((name) => name === wanted);
  if (arch === undefined) throw new Error(`--arch is ${ARCHITECTURES.join(" or ")}, not ${wanted}`);
  return arch;
}
