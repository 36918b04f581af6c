import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SharedCounts, clearCounts, createCountsMemory } from "../../src/core/shared-counts.ts";

function twoWorkers() {
  const memory = createCountsMemory(2);
  const [one, two] = [0, 1].map(
    (index) => new SharedCounts(memory, { index, workers: 2, seed: "seed" }),
  );
  assert.ok(one && two);
  return { memory, one, two };
}

describe("SharedCounts", () => {
  test("add() and total() sum over the workers", () => {
    const { one, two } = twoWorkers();
    assert.deepEqual([one.add("a"), one.add("a"), two.add("a"), two.add("b")], [1, 2, 3, 1]);
    assert.deepEqual([one.total("a"), two.total("b"), one.total("c")], [3, 1, 0]);
  });

  test("remove() takes only what this worker has added", () => {
    const { one, two } = twoWorkers();
    one.add("a");
    two.remove("a");
    assert.equal(one.total("a"), 1);
    one.remove("a");
    one.remove("a");
    assert.equal(two.total("a"), 0);
    assert.equal(two.add("a"), 1);
  });

  test("clearCounts() forgets what a dead worker had", () => {
    const { memory, one, two } = twoWorkers();
    one.add("a");
    two.add("a");
    clearCounts(memory, 0);
    assert.equal(two.total("a"), 1);
    assert.equal(two.add("b"), 1);
  });

  test("tens of thousands of keys come and go without touching each other", () => {
    const { one, two } = twoWorkers();
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 60_000; i += 1) one.add(`${round} ${i}`);
      for (let i = 0; i < 60_000; i += 1) assert.equal(two.total(`${round} ${i}`), 1);
      for (let i = 0; i < 60_000; i += 1) one.remove(`${round} ${i}`);
    }
    for (let i = 0; i < 1000; i += 1) assert.equal(two.total(`0 ${i}`), 0);
  });
});
