import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration } from "../../src/core/duration.ts";

const DURATIONS: readonly [ms: number, text: string][] = [
  [0, "0s"],
  [250, "250ms"],
  [1500, "1500ms"],
  [5000, "5s"],
  [90_000, "90s"],
  [600_000, "10m"],
  [3_600_000, "1h"],
];
for (const [ms, text] of DURATIONS) {
  test(`formatDuration() writes ${ms} as ${text}`, () => assert.equal(formatDuration(ms), text));
}
