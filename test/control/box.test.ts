import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Box } from "../../src/control/box.ts";
import type { CheckedSource, ConfigSource } from "../../src/control/config-source.ts";
import type { SystemdMessage } from "../../src/control/systemd.ts";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import { Origin, until } from "../proxy/peer.ts";
import { findFreePort } from "../processes.ts";
import { FakeThreads, compile, configText, keepLines, keepLog } from "./fake-threads.ts";

test("Box.open() publishes the first snapshot, and tells systemd once that all workers serve", async (t) => {
  const { box, threads, notified } = await createBox(t);
  assert.equal(box.readiness().ready, false);
  assert.deepEqual(await box.open(), []);
  assert.equal(threads.count("commit", 0) + threads.count("commit", 1), 2);
  assert.deepEqual(threads.last("prepare")?.endpoints, ["127.0.0.1:2"]);
  assert.deepEqual(box.readiness().ready, true);
  threads.tell(0, { do: "die" });
  await until(() => !box.readiness().ready, "the death is seen");
  assert.equal(box.readiness().reason, "1 of 2 workers serve");
  await until(() => box.readiness().ready, "it is replaced");
  assert.deepEqual(notified, [{ state: "ready", status: "serving" }]);
});

test("Box.open() names gateway and address of a port that is taken, and binds nothing", async (t) => {
  const origin = await Origin.listen();
  t.after(() => origin.close());
  const { box, threads } = await createBox(t, configText(origin.port));
  const [problem, ...more] = await box.open();
  assert.deepEqual(more, []);
  assert.match(
    problem ?? "",
    new RegExp(`^gateway web: cannot listen on 127.0.0.1:${origin.port}: `),
  );
  assert.equal(threads.count("prepare", 0), 0);
});

test("Box.open() fails when a worker dies of the first snapshot", async (t) => {
  const { box, threads } = await createBox(t);
  threads.silent.add("prepare");
  const opened = box.open();
  await threads.got("prepare", 0);
  await threads.got("prepare", 1);
  threads.tell(0, { do: "die" });
  threads.tell(1, { do: "die" });
  assert.match((await opened).join("\n"), /worker 0 died .*\nworker 1 died /);
});

test("Box.reload() swaps, says what changed, and grows the version", async (t) => {
  const { box, set } = await createBox(t);
  await box.open();
  set(configText(1, "127.0.0.1:3"));
  const report = await box.reload();
  assert.equal(report.ok, true);
  assert.equal(report.version, 2);
  assert.deepEqual(report.ok && report.changes, [
    "service web changed: source 127.0.0.1:3 added, source 127.0.0.1:2 removed",
  ]);
  assert.deepEqual(box.reloads, { success: 1, failure: 0 });
  assert.equal(box.snapshot.version, 2);
});

test("Box.reload() of a wrong file, a taken port or a worker's death changes nothing", async (t) => {
  const { box, threads, set } = await createBox(t);
  await box.open();
  set(undefined);
  const wrong = await box.reload();
  assert.equal(wrong.ok, false);
  const origin = await Origin.listen();
  t.after(() => origin.close());
  set(configText(origin.port));
  const taken = await box.reload();
  assert.match((!taken.ok && taken.error) || "", /the port is in use/);
  threads.silent.add("prepare");
  set(configText(1, "127.0.0.1:3"));
  const killed = box.reload();
  await threads.got("prepare", 0, 2);
  await threads.got("prepare", 1, 2);
  threads.tell(0, { do: "die" });
  threads.tell(1, { do: "post", message: { type: "prepared", version: 2, problems: [] } });
  const report = await killed;
  assert.match((!report.ok && report.error) || "", /worker 0 died/);
  assert.equal(box.snapshot.version, 1);
  assert.deepEqual(box.reloads, { success: 0, failure: 3 });
  threads.silent.clear();
  await until(() => box.readiness().ready, "it is replaced");
  assert.equal(threads.last("prepare")?.version, 1);
  assert.deepEqual(threads.last("prepare")?.endpoints, ["127.0.0.1:2"], "with the old endpoints");
});

test("Box.reload() keeps the new file's endpoints from workers that still serve the old snapshot", async (t) => {
  const { box, threads, set } = await createBox(t);
  await box.open();
  threads.silent.add("prepare");
  set(configText(1, "127.0.0.1:3"));
  const before = threads.count("endpoints", 0);
  const reloading = box.reload();
  await threads.got("prepare", 0, 2);
  await threads.got("prepare", 1, 2);
  assert.equal(threads.count("endpoints", 0), before);
  const problems = [{ listener: "127.0.0.1:1", code: "EMFILE" }];
  for (const index of [0, 1]) {
    threads.tell(index, { do: "post", message: { type: "prepared", version: 2, problems } });
  }
  assert.equal((await reloading).ok, false);
  const named = threads.received.filter(({ type }) => type === "endpoints");
  assert.ok(named.every(({ endpoints }) => endpoints.join() === "127.0.0.1:2"));
});

test("Box.reload() that breaks off leaves a box that reloads and hears of endpoints", async (t) => {
  const { box, threads, set } = await createBox(t);
  await box.open();
  const publish = t.mock.method(box.supervisor, "publish", () =>
    Promise.reject(new Error("a fault of the test")),
  );
  set(configText(1, "127.0.0.1:3"));
  await assert.rejects(box.reload(), /a fault of the test/);
  publish.mock.restore();
  assert.equal(box.snapshot.version, 1);
  assert.deepEqual(
    box.discovery.endpoints()["web"]?.map(({ name }) => name),
    ["127.0.0.1:2"],
  );
  const report = await box.reload();
  assert.equal(report.ok && report.version, 2);
  await until(
    () => threads.last("prepare")?.endpoints.join() === "127.0.0.1:3",
    "the new endpoint",
  );
});

test("Box.reload() runs one at a time", async (t) => {
  const { box, set } = await createBox(t);
  await box.open();
  set(configText(1, "127.0.0.1:3"));
  const reports = await Promise.all([box.reload(), box.reload(), box.reload()]);
  assert.deepEqual(
    reports.map(({ version }) => version),
    [2, 3, 4],
  );
  assert.deepEqual(
    reports.map((report) => report.ok && report.changes.length),
    [1, 0, 0],
  );
});

test("Box.drain() is done once, makes the box not ready and refuses reloads", async (t) => {
  const { box, threads, notified } = await createBox(t);
  await box.open();
  const first = box.drain();
  assert.deepEqual(box.drain(), first);
  assert.equal(box.readiness().reason, "the box is draining");
  const report = await box.reload();
  assert.equal(!report.ok && report.error, "the box is draining");
  await box.whenDrained;
  assert.equal(threads.count("drain", 0), 1);
  assert.equal(notified.filter(({ state }) => state === "stopping").length, 1);
});

test("Box tells workers of health when it changes, with each snapshot, and those that replace dead ones", async (t) => {
  const { box, threads, set } = await createBox(t);
  set(undefined);
  await box.open();
  assert.deepEqual(threads.last("prepare")?.health, []);
  const address = "127.0.0.1:2";
  box.health.setOut({ service: "web", address, out: true });
  const expected = [`${address} out`];
  await threads.got("health", 0);
  await threads.got("health", 1);
  assert.deepEqual(threads.last("health")?.health, expected);
  threads.tell(0, { do: "die" });
  await threads.got("prepare", 0, 2);
  assert.deepEqual(threads.last("prepare")?.health, expected);
  await until(() => box.readiness().ready, "it serves");
  set(configText(1, address, "panic_percent = 0"));
  await box.reload();
  assert.deepEqual(threads.last("prepare")?.version, 2);
  assert.deepEqual(threads.last("prepare")?.health, expected);
});

test("Box ejects an endpoint when workers say that it fails, together, and forgets what a dead one said", async (t) => {
  const { box, threads, set } = await createBox(t);
  set(configText(1, '127.0.0.1:2", "127.0.0.1:3'));
  await box.open();
  await box.reload();
  const post = (index: number, errors: number): void => {
    const rows = [{ service: "web", endpoint: "127.0.0.1:2", errors }];
    threads.tell(index, { do: "post", message: { type: "outcomes", rows } });
  };
  const known = (): number => box.health.conditions("web")[0]?.errorsInARow ?? 0;
  post(0, 4);
  await until(() => known() === 4, "the errors are known");
  threads.tell(0, { do: "die" });
  await until(() => known() === 0, "they are forgotten");
  await until(() => box.readiness().ready, "it is replaced");
  post(0, 3);
  post(1, 2);
  await threads.got("health", 1);
  assert.deepEqual(threads.last("health")?.health, ["127.0.0.1:2 ejected"]);
  assert.equal(box.health.conditions("web")[0]?.state, "ejected");
});

interface BoxUnderTest {
  readonly box: Box;
  readonly threads: FakeThreads;
  readonly notified: SystemdMessage[];
  /** What the file says from now on; undefined = something wrong. */
  readonly set: (text: string | undefined) => void;
}

/** `text` is put on a free port when it is left out. */
async function createBox(context: TestContext, text?: string): Promise<BoxUnderTest> {
  const port = await findFreePort();
  const layout = new MetricLayout();
  const threads = new FakeThreads(context);
  const notified: SystemdMessage[] = [];
  let file: string | undefined = text ?? configText(port);
  const onPort = (each: string): string => each.replace('"127.0.0.1:1"', `"127.0.0.1:${port}"`);
  const source: ConfigSource = {
    check: (version): Promise<CheckedSource> => {
      const snapshot = file === undefined ? undefined : compile(onPort(file), layout, version);
      return Promise.resolve({ snapshot, findings: [], error: undefined });
    },
  };
  const box = new Box(compile(onPort(file), layout, 1), 2, {
    source,
    buildInfo: { version: "0", commit: "0", runtime: "0" },
    workerSource: threads.source,
    log: keepLog([]),
    stdout: keepLines([]),
    systemd: {
      notify: (message) => void notified.push(message),
      flush: () => Promise.resolve(),
    },
    layout,
  });
  context.after(async () => {
    box.close();
    await box.supervisor.terminate();
  });
  return {
    box,
    threads,
    notified,
    set: (next) => {
      file = next;
    },
  };
}
