import sea from "@yao-pkg/pkg/lib-es5/sea.js";
import { chmodSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Base, prepareBase } from "./base.ts";
import type { Bundles } from "./bundle.ts";
import { type Architecture, assertElfArchitecture } from "./elf.ts";
import { writeLicenses } from "./licenses.ts";
import { DIST } from "./project.ts";

/**
 * Flags of the runtime that the executable always has; nobody can add to them (`execArgvExtension`).
 *
 * None of V8's is among them, by measurement. Most (`--single-threaded`, `--optimize-for-size`,
 * `--disallow-code-generation-from-strings` …) make V8 refuse the code cache and the snapshot that Node carries: 70 ms
 * more to start. `--max-semi-space-size`: a busy worker's garbage collection takes 0.8 µs a request with V8's own 16 MB,
 * 1.2 with 8 and 1.9 with 4, against 12 to 18 MB of memory. `--min-semi-space-size`, `--v8-pool-size` and
 * `--no-strip-types` change neither start nor idle memory. Heap limits stay V8's own, which follow the machine's memory.
 */
const RUNTIME_FLAGS: readonly string[] = [
  // SIGUSR1 means "reopen the logs" here. Until the preamble listens to it, the runtime would open a debugger for it:
  // at an address for documentation only (RFC 5737), which no box has, it cannot. `--disable-sigusr1` is not the way:
  // it leaves the signal blocked for ever, and no listener hears it (seen with Node 24.21).
  "--inspect-port=192.0.2.1:9229",
  // Each of these would otherwise follow a variable that was meant for another program: NODE_USE_ENV_PROXY (the
  // runtime's HTTP clients then ask HTTP_PROXY), NODE_USE_SYSTEM_CA, OPENSSL_CONF (a broken one stops every start).
  "--no-use-env-proxy",
  "--no-use-system-ca",
  "--openssl-config=/dev/null",
  // No native code besides what is linked in.
  "--no-addons",
  // What the program uses of the runtime on purpose is none of the user's business (NODE_PENDING_DEPRECATION).
  "--no-pending-deprecation",
];

/** One executable as it was made. */
export interface Executable {
  readonly path: string;
  readonly bytes: number;
  readonly stripped: boolean;
}

/**
 * Puts the bundles into the Node of one architecture and writes dist/gatehouse, or `name` instead, for another machine
 * than this one with its architecture behind. Throws when any step fails; the last executable then stays.
 */
export async function packageExecutable(
  bundles: Bundles,
  arch: Architecture,
  name: string = "gatehouse",
): Promise<Executable> {
  const path = join(DIST, arch === process.arch ? name : `${name}-${arch}`);
  const workDir = createWorkFolder();
  const base = await prepareBase(arch, workDir);
  // Not written in place: the last build may be running, and two builds may run at once.
  const made = join(workDir, "executable");
  await inject(bundles, { base, arch, output: made });
  chmodSync(made, 0o755);
  assertElfArchitecture(made, arch);
  writeLicenses(join(DIST, "THIRD-PARTY-LICENSES"), {
    inputs: bundles.inputs,
    runtimeLicense: base.licensePath,
  });
  renameSync(made, path);
  return { path, bytes: statSync(path).size, stripped: base.stripped };
}

/** A folder for this build alone, gone when the process ends, however it ends short of SIGKILL. */
function createWorkFolder(): string {
  const folder = join(DIST, `work-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  // The packer makes its own temporary folder; below ours it cannot be left behind.
  process.env["TMPDIR"] = folder;
  return folder;
}

async function inject(
  bundles: Bundles,
  to: { readonly base: Base; readonly arch: Architecture; readonly output: string },
): Promise<void> {
  const isHost = to.arch === process.arch;
  const seaConfig = {
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    // `gatehouse version` in 33 instead of 54 ms, `run` 17 ms earlier and 2 MiB smaller, for 0.3 MB of file. Compiled
    // code belongs to the kind of processor that made it.
    useCodeCache: isHost,
    execArgv: RUNTIME_FLAGS,
    execArgvExtension: "none",
    assets: { "worker.cjs": bundles.worker },
  };
  await sea.default(bundles.main, {
    nodePath: to.base.path,
    // The blob is written by the base itself, or, when that cannot run here, by the Node of this build, which is of
    // the same version. `nodePath` still decides what it is put into.
    useLocalNode: !isHost,
    targets: [{ nodeRange: "node24", platform: "linux", arch: to.arch, output: to.output }],
    seaConfig,
  });
}
