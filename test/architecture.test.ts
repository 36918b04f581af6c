import assert from "node:assert/strict";
import { posix } from "node:path";
import { describe, test } from "node:test";
import { type SourceFile, importsOf, readSources } from "./source-files.ts";

/** Folder below src → folders that it may import. Imports point down only. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  telemetry: ["core"],
  config: ["core"],
  routing: ["core"],
  discovery: ["core", "telemetry"],
  health: ["core", "telemetry"],
  transport: ["core"],
  upstream: ["core", "telemetry", "transport"],
  proxy: ["core", "telemetry", "routing", "transport", "upstream"],
  worker: ["core", "telemetry", "routing", "transport", "upstream", "proxy"],
  admin: ["core", "telemetry", "routing"],
  control: ["core", "telemetry", "config", "discovery", "health", "admin", "routing"],
  demo: ["core"],
  cli: ["core", "telemetry", "config", "routing", "control", "demo"],
  main: ["cli"],
};

/** Folder below src → packages and modules of the platform that it may use. A package stands for all its parts. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  core: [],
  telemetry: ["@logtape/logtape", "prom-client", "node:fs", "node:perf_hooks"],
  config: [
    "valibot",
    "toml-eslint-parser",
    "node:fs",
    "node:crypto",
    // `schema` prints the JSON Schema of the valibot schema.
    "@valibot/to-json-schema",
  ],
  routing: ["hono"],
  discovery: ["node:dns", "node:fs", "node:os"],
  health: ["node:net", "node:tls", "node:http2"],
  transport: [
    "node:net",
    "node:tls",
    // Names of error numbers.
    "node:util",
    // A write of lent memory, which leaves nothing behind.
    "node:fs",
  ],
  upstream: ["node:net", "node:tls"],
  proxy: ["node:net"],
  worker: [
    "node:worker_threads",
    "node:perf_hooks",
    // Hands core the SHA-256 of fingerprints.
    "node:crypto",
    // Gives memory back after a wave of connections.
    "node:v8",
    "node:vm",
  ],
  admin: ["hono", "@hono/node-server"],
  control: [
    "node:worker_threads",
    "node:net",
    "node:fs",
    "node:os",
    "node:sea",
    "node:child_process",
    // Joins the names of files in the runtime directory.
    "node:path",
  ],
  demo: [
    "selfsigned",
    "node:http",
    "node:https",
    // A folder of its own for the configuration of the trial.
    "node:fs",
    "node:os",
  ],
  cli: ["node:util", "node:http", "node:fs"],
  main: ["node:process"],
};

/** Modules that only one file of a folder may touch. */
const IN_ONE_FILE: Readonly<Record<string, readonly string[]>> = {
  config: ["node:fs", "node:crypto"],
  transport: ["node:fs"],
};

/** Every import that breaks a rule, as `file → what`, and every cycle of files. */
function findViolations(files: readonly SourceFile[]): readonly string[] {
  const edges = files.flatMap((file) =>
    importsOf(file).map(({ name, isType }) => ({
      from: file.path,
      to: resolve(file.path, name),
      isType,
    })),
  );
  const wrong = edges
    .filter(({ from, to }) => !mayImport(folderOf(from), to))
    .map(({ from, to }) => `${from} → ${to}`);
  // A circle of types is gone when the program runs: an owner and what it owns may name each other.
  const cycles = findCycles(edges.filter(({ isType }) => !isType));
  return [...wrong, ...findShared(edges), ...cycles];
}

interface Edge {
  readonly from: string;
  readonly to: string;
}

/** A path from the root of the tree, or the name of a package or module. */
function resolve(from: string, name: string): string {
  return name.startsWith(".") ? posix.join(posix.dirname(from), name) : name;
}

/** `src/core/tls/alert.ts` is in core, `src/main.ts` in main. */
function folderOf(path: string): string {
  return (path.split("/")[1] ?? "").replace(/\.ts$/, "");
}

function mayImport(folder: string, to: string): boolean {
  if (to.startsWith("src/")) {
    return folderOf(to) === folder || (MAY_IMPORT[folder] ?? []).includes(folderOf(to));
  }
  return (MAY_USE[folder] ?? []).some((name) => to === name || to.startsWith(`${name}/`));
}

function findShared(edges: readonly Edge[]): readonly string[] {
  return Object.entries(IN_ONE_FILE).flatMap(([folder, modules]) =>
    modules.flatMap((name) => {
      const users = edges.filter(({ from, to }) => folderOf(from) === folder && to === name);
      const paths = [...new Set(users.map(({ from }) => from))];
      return paths.length > 1 ? [`${name} in more than one file: ${paths.join(", ")}`] : [];
    }),
  );
}

/** Each cycle once, from the file at which the search met it again. */
function findCycles(edges: readonly Edge[]): readonly string[] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push([...trail.slice(at), path].join(" → "));
    if (at >= 0 || done.has(path)) return;
    for (const { to } of next.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return cycles;
}

const SOURCES = readSources("src");

test("every import points down, and no files import one another in a circle", () => {
  assert.deepEqual(findViolations(SOURCES), []);
});

test("every folder below src stands in both tables", () => {
  const folders = new Set(SOURCES.map(({ path }) => folderOf(path)));
  for (const folder of folders) {
    assert.ok(MAY_IMPORT[folder] !== undefined && MAY_USE[folder] !== undefined, folder);
  }
  assert.deepEqual(Object.keys(MAY_USE), Object.keys(MAY_IMPORT));
});

test("the table itself has no circle", () => {
  const edges = Object.entries(MAY_IMPORT).flatMap(([from, list]) =>
    list.map((to) => ({ from, to })),
  );
  assert.deepEqual(findCycles(edges), []);
});

test("the reading of imports sees what is there", () => {
  const all = SOURCES.flatMap(importsOf);
  // Were the patterns wrong, everything would pass.
  assert.ok(all.length > SOURCES.length, `${all.length} imports in ${SOURCES.length} files`);
  const known = new Set(SOURCES.map(({ path }) => path));
  for (const file of SOURCES) {
    for (const { name } of importsOf(file)) {
      if (!name.startsWith(".")) continue;
      assert.ok(known.has(resolve(file.path, name)), `${file.path} imports ${name}`);
    }
  }
});

/** The tree's sources with one file more, and what is then wrong. */
const planted = (path: string, ...lines: readonly string[]): readonly string[] =>
  findViolations([...SOURCES, { path, text: lines.join("\n") }]);

/** Three files in a circle, of which the third says this. */
const circle = (last: string): readonly string[] =>
  findViolations([
    { path: "src/core/a.ts", text: 'import { type A, b } from "./b.ts";' },
    { path: "src/core/b.ts", text: 'import { c } from "./tls/c.ts";' },
    { path: "src/core/tls/c.ts", text: last },
  ]);

describe("a planted violation is found:", () => {
  const PLANTS: Readonly<Record<string, readonly [path: string, line: string]>> = {
    "a module of the platform in core": [
      "src/core/x.ts",
      'import { readFileSync } from "node:fs";',
    ],
    "an arrow that the table lacks": ["src/proxy/x.ts", 'import { a } from "../config/schema.ts";'],
    "a type over such an arrow": ["src/admin/x.ts", 'import type { A } from "../control/box.ts";'],
    "an import for its effects": ["src/core/tls/x.ts", 'import "../../worker/main.ts";'],
    "an export from elsewhere": [
      "src/core/x.ts",
      'export { a } from "../routing/virtual-host.ts";',
    ],
    "an export of all": ["src/core/x.ts", 'export * from "../upstream/connection.ts";'],
    "an import on several lines": ["src/core/x.ts", 'import {\n  a,\n  b,\n} from "node:net";'],
    "an import when it is needed": [
      "src/core/x.ts",
      'const a = async () => await import("node:os");',
    ],
    "a type named in place": ["src/core/x.ts", 'type A = import("node:net").Socket;'],
    "an import of a variable": ["src/control/x.ts", "const a = async (b: string) => import(b);"],
    "a require": ["src/core/x.ts", 'const a = require("node:net");'],
    "a built-in module by function": ["src/core/x.ts", 'process.getBuiltinModule("node:fs");'],
    "a package of another folder": ["src/proxy/x.ts", 'import { Hono } from "hono";'],
    "a part of a package of another folder": ["src/proxy/x.ts", 'import { a } from "hono/tiny";'],
    "a package that begins like an allowed one": ["src/routing/x.ts", 'import a from "honor";'],
    "a module without its prefix": ["src/control/x.ts", 'import { readFileSync } from "fs";'],
    "a folder that no table knows": ["src/extra/x.ts", 'import { a } from "../core/result.ts";'],
    "the way up": ["src/cli/x.ts", 'import { a } from "../main.ts";'],
    "a file outside src": ["src/cli/x.ts", 'import { a } from "../../build/project.ts";'],
  };
  for (const [name, [path, line]] of Object.entries(PLANTS)) {
    test(name, () => {
      const found = planted(path, line);
      assert.equal(found.length, 1, found.join("; "));
      assert.ok(found[0]?.startsWith(`${path} → `));
    });
  }

  test("a circle of files, but not one that is closed by a type", () => {
    const found = ["src/core/a.ts → src/core/b.ts → src/core/tls/c.ts → src/core/a.ts"];
    assert.deepEqual(circle('export { a } from "../a.ts";'), found);
    assert.deepEqual(circle('import { type A } from "../a.ts";'), found);
    assert.deepEqual(circle('import type { A } from "../a.ts";'), []);
    assert.deepEqual(circle('export type { A } from "../a.ts";'), []);
  });

  test("node:fs in a second file of config", () => {
    const [found] = planted("src/config/x.ts", 'import { writeFileSync } from "node:fs";');
    assert.match(found ?? "", /^node:fs in more than one file: .*src\/config\/x\.ts/);
  });

  test("but none in comments and texts", () => {
    const text = [
      '// import { a } from "node:fs";',
      '/** import "node:fs"; */',
      " * import('node:fs')",
      "const a = 'import x from \"node:fs\"';",
    ];
    assert.deepEqual(planted("src/core/x.ts", ...text), []);
  });
});
