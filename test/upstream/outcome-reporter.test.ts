/** What a worker tells of endpoints that fail, and how seldom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FAILURE_KINDS, FAILURES, type FailureKind } from "../../src/core/failure.ts";
import type { ErrorRow } from "../../src/core/health-outlier.ts";
import type { OutlierPolicy, Service } from "../../src/core/service.ts";
import { OutcomeReporter, ServiceOutcomes } from "../../src/upstream/outcome-reporter.ts";
import { PLAIN_SERVICE } from "../fixtures/service.ts";

const POLICY: OutlierPolicy = { errors: 5, intervalMs: 10_000, ejectionMs: 30_000, percentMax: 10 };

function service(outlier: OutlierPolicy | undefined = POLICY): Service {
  const slots = { upstreamActive: 0, connectSeconds: 0, retries: 0 };
  return { ...PLAIN_SERVICE, name: "web", sources: [], slots, outlier };
}

/** One worker with one service, on a clock that the test moves. */
class Bench {
  #now = 1000;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  readonly messages: (readonly ErrorRow[])[] = [];
  readonly reporter = new OutcomeReporter({
    tell: (rows) => this.messages.push(rows),
    now: () => this.#now,
    after: (callback, delayMs) => void this.#timers.push({ atMs: this.#now + delayMs, callback }),
  });
  readonly outcomes = new ServiceOutcomes(this.reporter, service());

  pass(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#now);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#now);
    for (const { callback } of due) callback();
  }

  /** `endpoint errors` of each row of the messages since the last call. */
  told(): readonly string[] {
    const rows = this.messages.splice(0).flat();
    return rows.map(({ endpoint, errors }) => `${endpoint} ${errors}`);
  }

  blame(endpoint: string, times: number): void {
    for (let i = 0; i < times; i += 1) this.outcomes.answered(endpoint, 500);
  }
}

test("successes alone are told nobody", () => {
  const bench = new Bench();
  for (const status of [100, 101, 200, 302, 404, 499]) bench.outcomes.answered("a", status);
  bench.outcomes.connected("a");
  bench.pass(1000);
  assert.deepEqual(bench.messages, []);
});

test("errors are told together after 50 ms, as the row that they are by then", () => {
  const bench = new Bench();
  bench.blame("a", 1);
  bench.blame("b", 3);
  bench.pass(49);
  assert.deepEqual(bench.messages, []);
  bench.blame("a", 1);
  bench.pass(1);
  assert.equal(bench.messages.length, 1);
  assert.deepEqual(bench.told(), ["a 2", "b 3"]);
  bench.pass(1000);
  assert.deepEqual(bench.messages, []);
});

test("a row that is enough by itself is told at once", () => {
  const bench = new Bench();
  bench.blame("b", 1);
  bench.blame("a", 5);
  assert.deepEqual(bench.told(), ["b 1", "a 5"]);
  bench.pass(50);
  assert.deepEqual(bench.told(), [], "the timer has nothing left");
});

test("a success is told after errors that were told, and those that were not are forgotten", () => {
  const bench = new Bench();
  bench.blame("a", 2);
  bench.outcomes.answered("a", 200);
  bench.pass(50);
  assert.deepEqual(bench.told(), []);
  bench.blame("a", 2);
  bench.pass(50);
  bench.outcomes.connected("a");
  bench.outcomes.answered("a", 200);
  bench.pass(50);
  assert.deepEqual(bench.told(), ["a 2", "a 0"]);
  bench.blame("a", 2);
  bench.pass(50);
  bench.outcomes.answered("a", 200);
  bench.blame("a", 2);
  bench.pass(50);
  assert.deepEqual(bench.told().at(-1), "a 2", "the last word counts");
});

test("an endpoint that fails a million times costs a message each 5 ms at most", () => {
  const bench = new Bench();
  for (let ms = 0; ms < 100; ms += 1) {
    for (let i = 0; i < 50; i += 1) {
      bench.blame("a", 5);
      bench.outcomes.answered("a", 200);
    }
    bench.pass(1);
  }
  assert.ok(bench.messages.length <= 21, `${bench.messages.length} messages`);
});

function counted(kind: FailureKind, detail = ""): boolean {
  const bench = new Bench();
  bench.outcomes.failed("a", { kind, detail });
  bench.pass(50);
  return bench.told().length > 0;
}

test("failures count when they are the endpoint's doing", () => {
  for (const kind of FAILURE_KINDS) {
    const wasAsked = kind !== "no-endpoint";
    assert.equal(counted(kind), wasAsked && FAILURES[kind].side === "upstream", kind);
  }
  assert.equal(counted("client-closed"), false);
  assert.equal(counted("upstream-reset"), true);
  assert.equal(counted("connect-failed", "EHOSTUNREACH"), true);
  assert.equal(counted("connect-failed", "EMFILE"), false);
});

test("a timer that fires a moment early tells all the same", () => {
  const callbacks: (() => void)[] = [];
  const told: (readonly ErrorRow[])[] = [];
  const reporter = new OutcomeReporter({
    tell: (rows) => told.push(rows),
    now: () => 1000,
    after: (callback) => void callbacks.push(callback),
  });
  const outcomes = new ServiceOutcomes(reporter, service());
  outcomes.answered("a", 500);
  for (const callback of callbacks) callback();
  assert.equal(told.length, 1);
});

test("a state that changes makes the record clean, and during an ejection nothing counts", () => {
  const bench = new Bench();
  bench.blame("a", 4);
  bench.blame("b", 4);
  bench.pass(50);
  bench.told();
  bench.outcomes.setHealth({ a: { state: "ejected", sinceMs: 0 } });
  bench.blame("a", 9);
  bench.pass(50);
  assert.deepEqual(bench.told(), ["a 0"]);
  bench.outcomes.setHealth({});
  bench.blame("a", 1);
  bench.blame("b", 1);
  bench.pass(50);
  assert.deepEqual(bench.told(), ["a 1", "b 5"]);
});

test("without a policy, and of endpoints that are gone, nothing is told", () => {
  const bench = new Bench();
  bench.blame("a", 3);
  bench.pass(50);
  bench.told();
  bench.outcomes.setEndpoints(new Set(["b"]));
  bench.outcomes.answered("a", 200);
  const { outlier, ...plain } = service();
  assert.ok(outlier);
  bench.outcomes.update({ ...plain, outlier: undefined });
  bench.blame("b", 9);
  bench.pass(50);
  assert.deepEqual(bench.told(), []);
});
