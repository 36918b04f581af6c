import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type SourceFile, readSources, readTree, withoutComments } from "./source-files.ts";

const LINES_MAX = 400;

/** Files that are longer, with the reason. */
const LONG_FILES: Readonly<Record<string, string>> = {
  "src/core/model.ts": "holds the whole snapshot, whose parts know each other",
};

/** A word that does not stand where it says, and what to do instead. */
interface Ban {
  readonly name: string;
  readonly pattern: RegExp;
  /** Paths that begin so. */
  readonly folders: readonly string[];
  readonly instead: string;
  /** Paths where it may stand. */
  readonly except?: readonly string[];
  /** Comments are searched too. */
  readonly comments?: boolean;
}

const EVERYWHERE = ["src/", "build/", "test/"];

const BANS: readonly Ban[] = [
  {
    name: "the clock in core",
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\b|\bhrtime\b/,
    folders: ["src/core/"],
    instead: "pass the time as an argument",
  },
  {
    name: "chance in core",
    pattern: /\bMath\.random\(|\bcrypto\b/,
    folders: ["src/core/"],
    instead: "pass chance as an argument",
  },
  {
    name: "the platform in core",
    pattern: /\b(?:Buffer|process|globalThis|fetch|URL|TextDecoder|TextEncoder)\b[.(]/,
    folders: ["src/core/"],
    instead: "core is pure: pass a value or a function",
  },
  {
    name: "timers in core",
    pattern: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\(/,
    folders: ["src/core/"],
    instead: "core is pure: let the owner of the socket keep time",
  },
  {
    name: "console",
    pattern: /\bconsole\./,
    folders: ["src/"],
    instead: "use the logger of telemetry, or the streams that the command line got",
  },
  {
    name: "the environment",
    pattern: /\bprocess\.env\b/,
    folders: ["src/"],
    instead: "read it where the process is configured and pass it on",
    except: [
      "src/cli/process-io.ts",
      "src/control/run.ts",
      "src/control/runtime-file.ts",
      "src/telemetry/log.ts",
    ],
  },
  {
    name: "await outside functions",
    pattern: /^(?:export )?(?:await\b|for await\b|(?:const|let|using)\s[^=]*=\s*await\b)/m,
    folders: ["src/"],
    instead: "the bundle is CommonJS: await inside a function",
  },
  {
    name: "import.meta",
    pattern: /\bimport\.meta\b/,
    folders: ["src/"],
    instead: "the bundle is CommonJS and has none",
  },
  {
    name: "a variable of a module",
    pattern: /^(?:export )?(?:let|var)\b/m,
    folders: ["src/", "build/"],
    instead: "give it an owner: a class or a closure",
  },
  {
    name: "default exports",
    pattern: /^export default\b|\bas default\b/m,
    folders: EVERYWHERE,
    instead: "export it by name",
  },
  {
    name: "barrels",
    pattern: /^export \*/m,
    folders: EVERYWHERE,
    instead: "import from the file that defines it",
  },
  {
    name: "any",
    pattern: /(?::|<|\bas|\|)\s*any\s*(?:[;,)>=&|[\]{}]|$)/,
    folders: EVERYWHERE,
    instead: "unknown, and a check",
    // The sample of its own test.
    except: ["test/tidy.test.ts"],
  },
  {
    name: "silenced types",
    pattern: /@ts-(?:ignore|nocheck|expect-error)/,
    folders: EVERYWHERE,
    instead: "make the types right",
    except: ["test/tidy.test.ts"],
    comments: true,
  },
  {
    name: "notes to oneself",
    pattern: /\b(?:TODO|FIXME|HACK)\b/,
    folders: EVERYWHERE,
    instead: "do it, or file an issue",
    except: ["test/tidy.test.ts"],
    comments: true,
  },
  {
    name: "other words for peers",
    pattern: /backend|frontend|\bclusters?\b/i,
    folders: ["src/", "build/"],
    instead: "service, endpoint, listener",
    comments: true,
  },
  {
    name: "paths of one machine",
    pattern: /\/work\/|\/tmp\/[a-z]|\/root\/|\/home\//,
    folders: ["src/", "build/"],
    instead: "a path relative to the tree, or one that is given",
    comments: true,
  },
];

/** Every place in which a banned word stands, as `file:line: …`. */
function findBanned(ban: Ban, files: readonly SourceFile[]): readonly string[] {
  return files
    .filter(({ path }) => ban.folders.some((folder) => path.startsWith(folder)))
    .filter(({ path }) => !(ban.except ?? []).includes(path))
    .flatMap(({ path, text }) =>
      (ban.comments === true ? text : withoutComments(text))
        .split("\n")
        .flatMap((line, i) => (ban.pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
    );
}

const SOURCES = readSources("src", "build", "test");
const SHIPPED = SOURCES.filter(({ path }) => !path.startsWith("test/"));

describe("banned words:", () => {
  for (const ban of BANS) {
    test(ban.name, () => assert.deepEqual(findBanned(ban, SOURCES), [], `instead: ${ban.instead}`));
  }

  test("every exception is one", () => {
    for (const ban of BANS) {
      for (const path of ban.except ?? []) {
        const file = SOURCES.filter((source) => source.path === path);
        assert.notDeepEqual(findBanned({ ...ban, except: [] }, file), [], `${ban.name}: ${path}`);
      }
    }
  });

  /** A line that breaks each rule, in the order of the rules. */
  const PLANTS: Readonly<Record<string, readonly [path: string, line: string]>> = {
    "the clock in core": ["src/core/x.ts", "  const now = Date.now();"],
    "chance in core": ["src/core/x.ts", "  const a = Math.random();"],
    "the platform in core": ["src/core/x.ts", "  return Buffer.from(text);"],
    "timers in core": ["src/core/x.ts", "  setTimeout(act, 5);"],
    console: ["src/proxy/x.ts", '  console.log("here");'],
    "the environment": ["src/proxy/x.ts", '  const a = process.env["A"];'],
    "await outside functions": ["src/proxy/x.ts", "const a = await load();"],
    "import.meta": ["src/proxy/x.ts", "const a = import.meta.url;"],
    "a variable of a module": ["src/proxy/x.ts", "let count = 0;"],
    "default exports": ["src/proxy/x.ts", "export default function act() {}"],
    barrels: ["src/proxy/x.ts", 'export * from "./exchange.ts";'],
    any: ["src/proxy/x.ts", "function act(a: any): void {}"],
    "silenced types": ["src/proxy/x.ts", "// @ts-ignore"],
    "notes to oneself": ["src/proxy/x.ts", "// TODO: later"],
    "other words for peers": ["src/proxy/x.ts", "  const theBackend = pick();"],
    "paths of one machine": ["src/proxy/x.ts", 'const FOLDER = "/home/me";'],
  };
  for (const ban of BANS) {
    test(`${ban.name}, planted, is found`, () => {
      const [path, text] = PLANTS[ban.name] ?? ["", ""];
      assert.deepEqual(findBanned(ban, [{ path, text }]), [`${path}:1: ${text.trim()}`]);
    });
  }
});

test(`files of src and build have at most ${LINES_MAX} lines`, () => {
  const long = SHIPPED.filter(({ text }) => text.split("\n").length - 1 > LINES_MAX);
  assert.deepEqual(
    long.map(({ path }) => path),
    Object.keys(LONG_FILES),
  );
});

test("names of files are in kebab-case and say what is in them", () => {
  const names = readTree("src", "build", "test").filter((path) => !path.includes("__pycache__"));
  for (const path of names) {
    assert.match(path, /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)+[a-z0-9]+(?:[-.][a-z0-9]+)*$/);
    assert.doesNotMatch(path, /\/(?:utils?|helpers?|common|misc|index|types)\.ts$/);
  }
});

test("every exported function and class says what it is", () => {
  const silent = SHIPPED.flatMap(({ path, text }) => {
    const lines = text.split("\n");
    return lines.flatMap((line, i) => {
      const exported = /^export (?:abstract |async )?(?:function|class)\b/.test(line);
      const before = lines[lines[i - 1]?.startsWith("// oxlint-") === true ? i - 2 : i - 1] ?? "";
      return exported && !before.endsWith("*/") ? [`${path}:${i + 1}: ${line}`] : [];
    });
  });
  assert.deepEqual(silent, []);
});
