import { build, type BuildOptions, formatMessages } from "esbuild";
import { join } from "node:path";
import { run } from "./command.ts";
import { MAIN_PREAMBLE } from "./preamble.ts";
import { DIST, readManifest, ROOT } from "./project.ts";

/** The two files that an executable carries. */
export interface Bundles {
  readonly main: string;
  readonly worker: string;
  /** Every source file of them, relative to the project's folder. */
  readonly inputs: readonly string[];
  readonly version: string;
  readonly commit: string;
}

/** What to bundle and where to; a test of faults has a worker of its own. */
export interface BundleOptions {
  /** Below dist. */
  readonly folder: string;
  /** The entry of the worker thread. */
  readonly workerEntry: string;
}

const SHIPPED: BundleOptions = { folder: "bundle", workerEntry: "src/worker/main.ts" };

/** Bundles the main thread and the worker thread into dist/bundle; throws on any error or warning of the bundler. */
export async function bundle(options: BundleOptions = SHIPPED): Promise<Bundles> {
  const { version } = readManifest();
  const commit = await readCommit();
  const main = join(DIST, options.folder, "main.cjs");
  const worker = join(DIST, options.folder, "worker.cjs");
  const define = {
    GATEHOUSE_VERSION: JSON.stringify(version),
    GATEHOUSE_COMMIT: JSON.stringify(commit),
  };
  const inputs = [
    await bundleOne({
      entryPoints: ["src/main.ts"],
      outfile: main,
      define,
      banner: { js: MAIN_PREAMBLE },
    }),
    await bundleOne({
      entryPoints: [options.workerEntry],
      outfile: worker,
      define,
      // A worker's source comes as text, so without a name its stack traces would say "[worker eval]".
      footer: { js: "//# sourceURL=worker.cjs" },
    }),
  ];
  return { main, worker, inputs: [...new Set(inputs.flat())], version, commit };
}

/**
 * CommonJS because that is what the runtime evaluates as an executable's main and as a worker's text. Names stay and
 * lines are broken at 120, so that a stack trace of a user points to a place in dist/bundle. White space goes because
 * comments go with it: a single "…" in one makes V8 keep two bytes for every character of the source, in each thread
 * (measured idle with 2 workers: 48.9 → 46.7 MiB of anonymous memory; shorter names too would give 45.4).
 * `legalComments` go because build/licenses.ts writes the whole texts.
 */
const COMMON: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "cjs",
  mainFields: ["module", "main"],
  treeShaking: true,
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 120,
  charset: "ascii",
  legalComments: "none",
  logLevel: "silent",
  metafile: true,
};

async function bundleOne(options: BuildOptions): Promise<readonly string[]> {
  const result = await build({ ...COMMON, ...options, metafile: true });
  if (result.warnings.length > 0) {
    const messages = await formatMessages(result.warnings, { kind: "warning" });
    throw new Error(`the bundler warns, which stops the build:\n${messages.join("")}`);
  }
  return Object.keys(result.metafile.inputs);
}

/** What the sources are: 12 digits, and whether tracked files differ from them. Runs git; "unknown" without it. */
async function readCommit(): Promise<string> {
  try {
    return await run(
      "git",
      ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
      ROOT,
    );
  } catch {
    return "unknown";
  }
}
