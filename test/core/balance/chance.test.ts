import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Candidate } from "../../../src/core/balance/candidate.ts";
import {
  assertShares,
  balancerOf,
  candidatesOf,
  countPicks,
  endpointOf,
  equalCandidates,
  seededChance,
} from "./fixtures.ts";

const BY_CHANCE = ["least_request", "random", "maglev", "ring_hash"] as const;
const PICKS = 100_000;

describe("random and least_request, and hashing without a hash", () => {
  for (const kind of BY_CHANCE) {
    test(`${kind} gives equal endpoints equal shares (chi-square)`, () => {
      for (const count of [2, 3, 10, 100]) {
        const candidates = equalCandidates(count);
        const counts = countPicks(balancerOf(kind, candidates), candidates, { picks: PICKS });
        assertShares(
          counts,
          candidates.map(() => 1),
        );
      }
    });

    test(`${kind} gives idle endpoints shares by weight (chi-square)`, () => {
      for (const weights of [
        [1, 3],
        [5, 1, 1, 3],
        [1, 1000, 10, 100],
        Array.from({ length: 60 }, (_, i) => i + 1),
      ]) {
        const candidates = candidatesOf(weights);
        const counts = countPicks(balancerOf(kind, candidates), candidates, { picks: PICKS });
        assertShares(counts, weights);
      }
    });

    test(`${kind} gives what was not tried yet, whatever it weighs, and then undefined`, () => {
      const candidates = candidatesOf([1000, 1, 1]);
      const [a, b, c] = candidates.map(({ endpoint }) => endpoint);
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      const balancer = balancerOf(kind, candidates);
      const seen = new Set<string | undefined>();
      for (let i = 0; i < 200; i += 1) {
        seen.add(balancer.pick([a], undefined)?.endpoint.host);
        assert.equal(balancer.pick([a, c], undefined)?.endpoint, b);
        assert.equal(balancer.pick([a, b, c, a, a], undefined), undefined);
      }
      assert.deepEqual(seen, new Set(["e1", "e2"]));
    });
  }
});

describe("LeastRequest", () => {
  test("of two endpoints always takes the one with less to do", () => {
    const candidates = equalCandidates(2);
    const [busy, free] = candidates as [Candidate, Candidate];
    const balancer = balancerOf("least_request", candidates);
    busy.active = 1;
    for (let i = 0; i < 100; i += 1) assert.equal(balancer.pick([], undefined), free);
    assert.equal(balancer.pick([free.endpoint], undefined), busy);
  });

  test("keeps the most loaded of 100 near the average, where random does not", () => {
    assert.ok(highestLoad("least_request") <= 14, String(highestLoad("least_request")));
    assert.ok(highestLoad("random") >= 18, String(highestLoad("random")));
  });

  test("takes of a slow endpoint's requests what it can bear: one ten times slower gets far less", () => {
    const candidates = equalCandidates(5);
    const counts = serve(candidates, [10, 1, 1, 1, 1]);
    const [slow = 0, ...others] = counts;
    assert.ok(slow * 3 < Math.min(...others), counts.join(" "));
  });

  test("weighs load: an idle endpoint of weight 1 beside a busy one of 1000 gets hardly more than its share", () => {
    const candidates = candidatesOf([1, 1000]);
    const heavy = candidates[1] as Candidate;
    heavy.active = 50;
    const [light = 0] = countPicks(balancerOf("least_request", candidates), candidates, {
      picks: PICKS,
    });
    // Both draws are by weight: at most two in 1001.
    assert.ok(light > 0 && light < 300, String(light));
  });

  test("keeps loads in proportion to weights", () => {
    const candidates = candidatesOf([1, 2, 4]);
    const balancer = balancerOf("least_request", candidates);
    for (let i = 0; i < 7000; i += 1) {
      const picked = balancer.pick([], undefined);
      assert.ok(picked !== undefined);
      picked.active += 1;
    }
    for (const { active, endpoint } of candidates) {
      assert.ok(Math.abs(active / endpoint.weight - 1000) < 25, `${active} of ${endpoint.weight}`);
    }
  });
});

describe("every balancer", () => {
  for (const kind of [...BY_CHANCE, "round_robin"] as const) {
    test(`${kind} gives undefined without endpoints, and the only one always`, () => {
      assert.equal(balancerOf(kind, []).pick([], undefined), undefined);
      assert.equal(balancerOf(kind, []).pick([], 7), undefined);
      assert.equal(balancerOf(kind, []).pick([endpointOf("e0")], 7), undefined);
      const candidates = equalCandidates(1);
      const balancer = balancerOf(kind, candidates);
      for (let i = 0; i < 10; i += 1) {
        assert.equal(balancer.pick([], i % 2 === 0 ? undefined : i * 1e8), candidates[0]);
        assert.equal(balancer.pick([endpointOf("e0")], i), undefined);
      }
    });

    test(`${kind} takes extreme chance`, () => {
      const most = 1 - Number.EPSILON / 2;
      for (const chance of [0, most]) {
        for (const weights of [
          [1, 1],
          [1, 1, 1, 1, 1],
          [65_535, 1, 1],
        ]) {
          const candidates = candidatesOf(weights);
          const balancer = balancerOf(kind, candidates, { random: () => chance });
          assert.ok(balancer.pick([], undefined) !== undefined);
          assert.ok(balancer.pick([endpointOf("e0")], undefined) !== undefined);
        }
      }
    });
  }
});

/** The most that one of 100 endpoints has after 1,000 requests that never end. */
function highestLoad(kind: "least_request" | "random"): number {
  const candidates = equalCandidates(100);
  const balancer = balancerOf(kind, candidates);
  for (let i = 0; i < 1000; i += 1) {
    const picked = balancer.pick([], undefined);
    if (picked !== undefined) picked.active += 1;
  }
  return Math.max(...candidates.map(({ active }) => active));
}

/** How many requests each gets when a request takes it so many steps and two come in each step. */
function serve(candidates: readonly Candidate[], stepsOf: readonly number[]): readonly number[] {
  const balancer = balancerOf("least_request", candidates, { random: seededChance(9) });
  const counts = candidates.map(() => 0);
  let running: { readonly index: number; readonly end: number }[] = [];
  for (let step = 0; step < 5000; step += 1) {
    for (const { index, end } of running) {
      const candidate = candidates[index];
      if (end === step && candidate !== undefined) candidate.active -= 1;
    }
    running = running.filter(({ end }) => end > step);
    for (let i = 0; i < 2; i += 1) {
      const picked = balancer.pick([], undefined);
      assert.ok(picked !== undefined);
      const index = candidates.indexOf(picked);
      picked.active += 1;
      counts[index] = (counts[index] ?? 0) + 1;
      running.push({ index, end: step + (stepsOf[index] ?? 1) });
    }
  }
  return counts;
}
