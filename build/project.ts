import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of package.json, absolute. */
export const ROOT = dirname(import.meta.dirname);

/** Everything that a build makes lies in here. */
export const DIST = join(ROOT, "dist");

/** Path below the project's folder. Pure. */
export function inProject(...parts: readonly string[]): string {
  return join(ROOT, ...parts);
}

/** The parts of package.json that the build reads. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

/** Reads package.json. */
export function readManifest(): Manifest {
  return JSON.parse(readFileSync(inProject("package.json"), "utf8")) as Manifest;
}

/** What the lockfile pins a package to; throws when it has no such package. Reads package-lock.json. */
export function readLockedPackage(name: string): {
  readonly version: string;
  readonly integrity: string;
} {
  const lock = JSON.parse(readFileSync(inProject("package-lock.json"), "utf8")) as {
    readonly packages: Readonly<
      Record<string, { readonly version?: string; readonly integrity?: string }>
    >;
  };
  const entry = lock.packages[`node_modules/${name}`];
  if (entry?.version === undefined || entry.integrity === undefined) {
    throw new Error(`package-lock.json does not pin ${name}`);
  }
  return { version: entry.version, integrity: entry.integrity };
}
