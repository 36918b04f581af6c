import assert from "node:assert/strict";
import { test } from "node:test";
import {
  eject,
  errorsInARow,
  mayEject,
  needsSweep,
  type OutlierState,
  sweep,
  UNTROUBLED,
  withRow,
} from "../../src/core/health-outlier.ts";

const POLICY = { errors: 5, intervalMs: 10_000, ejectionMs: 30_000, percentMax: 10 };

test("errorsInARow() is the sum over workers of what each said last", () => {
  let state = withRow(UNTROUBLED, 1, 3);
  state = withRow(state, 0, 1);
  assert.equal(errorsInARow(state), 4);
  state = withRow(state, 1, 0);
  assert.equal(errorsInARow(state), 1);
});

test("withRow() counts nothing during an ejection", () => {
  const ejected = eject(withRow(UNTROUBLED, 0, 5), POLICY, 0);
  assert.equal(errorsInARow(ejected), 0);
  assert.equal(withRow(ejected, 0, 9), ejected);
});

/** How long each of so many ejections lasts when each comes right after the last. */
function lengths(times: number, policy = POLICY): readonly number[] {
  let state: OutlierState = UNTROUBLED;
  return Array.from({ length: times }, () => {
    state = eject({ ...state, untilMs: undefined }, policy, 0);
    return state.untilMs ?? 0;
  });
}

test("eject() doubles the length each time, up to 300 s", () => {
  assert.deepEqual(lengths(6), [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
});

test("eject() never shortens a policy's own length", () => {
  assert.deepEqual(lengths(3, { ...POLICY, ejectionMs: 600_000 }), [600_000, 600_000, 600_000]);
});

test("sweep() lets it back when the time is over, then forgives one ejection each interval", () => {
  let state = eject(UNTROUBLED, POLICY, 1000);
  state = sweep(eject({ ...state, untilMs: undefined }, POLICY, 1000), 60_999);
  assert.equal(state.untilMs, 61_000);
  state = sweep(state, 61_000);
  assert.deepEqual([state.untilMs, state.times, state.total], [undefined, 2, 2]);
  assert.ok(needsSweep(state));
  state = sweep(sweep(state, 71_000), 81_000);
  assert.equal(state.times, 0);
  assert.ok(!needsSweep(state));
  assert.equal(sweep(state, 91_000), state);
  assert.equal(eject(state, POLICY, 0).untilMs, 30_000);
});

const ROOM: readonly (readonly [
  endpoints: number,
  ejected: number,
  others: number,
  percent: number,
  may: boolean,
])[] = [
  [1, 0, 0, 100, false],
  [2, 0, 1, 10, true],
  [2, 0, 1, 0, true],
  [2, 1, 0, 100, false],
  [3, 1, 1, 10, false],
  [3, 1, 1, 67, true],
  [3, 1, 1, 66, false],
  [20, 1, 18, 10, true],
  [20, 2, 17, 10, false],
  [3, 0, 0, 100, false],
];

for (const [endpoints, ejected, usableOthers, percentMax, may] of ROOM) {
  test(`mayEject() of ${endpoints}, ${ejected} ejected, ${usableOthers} others, ${percentMax} %: ${may}`, () => {
    assert.equal(mayEject({ ...POLICY, percentMax }, { endpoints, ejected, usableOthers }), may);
  });
}
