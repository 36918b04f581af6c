import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAge } from "../../src/cli/age.ts";
import { renderTable, shortList } from "../../src/cli/table.ts";

const TABLE = {
  heads: ["A", "LONG", "Z"],
  rows: [
    ["wide cell", "x", ""],
    ["", "y", "last"],
  ],
};

test("renderTable() aligns columns, shows nothing as - and leaves no blanks at the end", () => {
  assert.equal(
    renderTable(TABLE, false),
    "A          LONG  Z\nwide cell  x     -\n-          y     last\n",
  );
});

test("renderTable() puts only the heads in bold", () => {
  const [head, ...rows] = renderTable(TABLE, true).split("\n");
  assert.equal(head, "\u001b[1mA          LONG  Z\u001b[0m");
  assert.ok(rows.every((row) => !row.includes("\u001b")));
});

test("renderTable() lets no control character through", () => {
  const text = renderTable({ heads: ["A"], rows: [["a\n\u001b[2Jb"]] }, false);
  assert.equal(text, "A\na\\u000a\\u001b[2Jb\n");
});

test("renderTable() shows the heads of an empty table", () => {
  assert.equal(renderTable({ heads: ["A", "B"], rows: [] }, false), "A  B\n");
});

test("shortList() counts what it does not show", () => {
  assert.equal(shortList(["a", "b"], 2), "a, b");
  assert.equal(shortList(["a", "b", "c", "d"], 2), "a, b +2");
  assert.equal(shortList([], 2), "");
});

const AGES: readonly [ms: number, text: string][] = [
  [-5, "0s"],
  [3999, "3s"],
  [120_000, "2m"],
  [7_200_000, "2h"],
  [200_000_000, "2d"],
];
for (const [ms, text] of AGES) {
  test(`formatAge() writes ${ms} as ${text}`, () => assert.equal(formatAge(ms), text));
}
