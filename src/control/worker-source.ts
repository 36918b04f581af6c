/** The worker's bundle: an asset of the executable, or a file of the build when run from sources. */
import { readFileSync } from "node:fs";
import { getAsset, isSea } from "node:sea";

const ASSET = "worker.cjs";
const BUILT_FILE = "dist/bundle/worker.cjs";

/** Reads it; throws when run from sources before a build. The working directory counts only then. */
export function readWorkerSource(): string {
  return isSea() ? getAsset(ASSET, "utf8") : readFileSync(BUILT_FILE, "utf8");
}
