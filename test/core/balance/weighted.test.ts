import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { pickWeighted } from "../../../src/core/balance/weighted.ts";

const ofWeights = (...list: readonly number[]): readonly { weight: number }[] =>
  list.map((weight) => ({ weight }));

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
