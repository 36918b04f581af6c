/** The tree's own sources, as the tests of its rules read them. */
import { readFileSync, readdirSync } from "node:fs";
import { join, posix } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/** One TypeScript file: its path from the root of the tree, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Every .ts file below these folders, sorted by path. */
export function readSources(...folders: readonly string[]): readonly SourceFile[] {
  return readTree(...folders)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
}

/** The paths of all files below these folders, from the root of the tree, sorted. */
export function readTree(...folders: readonly string[]): readonly string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) =>
          posix.join(folder, entry.parentPath.slice(join(ROOT, folder).length), entry.name),
        ),
    )
    .toSorted();
}

/** One import, as it is written. */
export interface Import {
  /** "?" where it is no literal: nobody can say where it points. */
  readonly name: string;
  /** It is gone when the program runs. */
  readonly isType: boolean;
}

/** `import … from "x"`, `export … from "x"`, `import "x"`; each begins its line, as oxfmt has it. */
const STATIC = /^[ \t]*(?:import|export)\b(\s+type\b)?(?:[^;"'`]*?\bfrom)?\s*["']([^"']+)["']/gm;
/** What is loaded when it is needed, and types named in place. */
const DYNAMIC = /\b(?:import|require|getBuiltinModule)\(\s*(?:["'`]([^"'`]+)["'`])?/g;

/** What the file imports and what it exports from elsewhere, in this order or that. Pure. */
export function importsOf({ text }: SourceFile): readonly Import[] {
  const code = withoutComments(text);
  const named = Array.from(code.matchAll(STATIC), ([, type, name = "?"]) => {
    return { name, isType: type !== undefined };
  });
  const loaded = Array.from(code.matchAll(DYNAMIC), ([, name = "?"]) => ({ name, isType: false }));
  return [...named, ...loaded];
}

/** The text without lines that are comments and without comments at the ends of lines; line numbers stay. */
export function withoutComments(text: string): string {
  return text
    .split("\n")
    .map((line) => (/^\s*(?:\/\/|\/\*|\*)/.test(line) ? "" : line.replace(/\s\/\/ .*$/, "")))
    .join("\n");
}
