import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SharedCounts, createCountsMemory } from "../../src/core/shared-counts.ts";
import { PoolCounts } from "../../src/upstream/pool-counts.ts";
import { PLAIN_SERVICE } from "../fixtures/service.ts";

const POLICY = { ...PLAIN_SERVICE.pool, connectionsMax: 3, endpointConnectionsMax: 2 };

function twoWorkers(service = "web"): readonly [PoolCounts, PoolCounts] {
  const memory = createCountsMemory(2);
  const of = (index: number): PoolCounts =>
    new PoolCounts(new SharedCounts(memory, { index, workers: 2, seed: "seed" }), service);
  return [of(0), of(1)];
}

describe("PoolCounts", () => {
  test("take() lets in so many over all workers, and says which limit is reached", () => {
    const [one, two] = twoWorkers();
    assert.equal(one.take(POLICY, "a"), undefined);
    assert.equal(two.take(POLICY, "a"), undefined);
    assert.equal(one.take(POLICY, "a"), "endpoint_connections");
    assert.equal(one.take(POLICY, "b"), undefined);
    assert.equal(two.take(POLICY, "b"), "connections");
    assert.deepEqual([one.open, two.openTo("a"), two.openTo("b")], [3, 2, 1]);
  });

  test("give() makes room, and what was refused has taken none", () => {
    const [one, two] = twoWorkers();
    for (const name of ["a", "a", "b"]) one.take(POLICY, name);
    assert.equal(two.take(POLICY, "b"), "connections");
    assert.equal(two.take(POLICY, "a"), "connections");
    one.give("a");
    assert.equal(two.take(POLICY, "a"), undefined);
    one.give("a");
    one.give("b");
    two.give("a");
    assert.deepEqual([one.open, one.openTo("a"), one.openTo("b")], [0, 0, 0]);
  });

  test("move() counts a connection at the endpoint that it leads to", () => {
    const [one, two] = twoWorkers();
    one.take(POLICY, "a");
    one.move("a", "b");
    assert.deepEqual([two.open, two.openTo("a"), two.openTo("b")], [1, 0, 1]);
  });

  test("queue() and takeRetry() have limits of their own, also of none at all", () => {
    const [one, two] = twoWorkers();
    assert.deepEqual([one.queue(1, "a"), two.queue(1, "a"), two.queued()], [true, false, 1]);
    assert.deepEqual([two.queued("a"), two.queued("b")], [1, 0]);
    one.unqueue("a");
    assert.equal(two.queued("a"), 0);
    assert.deepEqual([two.queue(1, "b"), two.queue(0, "b")], [true, false]);
    assert.deepEqual([one.takeRetry(0), one.takeRetry(1), two.takeRetry(1)], [false, true, false]);
    one.giveRetry();
    assert.equal(two.takeRetry(1), true);
  });

  test("services do not count for each other", () => {
    const memory = createCountsMemory(1);
    const counts = new SharedCounts(memory, { index: 0, workers: 1, seed: "" });
    const [web, mail] = [new PoolCounts(counts, "web"), new PoolCounts(counts, "mail")];
    for (const name of ["a", "a", "b"]) web.take(POLICY, name);
    assert.equal(mail.take(POLICY, "a"), undefined);
  });
});
