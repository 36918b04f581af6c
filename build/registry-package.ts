import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { run } from "./command.ts";

/** One version of a package, with the hash that its archive must have. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** `sha512-` and base64, as lockfiles write it (W3C Subresource Integrity). */
  readonly integrity: string;
}

/** Where archives go: the cache stays, the work folder is the caller's to remove. */
export interface FetchFolders {
  readonly cache: string;
  readonly work: string;
}

/**
 * The path of the package's archive in the cache: fetched with `npm pack` unless it is there already, checked in
 * either case. Throws when the registry cannot be reached or the archive is another one.
 */
export async function fetchPackage(wanted: PinnedPackage, folders: FetchFolders): Promise<string> {
  const cached = join(folders.cache, `${wanted.name}-${wanted.version}.tgz`);
  if (existsSync(cached)) {
    assertIntegrity(cached, wanted.integrity);
    return cached;
  }
  await run("npm", [
    "pack",
    `${wanted.name}@${wanted.version}`,
    "--silent",
    "--ignore-scripts",
    `--pack-destination=${folders.work}`,
  ]);
  const fetched = join(folders.work, `${wanted.name}-${wanted.version}.tgz`);
  assertIntegrity(fetched, wanted.integrity);
  mkdirSync(folders.cache, { recursive: true });
  // Only a checked archive gets its name in the cache, and in one step.
  renameSync(fetched, cached);
  return cached;
}

/** Throws unless the file has this hash; anything but SHA-512 is refused. Reads the file. */
export function assertIntegrity(path: string, integrity: string): void {
  const found = `sha512-${createHash("sha512").update(readFileSync(path)).digest("base64")}`;
  if (found !== integrity) {
    throw new Error(`${path} has the integrity ${found}, but ${integrity} is pinned: delete it`);
  }
}
