import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Candidate, createCandidate } from "../../../src/core/balance/candidate.ts";
import { hashText } from "../../../src/core/hash-text.ts";
import type { Endpoint } from "../../../src/core/service.ts";
import { createBalancer } from "../../../src/core/balance/balancer.ts";
import { HashTables } from "../../../src/core/balance/hash-tables.ts";
import {
  balancerOf,
  candidatesOf,
  optionsOf,
  countPicks,
  endpointOf,
  equalCandidates,
} from "./fixtures.ts";

const KINDS = ["maglev", "ring_hash"] as const;
const KEYS = Array.from({ length: 20_000 }, (_, i) => hashText(`user-${i}`, 0));

type Kind = (typeof KINDS)[number];

/** Where each key goes. */
function assign(kind: Kind, candidates: readonly Candidate[]): readonly string[] {
  const balancer = balancerOf(kind, candidates);
  return KEYS.map((key) => balancer.pick([], key)?.endpoint.name ?? "");
}

/** Of the keys, which share goes elsewhere. */
function movedShare(before: readonly string[], after: readonly string[]): number {
  return before.filter((name, i) => name !== after[i]).length / before.length;
}

for (const kind of KINDS) {
  describe(kind, () => {
    test("sends the same hash to the same endpoint, whoever built it and in whatever order", () => {
      const candidates = candidatesOf([1, 2, 3, 4, 5]);
      const first = assign(kind, candidates);
      assert.deepEqual(assign(kind, candidates.toReversed()), first);
      const anew = candidates.map(({ endpoint }) => createCandidate({ ...endpoint }));
      assert.deepEqual(assign(kind, anew), first);
    });

    test("moves at most 1.2 / n of the keys when one of n goes, whichever it is", () => {
      // Maglev moves more of many: see maglev.ts.
      for (const count of kind === "maglev" ? [2, 3, 5, 10, 30] : [2, 3, 5, 10, 30, 100]) {
        const candidates = equalCandidates(count);
        const before = assign(kind, candidates);
        // Of 20,000 keys chance moves some more or fewer than a share says: four standard deviations are allowed.
        const bound = 1.2 / count + 4 * Math.sqrt(1 / count / KEYS.length);
        for (const gone of candidates.slice(0, 10)) {
          const rest = candidates.filter((candidate) => candidate !== gone);
          const moved = movedShare(before, assign(kind, rest));
          assert.ok(moved <= bound, `${moved} of ${count}`);
        }
      }
    });

    test("moves the keys of an endpoint that is not usable any more, and no others, evenly to the rest", () => {
      for (const count of [3, 10, 100]) {
        const members = equalCandidates(count);
        const before = assign(kind, members);
        const tables = new HashTables();
        const [gone, ...usable] = members;
        const group = { name: "all", members, usable };
        const balancer = createBalancer(kind, group, { ...optionsOf(1), tables });
        const after = KEYS.map((key) => balancer.pick([], key)?.endpoint.name);
        const counts = new Map<string, number>();
        for (const [i, name] of after.entries()) {
          if (before[i] !== gone?.endpoint.name) assert.equal(name, before[i]);
          else counts.set(name ?? "", (counts.get(name ?? "") ?? 0) + 1);
        }
        assert.ok(!counts.has(gone?.endpoint.name ?? "") && !counts.has(""));
        if (count <= 10) assert.equal(counts.size, count - 1);
        const moved = [...counts.values()].reduce((sum, one) => sum + one, 0);
        assert.ok(Math.max(...counts.values()) < (2 * moved) / Math.min(count - 1, 20));
      }
    });

    test("finds the only usable ones of many, the same again and again", () => {
      const members = equalCandidates(1000);
      const usable = members.slice(500, 502);
      const group = { name: "all", members, usable };
      const balancer = createBalancer(kind, group, { ...optionsOf(1), tables: new HashTables() });
      const seen = new Set<string>();
      for (const key of KEYS.slice(0, 500)) {
        const picked = balancer.pick([], key);
        assert.ok(picked !== undefined && usable.includes(picked));
        assert.equal(balancer.pick([], key), picked);
        assert.ok(usable.includes(balancer.pick([picked.endpoint], key) ?? picked));
        seen.add(picked.endpoint.name);
      }
      assert.equal(seen.size, 2);
    });

    test("moves keys only to the endpoint that has come, but for a few", () => {
      const before = assign(kind, equalCandidates(10));
      const after = assign(kind, equalCandidates(11));
      const elsewhere = after.filter((name, i) => name !== before[i] && name !== "e10:80").length;
      assert.ok(
        elsewhere / KEYS.length < (kind === "ring_hash" ? 0.0001 : 0.02),
        String(elsewhere),
      );
    });

    test("gives shares by weight, within what the method promises", () => {
      for (const weights of [[1, 1, 1], [1, 2, 4], [100, 1], Array.from({ length: 50 }, () => 1)]) {
        const candidates = candidatesOf(weights);
        const counts = countPicks(balancerOf(kind, candidates), candidates, {
          picks: KEYS.length,
          hash: (i) => KEYS[i] ?? 0,
        });
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [i, count] of counts.entries()) {
          const expected = (KEYS.length * (weights[i] ?? 0)) / total;
          // Shares of a ring of 512 points each differ by a twentieth, the counts by chance besides.
          const slack = 0.2 * expected + 4 * Math.sqrt(expected);
          assert.ok(Math.abs(count - expected) < slack, `${count} of ${expected}`);
        }
      }
    });

    test("walks on for a retry: always the same second choice, never one that was tried", () => {
      const candidates = equalCandidates(5);
      const balancer = balancerOf(kind, candidates);
      const other = balancerOf(kind, candidates.toReversed(), { random: () => 0.99 });
      const seconds = new Set<string>();
      for (const key of KEYS.slice(0, 2000)) {
        const tried: Endpoint[] = [];
        for (let i = 0; i < 5; i += 1) {
          const picked = balancer.pick(tried, key)?.endpoint;
          assert.ok(picked !== undefined && !tried.includes(picked));
          assert.equal(other.pick(tried, key)?.endpoint, picked);
          tried.push(picked);
        }
        assert.equal(balancer.pick(tried, key), undefined);
        assert.equal(balancer.pick([...tried, ...tried], key), undefined);
        if (tried[0]?.host === "e0") seconds.add(tried[1]?.host ?? "");
      }
      // The load of one that fails goes to all others.
      assert.deepEqual([...seconds].toSorted(), ["e1", "e2", "e3", "e4"]);
    });

    test("takes every hash: the least, the largest, any sign", () => {
      const balancer = balancerOf(kind, equalCandidates(3));
      for (const hash of [0, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 32 - 1]) {
        assert.ok(balancer.pick([], hash) !== undefined);
      }
    });

    test("stands more endpoints than it has places, and extreme weights", () => {
      const many = Array.from({ length: 70_000 }, (_, i) => createCandidate(endpointOf(`m${i}`)));
      assert.ok(balancerOf(kind, many).pick([], 12_345) !== undefined);
      const uneven = candidatesOf([65_535, ...Array.from({ length: 5000 }, () => 1)]);
      const counts = countPicks(balancerOf(kind, uneven), uneven, {
        picks: KEYS.length,
        hash: (i) => KEYS[i] ?? 0,
      });
      assert.ok((counts[0] ?? 0) > KEYS.length * 0.85, String(counts[0]));
    });
  });
}
