import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RoundRobin, pickWeighted } from "../../src/core/balance.ts";
import type { Endpoint } from "../../src/core/service.ts";
import { seededRandom } from "./tls/seeded-random.ts";

/** Endpoints a, b, c … with these weights. */
function endpoints(...weights: readonly number[]): readonly Endpoint[] {
  return weights.map((weight, i) => {
    const host = String.fromCharCode(0x61 + i);
    return { host, port: 80, weight, name: `${host}:80` };
  });
}

/** The hosts of so many picks in a row. */
function picks(balancer: RoundRobin, count: number, tried: readonly Endpoint[] = []): string {
  return Array.from({ length: count }, () => balancer.pick(tried)?.host ?? "-").join("");
}

function countOf(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

const ofWeights = (...list: readonly number[]): readonly { weight: number }[] =>
  list.map((weight) => ({ weight }));

describe("RoundRobin", () => {
  test("rotates over equal weights, from `start`", () => {
    assert.equal(picks(new RoundRobin(endpoints(1, 1, 1), 0), 7), "abcabca");
    assert.equal(picks(new RoundRobin(endpoints(5, 5, 5), 1), 4), "bcab");
    assert.equal(picks(new RoundRobin(endpoints(1, 1, 1), 3_000_002), 4), "cabc");
    assert.equal(picks(new RoundRobin(endpoints(1), 9), 3), "aaa");
  });

  test("spreads weights smoothly, as nginx does", () => {
    assert.equal(picks(new RoundRobin(endpoints(5, 1, 1), 0), 14), "aabacaaaabacaa");
    assert.equal(picks(new RoundRobin(endpoints(2, 1), 0), 6), "abaaba");
  });

  test("begins at another place of the same rotation for another `start`", () => {
    const first = picks(new RoundRobin(endpoints(3, 2, 1), 0), 8);
    assert.equal(picks(new RoundRobin(endpoints(3, 2, 1), 1), 6), first.slice(1, 7));
    assert.equal(picks(new RoundRobin(endpoints(3, 2, 1), 2), 6), first.slice(2, 8));
  });

  test("gives each endpoint exactly its weight in every round, for 300 random sets", () => {
    const random = seededRandom(4);
    for (let i = 0; i < 300; i += 1) {
      const set = endpoints(...Array.from({ length: 1 + random(8) }, () => 1 + random(20)));
      const balancer = new RoundRobin(set, random(100));
      const total = set.reduce((sum, { weight }) => sum + weight, 0);
      for (let round = 0; round < 3; round += 1) {
        const taken = picks(balancer, total);
        for (const { host, weight } of set) assert.equal(countOf(taken, host), weight);
      }
    }
  });

  test("gives what was not tried yet, and undefined when nothing is left", () => {
    for (const weights of [
      [1, 1, 1],
      [100, 1, 1],
    ]) {
      const set = endpoints(...weights);
      const [a, b, c] = set;
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      const balancer = new RoundRobin(set, 0);
      for (let i = 0; i < 20; i += 1) {
        assert.equal(balancer.pick([a, c]), b);
        assert.notEqual(balancer.pick([a]), a);
        assert.equal(balancer.pick([a, b, c]), undefined);
      }
    }
  });

  test("knows a tried endpoint again after its set was published anew", () => {
    const [old] = endpoints(1);
    assert.ok(old !== undefined);
    assert.equal(new RoundRobin(endpoints(1, 1), 0).pick([old])?.host, "b");
    assert.equal(new RoundRobin(endpoints(1), 0).pick([old]), undefined);
  });

  test("gives undefined without endpoints", () => {
    assert.equal(new RoundRobin([], 0).pick([]), undefined);
    assert.equal(new RoundRobin([], 7).pick([]), undefined);
  });
});

describe("pickWeighted()", () => {
  test("cuts [0, 1) into shares of exactly the weights", () => {
    const weights = ofWeights(1, 0, 3, 4);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 8000; i += 1) {
      const index = pickWeighted(weights, i / 8000);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    assert.deepEqual(counts, [1000, 0, 3000, 4000]);
  });

  test("never picks a weight of 0, nor beyond the end for the largest chance", () => {
    const most = 1 - Number.EPSILON / 2;
    assert.equal(pickWeighted(ofWeights(0, 1), 0), 1);
    assert.equal(pickWeighted(ofWeights(1, 0), most), 0);
    for (let total = 1; total < 2000; total += 1) {
      assert.equal(pickWeighted(ofWeights(total, 1, 0), most), 1, String(total));
    }
  });

  test("gives -1 when there is nothing to pick", () => {
    assert.equal(pickWeighted([], 0), -1);
    assert.equal(pickWeighted(ofWeights(0), 0.5), -1);
    assert.equal(pickWeighted(ofWeights(0, 0), 0.5), -1);
    assert.equal(pickWeighted(ofWeights(7), 0.99), 0);
  });
});
