/** Runs a table of wrong files: every line exactly, so that a changed word is a decision. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check } from "./check-text.ts";

export interface Row {
  readonly name: string;
  readonly text: string;
  readonly lines: readonly string[];
}

export function testWrongFiles(subject: string, rows: readonly Row[]): void {
  describe(`checkConfig() says of ${subject}`, () => {
    for (const { name, text, lines } of rows) {
      test(name, () => {
        const checked = check(text);
        assert.deepEqual(checked.lines, lines);
        assert.equal(checked.snapshot, undefined);
      });
    }
  });
}
