/** `node test/e2e/faulty-build.ts`: the executable with faulty-worker.ts as its worker; prints its path. */
import { ARCHITECTURES } from "../../build/elf.ts";
import { bundle } from "../../build/bundle.ts";
import { packageExecutable } from "../../build/package.ts";

const arch = ARCHITECTURES.find((name) => name === process.arch);
if (arch === undefined) throw new Error(`cannot build for ${process.arch}`);
const bundles = await bundle({
  folder: "faulty-bundle",
  workerEntry: "test/e2e/faulty-worker.ts",
});
const { path } = await packageExecutable(bundles, arch, "gatehouse-faulty");
console.log(path);
