import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RoundRobin } from "../../../src/core/balance/round-robin.ts";
import type { Endpoint } from "../../../src/core/service.ts";
import { seededRandom } from "../tls/seeded-random.ts";
import { candidatesOf, endpointOf, optionsOf } from "./fixtures.ts";

function rotation(weights: readonly number[], start = 0): RoundRobin {
  return new RoundRobin(candidatesOf(weights), optionsOf(1, { start }));
}

/** The numbers of so many picks in a row. */
function picks(balancer: RoundRobin, count: number, tried: readonly Endpoint[] = []): string {
  return Array.from(
    { length: count },
    () => balancer.pick(tried)?.endpoint.host.slice(1) ?? "-",
  ).join("");
}

const [e0, e1, e2] = [endpointOf("e0"), endpointOf("e1"), endpointOf("e2")];

describe("RoundRobin", () => {
  test("rotates over equal weights, from `start`", () => {
    assert.equal(picks(rotation([1, 1, 1]), 7), "0120120");
    assert.equal(picks(rotation([5, 5, 5], 1), 4), "1201");
    assert.equal(picks(rotation([1, 1, 1], 3_000_002), 4), "2012");
    assert.equal(picks(rotation([1], 9), 3), "000");
  });

  test("spreads weights evenly", () => {
    assert.equal(picks(rotation([5, 1, 1]), 14), "00012000001200");
    assert.equal(picks(rotation([2, 1]), 6), "010010");
    assert.equal(picks(rotation([1, 2]), 6), "101101");
    assert.equal(picks(rotation([3, 2, 1]), 6), "010210");
  });

  test("begins at another place of the same rotation for another `start`", () => {
    const first = picks(rotation([3, 2, 1]), 8);
    assert.equal(picks(rotation([3, 2, 1], 1), 6), first.slice(1, 7));
    assert.equal(picks(rotation([3, 2, 1], 2), 6), first.slice(2, 8));
  });

  test("gives each endpoint exactly its weight in every round, for 300 random sets", () => {
    const random = seededRandom(4);
    for (let i = 0; i < 300; i += 1) {
      const weights = Array.from({ length: 1 + random(8) }, () => 1 + random(20));
      const balancer = rotation(weights, random(100));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let round = 0; round < 3; round += 1) {
        const taken = picks(balancer, total);
        for (const [index, weight] of weights.entries()) {
          assert.equal(taken.split(String(index)).length - 1, weight);
        }
      }
    }
  });

  test("gives what was not tried yet, and undefined when nothing is left", () => {
    for (const weights of [
      [1, 1, 1],
      [100, 1, 1],
    ]) {
      const balancer = rotation(weights);
      for (let i = 0; i < 20; i += 1) {
        assert.equal(balancer.pick([e0, e2])?.endpoint.host, "e1");
        assert.notEqual(balancer.pick([e0])?.endpoint.host, "e0");
        assert.equal(balancer.pick([e0, e1, e2]), undefined);
      }
    }
  });

  test("gives undefined without endpoints", () => {
    assert.equal(rotation([]).pick([]), undefined);
    assert.equal(rotation([], 7).pick([]), undefined);
  });

  test("leaves no gap above twice the usual between two turns, for 100 random sets", () => {
    const random = seededRandom(8);
    for (let i = 0; i < 100; i += 1) {
      const weights = Array.from({ length: 2 + random(8) }, () => 1 + random(20));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const taken = picks(rotation(weights), 3 * total);
      for (const [index, weight] of weights.entries()) {
        const places = taken.split("").flatMap((turn, at) => (turn === String(index) ? [at] : []));
        const gaps = places.slice(1).map((at, k) => at - (places[k] ?? 0));
        const most = Math.ceil((2 * total) / weight);
        assert.ok(Math.max(...gaps) <= most, `${weights.join()}: ${taken}`);
      }
    }
  });

  test("is built at once for a huge set with a large `start`", () => {
    const weights = Array.from({ length: 10_000 }, (_, i) => 1 + (i % 7));
    assert.ok(rotation(weights, 9_999).pick([]) !== undefined);
  });
});
