import assert from "node:assert/strict";
import { test } from "node:test";
import type { Path } from "../../src/config/document.ts";
import { parseToml } from "../../src/config/toml.ts";
import { scanToml } from "../../src/config/toml-scan.ts";

function parse(text: string) {
  const parsed = parseToml(text);
  assert.ok(parsed.ok, parsed.ok ? "" : parsed.error.message);
  return parsed.value;
}

const PLACES = `a = 1
b.c = [ 1, { d = 2 } ]
[t]
"x y".z = 3
[[u]]
[[u]]
v = { w = [[4]] }
[u.k]
q = 5
[m.n]
[m]
o = 6
`;

test("parseToml() knows the place of every key, table and item", () => {
  const document = parse(PLACES);
  const rows: [Path, number, number, string][] = [
    [["a"], 1, 1, "a"],
    [["b"], 2, 1, "b"],
    [["b", "c"], 2, 3, "b.c"],
    [["b", "c", 0], 2, 9, "b.c[0]"],
    [["b", "c", 1], 2, 12, "b.c[1]"],
    [["b", "c", 1, "d"], 2, 14, "b.c[1].d"],
    [["t"], 3, 1, "t"],
    [["t", "x y"], 4, 1, 't."x y"'],
    [["t", "x y", "z"], 4, 7, 't."x y".z'],
    [["u"], 5, 1, "u"],
    [["u", 0], 5, 1, "u[0]"],
    [["u", 1], 6, 1, "u[1]"],
    [["u", 1, "v", "w", 0, 0], 7, 13, "u[1].v.w[0][0]"],
    [["u", 1, "k"], 8, 1, "u[1].k"],
    [["m"], 11, 1, "m"],
    [["m", "n"], 10, 1, "m.n"],
    [["m", "absent"], 11, 1, "m.absent"],
    [["u", 1, "absent", 3, "x"], 6, 1, "u[1].absent[3].x"],
  ];
  for (const [path, line, column, shown] of rows) {
    assert.deepEqual(document.place(path), { line, column }, shown);
    assert.equal(document.show(path), shown);
    assert.equal(document.says(path), !shown.includes("absent"), shown);
  }
});

test("parseToml() gives tables that inherit nothing, so that no key is special", () => {
  const { root } = parse("__proto__ = { polluted = 1 }\nconstructor.prototype.polluted = 1\n");
  const inherited: object = Object.getPrototypeOf(root);
  assert.deepEqual(Reflect.ownKeys(inherited), []);
  assert.equal(Object.getPrototypeOf(inherited), null);
  assert.ok(Object.isFrozen(inherited));
  assert.equal("toString" in root, false);
  assert.deepEqual(Object.keys(root), ["__proto__", "constructor"]);
  assert.equal("polluted" in {}, false);
});

test("parseToml() follows TOML's rules on what may be defined again", () => {
  const fine = [
    "[a.b]\n[a]\nc = 1",
    "[a]\nb.c = 1\nb.d = 2",
    "[fruit]\napple.color = 1\n[fruit.apple.taste]\nx = 1",
    "[[a]]\nb.c = 1\n[[a]]\nb.c = 1",
    "[[a]]\n[a.b]\n[[a]]\n[a.b]",
  ];
  for (const text of fine) assert.ok(parseToml(text).ok, text);
  const wrong = [
    "a = 1\na = 2",
    "[a]\n[a]",
    "a.b = 1\na.b.c = 2",
    "[a.b]\n[a]\nb.c = 1",
    "[a]\nb.c = 1\n[a.b]",
    "a = {}\n[a.b]",
    "a = { b = 1 }\na.c = 2",
    "a = []\n[[a]]",
    "[[a]]\n[a]",
    "[a]\n[[a]]",
    "a = 1\n[a.b]",
  ];
  for (const text of wrong) assert.ok(!parseToml(text).ok, text);
});

const PIECES = `a = """
[[x]]
\\""" [[ # ]]
"""
b = ''' [[y]] ''''
c = "\\"[[" # [[z]] "
[[g]]
k = ["]", '[', # ]]
  [1, 2], { l = 3 }]
[g.sub]
[[g]]
[service.s]
m = 1
[[h]]
`;

test("scanToml() cuts before headers only, and the pieces give the same document", () => {
  const scan = scanToml(PIECES, 0);
  assert.ok(scan.ok);
  assert.deepEqual(
    scan.pieces.map(({ lineOffset, text }) => [lineOffset, text.split("\n")[0]]),
    [
      [0, 'a = """'],
      [6, "[[g]]"],
      [10, "[[g]]"],
      [11, "[service.s]"],
      [13, "[[h]]"],
    ],
  );
  assert.equal(scan.pieces.map(({ text }) => text).join(""), PIECES);
});

test("parseToml() reads a file of many pieces as it reads a short one", () => {
  const one = "[[g]]\nname = 'x'\n[g.sub]\nk = 1\n";
  const document = parse(one.repeat(10_000));
  assert.deepEqual(document.place(["g", 9999, "sub", "k"]), { line: 40_000, column: 1 });
  // Tables that go back to an earlier array: each piece alone would look wrong.
  const mixed = `[[g]]\n${"[[h]]\nx = 1\n".repeat(10_000)}[g.sub]\n[[g]]\n`;
  assert.equal(JSON.stringify(parse(mixed).root["g"]), '[{"sub":{}},{}]');
});

test("parseToml() finds what is defined twice in different pieces", () => {
  const filler = "[[h]]\nx = 1\n".repeat(10_000);
  const parsed = parseToml(`[service.a]\n${filler}[service.b]\n[service.a]\n`);
  assert.deepEqual(parsed.ok ? parsed.value : parsed.error, {
    at: { line: 20_003, column: 1 },
    message: 'not valid TOML: "a" is defined a second time, first in line 1',
  });
});

test("TomlDocument.remove() keeps the places and indexes of everything else", () => {
  const document = parse("[[u]]\na = 1\n[[u]]\na = 2\n[[u]]\na = 3\n");
  document.remove(["u", 1]);
  assert.deepEqual(document.place(["u", 1, "a"]), { line: 6, column: 1 });
  assert.equal(document.show(["u", 1, "a"]), "u[2].a");
  document.remove(["u", 0, "a"]);
  assert.equal(JSON.stringify(document.root), '{"u":[{},{"a":3}]}');
  assert.ok(document.says(["u", 0, "a"]));
});
