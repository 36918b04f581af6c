import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PoolSignals, clearSignals, createSignalsMemory } from "../../src/core/pool-signals.ts";

const LIMIT = { timeout: 20_000 };

function twoWorkers() {
  const memory = createSignalsMemory(2);
  return { memory, one: new PoolSignals(memory, 0), two: new PoolSignals(memory, 1) };
}

describe("PoolSignals", () => {
  test("othersWait tells of the others alone", () => {
    const { one, two } = twoWorkers();
    assert.deepEqual([one.workers, one.othersWait, two.othersWait], [2, false, false]);
    one.enter();
    assert.deepEqual([one.othersWait, two.othersWait], [false, true]);
    two.enter();
    assert.deepEqual([one.othersWait, two.othersWait], [true, true]);
    one.leave();
    assert.deepEqual([one.othersWait, two.othersWait], [true, false]);
    two.leave();
    assert.deepEqual([one.othersWait, two.othersWait], [false, false]);
  });

  test("whenWanted() resolves when somebody begins to wait, here or there", LIMIT, async () => {
    const { one, two } = twoWorkers();
    const both = Promise.all([one.whenWanted(), two.whenWanted()]);
    one.enter();
    await both;
  });

  test("whenFreed() resolves for all, and only for what comes after", LIMIT, async () => {
    const { one, two } = twoWorkers();
    one.free();
    const told: string[] = [];
    const both = Promise.all(
      [one, two].map(async (signals) => {
        await signals.whenFreed();
        told.push("freed");
      }),
    );
    two.want();
    await new Promise(setImmediate);
    assert.deepEqual(told, []);
    two.free();
    await both;
    assert.deepEqual(told, ["freed", "freed"]);
  });

  test(
    "clearSignals() takes away who waited in a dead worker, and wakes the others",
    LIMIT,
    async () => {
      const { memory, one, two } = twoWorkers();
      one.enter();
      one.enter();
      two.enter();
      const freed = two.whenFreed();
      clearSignals(memory, 0);
      await freed;
      assert.deepEqual([one.othersWait, two.othersWait], [true, false]);
      two.leave();
      assert.equal(one.othersWait, false);
    },
  );
});
