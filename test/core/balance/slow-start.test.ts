import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Candidate } from "../../../src/core/balance/candidate.ts";
import { slowStartShare } from "../../../src/core/balance/slow-start.ts";
import type { BalancerKind } from "../../../src/core/service.ts";
import { balancerOf, candidatesOf, countPicks, equalCandidates } from "./fixtures.ts";

const PICKS = 50_000;
const MINUTE_MS = 60_000;

/** The share of the last of these candidates, which is new since 0, at some time. */
function shareOfNew(kind: BalancerKind, candidates: readonly Candidate[], nowMs: number): number {
  const last = candidates.at(-1) as Candidate;
  last.sinceMs = 0;
  const options = { wallClock: () => nowMs, slowStartMs: MINUTE_MS };
  const counts = countPicks(balancerOf(kind, candidates, options), candidates, { picks: PICKS });
  return (counts.at(-1) ?? 0) / PICKS;
}

describe("slowStartShare()", () => {
  test("grows from 10 % to 100 %", () => {
    assert.equal(slowStartShare(-5, 1000), 1);
    assert.equal(slowStartShare(0, 1000), 0.1);
    assert.equal(slowStartShare(100, 1000), 0.1);
    assert.equal(slowStartShare(500, 1000), 0.5);
    assert.equal(slowStartShare(1000, 1000), 1);
    assert.equal(slowStartShare(Number.POSITIVE_INFINITY, 1000), 1);
  });
});

describe("slow start", () => {
  test("gives a new endpoint a tenth, a half, then all of its share", () => {
    for (const kind of ["random", "least_request"] as const) {
      for (const [nowMs, part] of [
        [0, 0.1],
        [MINUTE_MS / 2, 0.5],
        [MINUTE_MS, 1],
      ] as const) {
        // Ten others have a share of 1 each.
        const expected = part / (10 + part);
        const share = shareOfNew(kind, equalCandidates(11), nowMs);
        assert.ok(Math.abs(share - expected) < 0.12 * expected + 0.002, `${kind} ${share}`);
        const heavy = shareOfNew(kind, candidatesOf([1, 1, 2]), nowMs);
        const expectedHeavy = (2 * part) / (2 + 2 * part);
        assert.ok(Math.abs(heavy - expectedHeavy) < 0.12 * expectedHeavy + 0.005, `${heavy}`);
      }
    }
  });

  test("passes over a new endpoint of a rotation as often", () => {
    const share = shareOfNew("round_robin", equalCandidates(4), MINUTE_MS / 2);
    assert.ok(Math.abs(share - 0.5 / 3.5) < 0.01, String(share));
    assert.equal(shareOfNew("round_robin", equalCandidates(4), MINUTE_MS), 0.25);
  });

  test("leaves hashing alone, and those who are alone or all new", () => {
    for (const kind of ["maglev", "ring_hash"] as const) {
      const share = shareOfNew(kind, equalCandidates(4), 0);
      assert.ok(Math.abs(share - 0.25) < 0.02, String(share));
    }
    for (const kind of ["random", "least_request", "round_robin"] as const) {
      assert.equal(shareOfNew(kind, equalCandidates(1), 0), 1);
      const all = equalCandidates(4);
      for (const candidate of all) candidate.sinceMs = 0;
      assert.ok(Math.abs(shareOfNew(kind, all, 0) - 0.25) < 0.02);
    }
  });

  test("does not keep a slow endpoint from a request that was at the others", () => {
    const candidates = equalCandidates(2);
    const [old, slow] = candidates as [Candidate, Candidate];
    slow.sinceMs = 0;
    for (const kind of ["random", "least_request", "round_robin"] as const) {
      const options = { wallClock: () => 1, slowStartMs: MINUTE_MS };
      const balancer = balancerOf(kind, candidates, options);
      for (let i = 0; i < 100; i += 1) assert.equal(balancer.pick([old.endpoint], undefined), slow);
    }
  });

  test("asks the clock no more once everybody has a full share", () => {
    const candidates = equalCandidates(3);
    for (const candidate of candidates) candidate.sinceMs = 0;
    let asked = 0;
    const balancer = balancerOf("random", candidates, {
      slowStartMs: 10,
      wallClock: () => {
        asked += 1;
        return 100;
      },
    });
    for (let i = 0; i < 10; i += 1) balancer.pick([], undefined);
    assert.equal(asked, 1);
  });
});
