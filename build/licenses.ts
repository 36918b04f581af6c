import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inProject } from "./project.ts";

/** The folders, relative to the project, of the packages that these files come from; each once, sorted. Pure. */
export function packageFolders(inputs: readonly string[]): readonly string[] {
  const folders = new Set<string>();
  for (const input of inputs) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder !== undefined) folders.add(folder);
  }
  return [...folders].toSorted();
}

/**
 * Writes the licences of everything in the executable that is not ours: the bundled packages, and Node with what it
 * carries. Throws when a package names no licence at all.
 */
export function writeLicenses(
  output: string,
  parts: { readonly inputs: readonly string[]; readonly runtimeLicense: string },
): void {
  const sections = packageFolders(parts.inputs).map((folder) => describePackage(inProject(folder)));
  const runtime = `Node.js ${process.versions.node}\n\n${readFileSync(parts.runtimeLicense, "utf8").trim()}`;
  writeFileSync(output, `${[...sections, runtime].join(`\n\n${"=".repeat(79)}\n\n`)}\n`);
}

function describePackage(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    readonly name: string;
    readonly version: string;
    readonly license?: string;
  };
  if (manifest.license === undefined) throw new Error(`${manifest.name} names no licence`);
  const title = `${manifest.name} ${manifest.version} (${manifest.license})`;
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  if (file === undefined) return title;
  return `${title}\n\n${readFileSync(join(folder, file), "utf8").trim()}`;
}
