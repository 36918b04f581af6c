import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { parseEndpointFile } from "../../src/config/endpoint-file.ts";
import { check, compile, file } from "./check-text.ts";

const parse = (text: string | Uint8Array) =>
  parseEndpointFile(typeof text === "string" ? new TextEncoder().encode(text) : text);

const errorOf = (text: string | Uint8Array): string => {
  const parsed = parse(text);
  return parsed.ok ? "" : parsed.error;
};

test("parseEndpointFile() takes what `endpoints` takes", () => {
  const text = `\ufeff[
    "10.0.0.1:80", "[2001:DB8::1]:80", "unix:/run/app", "Site.test:81",
    { "address": "10.0.0.2:80", "weight": 3, "labels": { "version": "v1" }, "zone": "a", "backup": true }
  ]`;
  const parsed = parse(text);
  assert.ok(parsed.ok);
  const plain = { weight: 1 };
  assert.deepEqual(parsed.value, [
    { kind: "address", endpoint: { host: "10.0.0.1", port: 80, name: "10.0.0.1:80", ...plain } },
    {
      kind: "address",
      endpoint: { host: "2001:db8::1", port: 80, name: "[2001:db8::1]:80", ...plain },
    },
    { kind: "address", endpoint: { host: "/run/app", port: 0, name: "unix:/run/app", ...plain } },
    { kind: "name", host: "site.test", port: 81, ...plain },
    {
      kind: "address",
      endpoint: {
        host: "10.0.0.2",
        port: 80,
        name: "10.0.0.2:80",
        weight: 3,
        labels: { version: "v1" },
        zone: "a",
        priority: 65_536,
      },
    },
  ]);
  assert.deepEqual(parse("[]"), { ok: true, value: [] });
});

const names = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_, i) => `n${i}.test:80`));
const addresses = (count: number): string =>
  JSON.stringify(Array.from({ length: count }, (_, i) => `10.1.${i >> 8}.${i & 255}:80`));

const WRONG: readonly (readonly [name: string, text: string | Uint8Array, error: string])[] = [
  ["nothing", " \n", "is not JSON: it is empty"],
  ["half a file", '["10.0.0.1:80", "10.0', "is not JSON: it ends too early"],
  ["half a number", "[1.", "is not JSON: it ends too early"],
  ["a comma too many", '["10.0.0.1:80",\n]', "is not JSON: a mistake at line 2, column 1"],
  ["a word", '[\n "a",\n x]', "is not JSON: a mistake at line 3, column 2"],
  ["two values", "[] []", "is not JSON: a mistake at line 1, column 4"],
  ["NUL", '["10.0.0.1:80\u0000"]', "is not JSON: a mistake at line 1, column 14"],
  [
    "NUL escaped",
    '["unix:/a\\u0000"]',
    '[0]: a path has no control characters, found "unix:/a\\u0000"',
  ],
  ["Latin-1", new Uint8Array([0x5b, 0x22, 0xe9, 0x22, 0x5d]), "is not UTF-8"],
  ["a table", '{"endpoints": []}', 'expected a list such as ["10.0.0.1:80"], found a table'],
  [
    "a number",
    "[80]",
    '[0]: expected an address such as "10.0.0.1:80", or { address = "10.0.0.1:80", weight = 1 }, found 80',
  ],
  [
    "a wrong weight and more",
    '["10.0.0.1:80", { "address": "10.0.0.2:80", "weight": 0, "wieght": 1 }]',
    "[1].weight: expected a whole number from 1 to 1000, found 0, and 1 more",
  ],
  [
    "a reserved key",
    '[{ "address": "10.0.0.2:80", "__proto__": {} }]',
    "[0].__proto__: unknown key",
  ],
  ["the same twice", '["10.0.0.1:80", "10.0.0.1:80"]', "[1]: 10.0.0.1:80 is in this file twice"],
  ["too many", addresses(10_001), "at most 10000 endpoints, found 10001"],
  ["too many names", names(1001), "at most 1000 names are looked up, found 1001"],
  ["depth", "[".repeat(100_000), "is not JSON: it ends too early"],
  ["lists in lists", "[".repeat(100_000) + "]".repeat(100_000), "[0]: expected a table"],
];

describe("parseEndpointFile() says where the mistake is:", () => {
  for (const [name, text, error] of WRONG) {
    test(name, () => {
      const found = errorOf(text);
      assert.ok(found.startsWith(error), found);
    });
  }

  test("and shows nothing of a file that was not meant", () => {
    assert.doesNotMatch(errorOf("root:secret:1:\n".repeat(100)), /secret/);
  });

  test("but not in 10,000 endpoints, nor in 1,000 names", () => {
    assert.equal(errorOf(addresses(10_000)), "");
    assert.equal(errorOf(names(1000)), "");
  });
});

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-endpoints-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const linesOf = (path: string, more = "") =>
  check(file({ service: `file = "${path}"${more}` })).lines;
const sourcesOf = (service: string) => compile(file({ service })).services[0]?.sources;

describe("checkConfig() on a file of endpoints", () => {
  test("has a source for it, for SRV records and for a Unix socket", (t) => {
    const path = join(folderOf(t), "web.json");
    writeFileSync(path, '["10.0.0.1:80"]');
    assert.deepEqual(linesOf(path), []);
    assert.deepEqual(sourcesOf(`file = "${path}"`), [{ kind: "file", path }]);
    assert.deepEqual(sourcesOf('srv = "_HTTP._tcp.a.com."'), [
      { kind: "srv", name: "_http._tcp.a.com" },
    ]);
    assert.deepEqual(sourcesOf('endpoints = ["unix:/run/app"]'), [
      {
        kind: "address",
        endpoint: { host: "/run/app", port: 0, name: "unix:/run/app", weight: 1 },
      },
    ]);
  });

  test("warns of one that is missing, wrong, or no file, and goes on", (t) => {
    const folder = folderOf(t);
    const path = join(folder, "web.json");
    const until =
      ": a box that starts has no endpoint here until it is right; one that runs keeps those it has";
    const warning = `22:1: warning: service.s.file: ${path}`;
    assert.deepEqual(linesOf(path), [`${warning} does not exist${until}`]);
    writeFileSync(path, "[");
    assert.deepEqual(linesOf(path), [`${warning} is not JSON: it ends too early${until}`]);
    rmSync(path);
    mkdirSync(path);
    assert.deepEqual(linesOf(path), [`${warning} is not a file${until}`]);
  });

  test("warns of our own gateway in it", (t) => {
    const path = join(folderOf(t), "web.json");
    writeFileSync(path, '["10.0.0.1:80", "127.0.0.1:8080"]');
    assert.deepEqual(linesOf(path), [
      `22:1: warning: service.s.file: ${path} lists 127.0.0.1:8080, which is our own gateway: a loop`,
    ]);
    assert.deepEqual(linesOf(path, "\nallow_loop = true"), []);
  });
});
