import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AliasTable } from "../../../src/core/balance/alias-table.ts";
import { seededRandom } from "../tls/seeded-random.ts";

/** The share of [0, 1) that each item has, to a part in `steps`. */
function sharesOf(weights: readonly number[], steps: number): readonly number[] {
  const table = new AliasTable(weights);
  const counts = weights.map(() => 0);
  for (let i = 0; i < steps; i += 1) {
    const index = table.draw((i + 0.5) / steps);
    counts[index] = (counts[index] ?? Number.NaN) + 1;
  }
  return counts.map((count) => count / steps);
}

describe("AliasTable", () => {
  test("cuts [0, 1) into shares of the weights, for 200 random lists", () => {
    const random = seededRandom(11);
    const steps = 20_000;
    for (let i = 0; i < 200; i += 1) {
      const weights = Array.from({ length: 1 + random(12) }, () => 1 + random(1000));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, share] of sharesOf(weights, steps).entries()) {
        const expected = (weights[index] ?? 0) / total;
        // Each column has two edges, which a grid of steps can miss by one each.
        assert.ok(Math.abs(share - expected) <= (2 * weights.length) / steps, weights.join(" "));
      }
    }
  });

  test("keeps shares at extremes: 1 beside 65,535, and 10,000 items", () => {
    const [small = 0] = sharesOf([1, 65_535], 2 ** 20);
    assert.ok(Math.abs(small - 1 / 65_536) < 2 / 2 ** 20, String(small));
    const weights = Array.from({ length: 10_000 }, (_, i) => 1 + (i % 1000));
    const table = new AliasTable(weights);
    const random = seededRandom(5);
    for (let i = 0; i < 100_000; i += 1) {
      const index = table.draw(random(2 ** 30) / 2 ** 30);
      assert.ok(index >= 0 && index < 10_000);
    }
  });

  test("draws an item for the least and the largest chance, and none from an empty table", () => {
    const most = 1 - Number.EPSILON / 2;
    for (let count = 1; count < 500; count += 1) {
      const table = new AliasTable(Array.from({ length: count }, (_, i) => i + 1));
      assert.ok(table.draw(0) >= 0 && table.draw(0) < count);
      assert.ok(table.draw(most) >= 0 && table.draw(most) < count);
    }
    assert.equal(new AliasTable([]).draw(0.5), -1);
  });
});
