import assert from "node:assert/strict";
import { test } from "node:test";
import { isTable } from "../../src/config/document.ts";
import type { Path, TomlDocument, TomlValue } from "../../src/config/document.ts";
import { parseToml } from "../../src/config/toml.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";

/** Lines, with "|" between several, that begin, continue or end what a cut could fall into. */
const LINES = String.raw`[[g]]
[[h]]
[[g]]|x = 1
[[h]]|x = 1
[g.a]
[[g.b]]
[h]
[[g]]|[g.a]|[[g]]
[service]
[service.a]
[service.b]
[service.a.t]
[service.c]|x = 1
[service.d]|x.y = {}
  [[g]] # g
[['g']]
x = 1
y = 1
a.b = 1
a.c = 2
a = {}
v = [
[1], [2],
]
# [[g]]

z =
t = """
"""
u = "[[g]]"
w = ''''''
k = '''
"\"[[g]]"
'''`
  .split("\n")
  .map((lines) => lines.replaceAll("|", "\n"));

test("parseToml() says the same of a file in the smallest pieces as in one", () => {
  const random = seededRandom(20_260_305);
  const line = () => LINES[random(LINES.length)] ?? "";
  let [fine, wrong] = [0, 0];
  for (let i = 0; i < 5000; i += 1) {
    const text = Array.from({ length: 1 + random(8) }, line).join("\n");
    const [small, whole] = [parseToml(text, 0), parseToml(text, Number.POSITIVE_INFINITY)];
    if (small.ok && whole.ok) {
      assert.deepEqual(everything(small.value), everything(whole.value), text);
      fine += 1;
    } else {
      assert.equal(small.ok, whole.ok, text);
      // Of what is defined twice the parser speaks at the end of a piece, and of the rest where it meets it.
      if (![small, whole].some(isTwice)) assert.equal(errorLine(small), errorLine(whole), text);
      wrong += 1;
    }
  }
  assert.ok(fine > 500 && wrong > 500, `${fine} fine, ${wrong} wrong`);
});

function isTwice(parsed: ReturnType<typeof parseToml>): boolean {
  return !parsed.ok && parsed.error.message.includes("is defined a second time");
}

function errorLine(parsed: ReturnType<typeof parseToml>): number | undefined {
  return parsed.ok ? undefined : parsed.error.at.line;
}

/** Every value with its path and place. */
function everything(document: TomlDocument): readonly string[] {
  const lines: string[] = [];
  const visit = (value: TomlValue, path: Path): void => {
    const { line, column } = document.place(path);
    lines.push(`${line}:${column} ${document.show(path)} = ${JSON.stringify(value)}`);
    const inner = Array.isArray(value)
      ? value.entries()
      : isTable(value)
        ? Object.entries(value)
        : [];
    for (const [part, item] of inner) visit(item, [...path, part]);
  };
  visit(document.root, []);
  return lines;
}
