import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type CheckState,
  nextCheckState,
  renewed,
  UNCHECKED,
} from "../../src/core/health-check.ts";

const POLICY = { unhealthyAfter: 3, healthyAfter: 2 };

/** States after each result of a row of `+` and `-`, as `+` and `-`. */
function run(results: string, start: CheckState = UNCHECKED): string {
  let state = start;
  return results
    .split("")
    .map((result, atMs) => {
      state = nextCheckState(state, { passed: result === "+", detail: "", atMs }, POLICY);
      return state.healthy ? "+" : "-";
    })
    .join("");
}

const TABLE: readonly (readonly [what: string, results: string, states: string])[] = [
  ["the first result decides alone when it is good", "+", "+"],
  ["the first result decides alone when it is bad", "-", "-"],
  ["it takes three failures in a row", "+---", "+++-"],
  ["a success between starts the row anew", "+--+--+---", "+++++++++-"],
  ["it takes two successes in a row", "-++", "--+"],
  ["a failure between starts the row anew", "-+-+-++", "------+"],
  ["an endpoint that flips each time stays what it is", "+-+-+-+-", "++++++++"],
  ["it falls and rises more than once", "-++---++", "--+++--+"],
];

for (const [what, results, states] of TABLE) {
  test(`nextCheckState() ${what}`, () => assert.equal(run(results), states));
}

test("nextCheckState() keeps the last result", () => {
  const last = { passed: false, detail: "connect refused", atMs: 7 };
  assert.deepEqual(nextCheckState(UNCHECKED, last, POLICY).last, last);
});

test("renewed() keeps what is known, but the next result decides alone", () => {
  const healthy: CheckState = { healthy: true, against: 0, last: undefined };
  assert.equal(renewed(healthy).healthy, true);
  assert.equal(run("-", renewed(healthy)), "-");
  assert.equal(run("+--", renewed(healthy)), "+++");
});
