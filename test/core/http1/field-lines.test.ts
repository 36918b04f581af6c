import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FieldLines } from "../../../src/core/http1/field-lines.ts";
import { parseFields } from "../../../src/core/http1/fields.ts";

function linesOf(text: string): FieldLines {
  const parsed = parseFields(`${text}\r\n`, 0, 100);
  assert.ok(parsed.ok, text);
  return parsed.value.lines;
}

describe("FieldLines", () => {
  test("says the same as text and as a list", () => {
    const list = ["Accept", "a: b", "X-Empty", "", "X-A", "1"];
    const text = "Accept: a: b\r\nX-Empty: \r\nX-A: 1\r\n";
    assert.equal(FieldLines.of(list).text, text);
    assert.deepEqual(new FieldLines(text).list, list);
    assert.deepEqual(new FieldLines("").list, []);
  });

  /** What was sent, and as what it goes on; undefined = as it is. */
  const SENT: readonly (readonly [name: string, sent: string, passed?: string])[] = [
    ["lines as they would be written", "A: 1\r\nB: 2\r\n"],
    ["an empty value behind a space", "A: \r\n"],
    ["an empty value", "A:\r\n", "A: \r\n"],
    ["no space", "A:1\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n"],
    ["two spaces", "A: 1\r\nB:  2\r\n", "A: 1\r\nB: 2\r\n"],
    ["a tab", "A:\t1\r\nB: \t2\r\n", "A: 1\r\nB: 2\r\n"],
    ["white space behind", "A: 1 \r\nB: 2\t\r\n", "A: 1\r\nB: 2\r\n"],
    ["white space alone", "A:   \r\nB: 2\r\n", "A: \r\nB: 2\r\n"],
    ["what does not pass, first", "Host: h\r\nA: 1\r\n", "A: 1\r\n"],
    ["what does not pass, between", "A: 1\r\nTE: x\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n"],
    ["what does not pass, last", "A: 1\r\nKeep-Alive: 5\r\n", "A: 1\r\n"],
    ["nothing that passes", "Host: h\r\nContent-Length: 1\r\n", ""],
    [
      "what says something and passes",
      "User-Agent: u\r\nReferer:r\r\n",
      "User-Agent: u\r\nReferer: r\r\n",
    ],
    ["what Connection names", "A: 1\r\nB: 2\r\nConnection: a\r\n", "B: 2\r\n"],
  ];
  for (const [name, sent, passed = sent] of SENT) {
    test(`holds of a section what passes, as it is written anew: ${name}`, () => {
      assert.equal(linesOf(sent).text, passed);
    });
  }
});
