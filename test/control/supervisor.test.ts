import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkerHandle } from "../../src/control/worker-handle.ts";
import { createSignalsMemory } from "../../src/core/pool-signals.ts";
import { createCountsMemory } from "../../src/core/shared-counts.ts";
import { until } from "../proxy/peer.ts";
import type { FromWorker } from "../../src/core/messages.ts";
import type { Snapshot } from "../../src/core/model.ts";
import { FakeThreads, FakeWorkers, compile, configText } from "./fake-threads.ts";

const AT_ONCE = { delayMs: 0, requestsMs: 0, tunnelsMs: 0 };

test("Supervisor.publish() prepares all workers before any commits", async (t) => {
  const fake = new FakeWorkers(t, 2);
  fake.threads.silent.add("prepare");
  const published = fake.supervisor.publish(snapshotOf(fake, 1));
  await fake.threads.got("prepare", 0);
  await fake.threads.got("prepare", 1);
  fake.threads.tell(0, { do: "post", message: { type: "prepared", version: 1, problems: [] } });
  assert.equal(fake.threads.count("commit", 0) + fake.threads.count("commit", 1), 0);
  assert.equal(fake.supervisor.allServing, false);
  fake.threads.tell(1, { do: "post", message: { type: "prepared", version: 1, problems: [] } });
  assert.deepEqual(await published, []);
  assert.equal(fake.threads.count("commit", 0) + fake.threads.count("commit", 1), 2);
  assert.equal(fake.supervisor.allServing, true);
});

test("Supervisor.publish() tells each problem once, aborts everywhere and keeps the old snapshot for replacements", async (t) => {
  const fake = new FakeWorkers(t, 2);
  assert.deepEqual(await fake.supervisor.publish(snapshotOf(fake, 1)), []);
  fake.threads.silent.add("prepare");
  const published = fake.supervisor.publish(snapshotOf(fake, 2));
  const problems = [{ listener: "127.0.0.1:1", code: "EADDRINUSE" }];
  for (const index of [0, 1]) {
    await fake.threads.got("prepare", index, 2);
    fake.threads.tell(index, { do: "post", message: { type: "prepared", version: 2, problems } });
  }
  assert.deepEqual(await published, problems);
  await fake.threads.got("abort", 0);
  await fake.threads.got("abort", 1);
  fake.threads.silent.clear();
  fake.threads.tell(1, { do: "die" });
  await fake.threads.got("commit", 1, 2);
  assert.equal(fake.threads.last("commit")?.version, 1);
  assert.equal(fake.supervisor.restarts, 1);
});

test("Supervisor replaces a worker that died, with the current snapshot, while the others serve", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  fake.threads.tell(0, { do: "die" });
  await until(() => !fake.supervisor.allServing, "the death is seen");
  assert.equal(fake.supervisor.servingCount, 1);
  await until(() => fake.supervisor.allServing, "a replacement serves");
  assert.equal(fake.threads.count("prepare", 0), 2);
  assert.equal(fake.threads.count("prepare", 1), 1);
  assert.ok(fake.logged.includes("a worker died and is replaced"));
  assert.ok(fake.logged.includes("a new worker serves"));
});

test("Supervisor forgets who waited for connections in a worker that died", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  for (const index of [0, 0, 1]) fake.threads.tell(index, { do: "wait" });
  await until(() => fake.threads.last("started")?.waiting === 3, "three wait");
  const before = fake.threads.count("started", 0);
  fake.threads.tell(0, { do: "die" });
  await fake.threads.got("started", 0, before + 1);
  assert.equal(fake.threads.last("started")?.waiting, 1);
});

test("Supervisor.publish() refuses a snapshot that a worker dies of, and tells the others to forget it", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  fake.threads.silent.add("prepare");
  const published = fake.supervisor.publish(snapshotOf(fake, 2));
  await fake.threads.got("prepare", 0, 2);
  await fake.threads.got("prepare", 1, 2);
  fake.threads.tell(0, { do: "die" });
  fake.threads.tell(1, { do: "post", message: { type: "prepared", version: 2, problems: [] } });
  assert.deepEqual(await published, [{ worker: 0 }]);
  await fake.threads.got("abort", 1);
  assert.equal(fake.threads.count("commit", 1), 1);
  fake.threads.silent.clear();
  await fake.threads.got("commit", 0, 2);
  assert.equal(fake.threads.last("prepare")?.version, 1);
});

test("Supervisor.publish() is done though a worker dies at its commit; the replacement gets the new snapshot", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  fake.threads.silent.add("commit");
  const published = fake.supervisor.publish(snapshotOf(fake, 2));
  await fake.threads.got("commit", 0, 2);
  await fake.threads.got("commit", 1, 2);
  fake.threads.silent.clear();
  fake.threads.tell(0, { do: "die" });
  fake.threads.tell(1, { do: "post", message: { type: "committed", version: 2 } });
  assert.deepEqual(await published, []);
  await fake.threads.got("commit", 0, 3);
  assert.equal(fake.threads.last("commit")?.version, 2);
  await until(() => fake.supervisor.allServing, "all serve");
});

test("Supervisor.publish() leaves a dead worker out and its replacement starts with what was published meanwhile", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  fake.threads.tell(0, { do: "die" });
  await until(() => !fake.supervisor.allServing, "the death is seen");
  assert.deepEqual(await fake.supervisor.publish(snapshotOf(fake, 2)), []);
  assert.equal(fake.threads.count("prepare", 0), 1, "it is dead");
  await until(() => fake.supervisor.allServing, "all serve");
  assert.equal(fake.threads.received.findLast(({ index }) => index === 0)?.version, 2);
});

test("Supervisor takes publishes and replacements in turn", async (t) => {
  const fake = new FakeWorkers(t, 1);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  fake.threads.silent.add("prepare");
  fake.threads.tell(0, { do: "die" });
  await fake.threads.got("prepare", 0, 2);
  const second = fake.supervisor.publish(snapshotOf(fake, 2));
  const third = fake.supervisor.publish(snapshotOf(fake, 3));
  assert.equal(fake.threads.count("prepare", 0), 2, "the replacement is not ready yet");
  fake.threads.silent.clear();
  fake.threads.tell(0, { do: "post", message: { type: "prepared", version: 1, problems: [] } });
  assert.deepEqual(await second, []);
  assert.deepEqual(await third, []);
  const versions = fake.threads.received
    .filter(({ type }) => type === "commit")
    .map((each) => each.version);
  assert.deepEqual(versions, [1, 1, 2, 3]);
});

test("Supervisor.counters() keeps what a dead worker counted, but not what was open in it", async (t) => {
  const fake = new FakeWorkers(t, 2);
  const snapshot = snapshotOf(fake, 1);
  await fake.supervisor.publish(snapshot);
  const { connections, connectionsActive } = snapshot.listeners[0]?.slots ?? assert.fail();
  for (const index of [0, 1]) {
    fake.threads.tell(index, { do: "count", slot: connections, value: 5 });
    fake.threads.tell(index, { do: "count", slot: connectionsActive, value: 2 });
  }
  await until(() => fake.supervisor.counters()[connectionsActive] === 4, "both counted");
  fake.threads.tell(0, { do: "die" });
  await until(() => fake.supervisor.restarts === 1, "the death is seen");
  assert.equal(fake.supervisor.counters()[connections], 10);
  assert.equal(fake.supervisor.counters()[connectionsActive], 2);
});

test("Supervisor.counters() does not fall when a snapshot that needs more memory is refused", async (t) => {
  const fake = new FakeWorkers(t, 1);
  const snapshot = snapshotOf(fake, 1);
  await fake.supervisor.publish(snapshot);
  const slot = snapshot.listeners[0]?.slots.connections ?? assert.fail();
  fake.threads.tell(0, { do: "count", slot, value: 7 });
  await until(() => fake.supervisor.counters()[slot] === 7, "counted");
  fake.threads.silent.add("prepare");
  const larger = { ...snapshotOf(fake, 2), counterSlots: 20_000 };
  const refused = fake.supervisor.publish(larger);
  await fake.threads.got("prepare", 0, 2);
  assert.equal(fake.supervisor.counters()[slot], 7, "while it prepares");
  const problems = [{ listener: "127.0.0.1:1", code: "EACCES" }];
  fake.threads.tell(0, { do: "post", message: { type: "prepared", version: 2, problems } });
  assert.deepEqual(await refused, problems);
  assert.equal(fake.supervisor.counters()[slot], 7, "after the abort");
  fake.threads.tell(0, { do: "count", slot, value: 1 });
  await until(() => fake.supervisor.counters()[slot] === 8, "it counts on");
  fake.threads.silent.clear();
  assert.deepEqual(await fake.supervisor.publish(larger), []);
  assert.equal(fake.supervisor.counters()[slot], 8, "after the commit");
  fake.threads.tell(0, { do: "count", slot, value: 1 });
  await until(() => fake.supervisor.counters()[slot] === 9, "in the larger memory");
});

test("Supervisor.drain() waits for every worker, and for a dead one no longer", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  fake.threads.silent.add("drain");
  let over = false;
  const drained = fake.supervisor
    .drain({ ...AT_ONCE, tunnelsMs: 60_000 })
    .then(() => (over = true));
  await fake.threads.got("drain", 0);
  await fake.threads.got("drain", 1);
  fake.threads.tell(0, { do: "post", message: { type: "drained" } });
  assert.equal(over, false);
  fake.threads.tell(1, { do: "die" });
  await drained;
  assert.equal(fake.supervisor.restarts, 0, "nobody is replaced at the end");
});

test("Supervisor.drain() gets through while a snapshot is being published", async (t) => {
  const fake = new FakeWorkers(t, 1);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  fake.threads.silent.add("prepare");
  const published = fake.supervisor.publish(snapshotOf(fake, 2));
  await fake.threads.got("prepare", 0, 2);
  await fake.supervisor.drain(AT_ONCE);
  await published;
});

test("Supervisor passes lines and problems of workers on", async (t) => {
  const fake = new FakeWorkers(t, 1);
  await fake.threads.got("started", 0);
  fake.threads.tell(0, { do: "post", message: { type: "access-log", lines: "{}\n" } });
  fake.threads.tell(0, { do: "post", message: { type: "access-log-dropped", total: 3 } });
  fake.threads.tell(0, {
    do: "post",
    message: { type: "log", level: "warning", message: "hm", fields: {} },
  });
  await until(() => fake.logged.includes("hm"), "all came");
  assert.deepEqual(fake.stdout, ["{}\n"]);
  assert.equal(fake.supervisor.dropped, 3);
  fake.threads.tell(0, { do: "die" });
  await until(() => fake.supervisor.restarts === 1, "the death is seen");
  assert.equal(fake.supervisor.dropped, 3, "the dead one's are counted on");
});

test("Supervisor.connections() asks every worker, and each question gets its own answer", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.threads.got("started", 0);
  await fake.threads.got("started", 1);
  const first = fake.supervisor.connections(QUERY);
  const second = fake.supervisor.connections({ ...QUERY, limit: 1 });
  for (const index of [0, 1]) {
    await fake.threads.got("connections", index, 2);
    fake.threads.tell(index, { do: "post", message: pageOf(2, [30 + index]) });
    fake.threads.tell(index, { do: "post", message: pageOf(1, [20 - index, 10]) });
  }
  const { total, connections, silent } = await first;
  assert.deepEqual([total, silent], [4, []]);
  assert.deepEqual(
    connections.map(({ worker, openedAt }) => [worker, openedAt]),
    [
      [0, 10],
      [1, 10],
      [1, 19],
      [0, 20],
    ],
  );
  assert.deepEqual(
    (await second).connections.map(({ openedAt }) => openedAt),
    [30],
  );
});

test("Supervisor.connections() is not held up by a worker that dies or is dead", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  const asked = fake.supervisor.connections(QUERY);
  await fake.threads.got("connections", 0);
  await fake.threads.got("connections", 1);
  fake.threads.tell(1, { do: "post", message: pageOf(1, [5]) });
  fake.threads.tell(0, { do: "die" });
  const { total, silent } = await asked;
  assert.deepEqual([total, silent], [1, []], "what it had is gone with it");
  assert.equal(fake.supervisor.servingCount, 1);
  const again = fake.supervisor.connections(QUERY);
  await fake.threads.got("connections", 1, 2);
  fake.threads.tell(1, { do: "post", message: pageOf(2, []) });
  assert.deepEqual((await again).silent, []);
});

test("Supervisor.connections() says which worker does not answer in time, and leaves it alone", async (t) => {
  const fake = new FakeWorkers(t, 2);
  await fake.supervisor.publish(snapshotOf(fake, 1));
  const asked = fake.supervisor.connections(QUERY);
  await fake.threads.got("connections", 1);
  fake.threads.tell(1, { do: "post", message: pageOf(1, [5]) });
  const { total, silent } = await asked;
  assert.deepEqual([total, silent], [1, [0]]);
  assert.equal(fake.supervisor.allServing, true);
  // Its answer comes too late and is nobody's.
  fake.threads.tell(0, { do: "post", message: pageOf(1, [5]) });
  const again = fake.supervisor.connections(QUERY);
  for (const index of [0, 1]) {
    await fake.threads.got("connections", index, 2);
    fake.threads.tell(index, { do: "post", message: pageOf(2, []) });
  }
  assert.deepEqual(await again, { total: 0, connections: [], silent: [] });
});

test("WorkerHandle.ask() ends a thread that is stuck, and gives up", async (t) => {
  const threads = new FakeThreads(t);
  let exits = 0;
  const handle = new WorkerHandle(
    threads.source,
    {
      index: 0,
      boxId: "test",
      workers: 1,
      counts: createCountsMemory(1),
      signals: createSignalsMemory(1),
      descriptorsAllow: 1000,
    },
    {
      message: () => undefined,
      exit: () => {
        exits += 1;
      },
    },
  );
  await threads.got("started", 0);
  threads.tell(0, { do: "hang" });
  assert.equal(await handle.ask({ type: "commit", version: 1 }, "committed", 10), undefined);
  assert.equal(exits, 1);
  assert.equal(handle.alive, false);
  assert.equal(await handle.ask({ type: "commit", version: 2 }, "committed"), undefined);
});

const QUERY = {
  kind: undefined,
  service: undefined,
  gateway: undefined,
  client: undefined,
  host: undefined,
  sort: "age",
  limit: 1000,
} as const;

/** An answer with connections that were opened then. */
function pageOf(id: number, opened: readonly number[]): FromWorker {
  const connections = opened.map((openedAt) => ({
    kind: "tcp" as const,
    state: "tunnel" as const,
    openedAt,
    listener: ":1",
    client: { address: "10.0.0.1", port: 1 },
    gateway: "g",
    host: undefined,
    service: "s",
    endpoint: "10.0.0.2:1",
    bytesIn: 0,
    bytesOut: 0,
    requests: undefined,
  }));
  return { type: "connections", id, page: { total: opened.length, connections } };
}

function snapshotOf({ layout }: FakeWorkers, version: number): Snapshot {
  return compile(configText(), layout, version);
}
