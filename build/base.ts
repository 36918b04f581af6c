import { copyFileSync, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { run } from "./command.ts";
import { type Architecture, assertElfArchitecture } from "./elf.ts";
import { DIST, readLockedPackage } from "./project.ts";
import { fetchPackage, type PinnedPackage } from "./registry-package.ts";

/** The Node executable that the program is put into. */
export interface Base {
  /** Ours to change and to delete: lies in the work folder. */
  readonly path: string;
  /** Node's own licence and those of what it carries. */
  readonly licensePath: string;
  readonly stripped: boolean;
}

/**
 * Brings the base of one architecture into the work folder: its machine checked, its symbols stripped when this
 * computer can do that. Throws when it is missing or not the version that runs this build, for the blob's layout
 * belongs to one version exactly.
 */
export async function prepareBase(arch: Architecture, workDir: string): Promise<Base> {
  const found = await locateBase(arch, workDir);
  const path = join(workDir, `node-${arch}`);
  copyFileSync(found.path, path);
  assertElfArchitecture(path, arch);
  const stripped = await strip(path, arch);
  assertElfArchitecture(path, arch);
  return { path, licensePath: found.licensePath, stripped };
}

interface Found {
  readonly path: string;
  readonly licensePath: string;
}

async function locateBase(arch: Architecture, workDir: string): Promise<Found> {
  const name = `node-linux-${arch}`;
  const locked = readLockedPackage(name);
  if (`v${locked.version}` !== process.version) {
    throw new Error(
      `this is Node ${process.version}, but ${name} is ${locked.version}: use npm run build`,
    );
  }
  const folder =
    arch === process.arch ? installedFolder(name) : await unpack({ name, ...locked }, workDir);
  return { path: join(folder, "bin", "node"), licensePath: join(folder, "LICENSE") };
}

function installedFolder(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

/** `npm ci` skips the packages of other machines, so theirs is fetched and unpacked here. */
async function unpack(wanted: PinnedPackage, workDir: string): Promise<string> {
  const archive = await fetchPackage(wanted, { cache: join(DIST, "cache"), work: workDir });
  await run("tar", ["-xzf", archive, "-C", workDir, "package/bin/node", "package/LICENSE"]);
  return join(workDir, "package");
}

/** GNU strip knows only the machines it was built for; LLVM's knows all. */
const STRIPPERS: Readonly<Record<Architecture, string>> = {
  x64: "x86_64-linux-gnu-strip",
  arm64: "aarch64-linux-gnu-strip",
};

/**
 * Strips the symbol table, 127 → 109 MB; exceptions and stack traces of JavaScript do not need it. It must happen
 * before the blob goes in: strip lays the segments out anew, and an executable stripped afterwards crashes.
 */
async function strip(path: string, arch: Architecture): Promise<boolean> {
  const before = statSync(path).size;
  for (const program of [STRIPPERS[arch], "strip", "llvm-strip"]) {
    try {
      await run(program, [path]);
    } catch {
      // Not installed, or it cannot read this machine's files: the next one may.
      continue;
    }
    if (existsSync(path) && statSync(path).size < before) return true;
  }
  return false;
}
