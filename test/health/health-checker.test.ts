/** When checks are made, on a clock that the test moves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckResult } from "../../src/core/health-check.ts";
import type { Endpoint } from "../../src/core/service.ts";
import type { CheckTask, TakeResult } from "../../src/health/check-task.ts";
import { HealthChecker } from "../../src/health/health-checker.ts";
import { FakeHealthClock } from "./fake-health-clock.ts";
import { checkedService, endpointAt } from "./harness.ts";

const PASSED: CheckResult = { passed: true, detail: "" };

interface Started {
  readonly task: CheckTask;
  readonly done: TakeResult;
  cancelled: boolean;
}

/** A checker whose checks the test ends. */
class Bench {
  readonly clock = new FakeHealthClock();
  readonly started: Started[] = [];
  readonly reports: string[] = [];
  readonly late: number[] = [];
  readonly unable: string[] = [];
  chance = 0.5;
  readonly checker = new HealthChecker({
    clock: this.clock,
    random: () => this.chance,
    start: (task, done) => {
      const started = { task, done, cancelled: false };
      this.started.push(started);
      return () => {
        started.cancelled = true;
      };
    },
    report: (service, endpoint, { detail }) =>
      this.reports.push(`${service} ${endpoint} ${detail}`),
    late: (_, waitedMs) => this.late.push(waitedMs),
    unable: (service) => this.unable.push(service),
  });

  /** Ends all checks that are under way. */
  pass(): number {
    const ended = this.started.splice(0);
    for (const { done, cancelled } of ended) if (!cancelled) done(PASSED);
    return ended.length;
  }
}

const ONE = endpointAt(1);
const TWO = endpointAt(2);
const many = (count: number): readonly Endpoint[] =>
  Array.from({ length: count }, (_, port) => endpointAt(port + 1));

test("HealthChecker checks at once, then after an interval that chance moves by a tenth", () => {
  const bench = new Bench();
  bench.chance = 1;
  bench.checker.watch(checkedService(), [ONE], true);
  assert.equal(bench.pass(), 1);
  bench.clock.advance(4999);
  assert.equal(bench.started.length, 0);
  bench.clock.advance(1);
  assert.equal(bench.pass(), 1);
  bench.clock.advance(5499);
  assert.equal(bench.started.length, 0);
  bench.clock.advance(1);
  bench.chance = 0;
  assert.equal(bench.pass(), 1);
  bench.clock.advance(4500);
  assert.equal(bench.pass(), 1);
});

test("HealthChecker spreads the second checks over half an interval", () => {
  const bench = new Bench();
  bench.chance = 0;
  bench.checker.watch(checkedService(), [ONE], true);
  bench.pass();
  bench.clock.advance(2500);
  assert.equal(bench.started.length, 1);
});

test("HealthChecker ends a check that is not over in time, and says so", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService(), [ONE], true);
  const [first] = bench.started;
  bench.clock.advance(2000);
  assert.equal(first?.cancelled, true);
  assert.deepEqual(bench.reports, ["web 127.0.0.1:1 no answer within 2000 ms"]);
});

test("HealthChecker hears an answer that came while the thread was busy, though the time is over", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService(), [ONE], true);
  const [check] = bench.started;
  // The timer is late, and the answer waits behind it.
  bench.clock.set(() => check?.done(PASSED), 2000);
  bench.clock.advance(2000);
  assert.deepEqual(bench.reports, ["web 127.0.0.1:1 "]);
});

test("HealthChecker makes nothing of a check for which the box has no means, and says so", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService(), [ONE, TWO], true);
  for (const { done } of bench.started.splice(0)) done(undefined);
  assert.deepEqual(bench.reports, []);
  assert.deepEqual(bench.unable, ["web"]);
  bench.clock.advance(6000);
  assert.equal(bench.started.length, 2, "they go on");
});

test("HealthChecker keeps endpoints that stay, starts new ones, drops those that are gone", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService(), [ONE], true);
  bench.pass();
  bench.checker.watch(checkedService(), [ONE, TWO], false);
  assert.deepEqual(
    bench.started.map(({ task }) => task.endpoint.port),
    [2],
  );
  const [second] = bench.started;
  bench.checker.watch(checkedService(), [ONE], false);
  assert.equal(second?.cancelled, true);
  bench.started.length = 0;
  bench.clock.advance(10_000);
  assert.deepEqual(
    bench.started.map(({ task }) => task.endpoint.port),
    [1],
  );
  bench.checker.watch(checkedService(), [], false);
  assert.equal(bench.clock.pending, 0);
});

test("HealthChecker uses a changed endpoint or policy from the next check on; anew = at once", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService(), [ONE], true);
  bench.pass();
  bench.checker.watch(checkedService(), [{ ...ONE, dnsName: "a.test" }], false);
  bench.clock.advance(5000);
  assert.equal(bench.started[0]?.task.endpoint.dnsName, "a.test");
  bench.pass();
  bench.checker.watch(checkedService({ path: "/b" }), [ONE], true);
  assert.equal(bench.started[0]?.task.service.policy.path, "/b");
  bench.pass();
  bench.clock.advance(6000);
  assert.equal(bench.started.length, 1, "the timer of before is gone");
});

test("HealthChecker.forget() and close() leave no timer and no check", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService(), many(300), true);
  bench.checker.watch(checkedService({}, { name: "other" }), [ONE], true);
  bench.checker.forget("web");
  assert.deepEqual(
    bench.started.filter(({ cancelled }) => !cancelled).map(({ task }) => task.service.name),
    ["other"],
  );
  bench.checker.close();
  assert.equal(bench.clock.pending, 0);
  assert.equal(
    bench.started.every(({ cancelled }) => cancelled),
    true,
  );
});

test("HealthChecker makes 128 checks at once, and everybody has their turn", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService({ timeoutMs: 1000 }), many(1000), true);
  assert.equal(bench.started.length, 128);
  // Nobody answers: each round of 128 takes a time-out.
  for (let round = 0; round < 8; round += 1) bench.clock.advance(1000);
  assert.equal(new Set(bench.reports).size, 1000);
  assert.deepEqual(bench.late, [6000]);
});

test("HealthChecker says at most once a minute that checks are late", () => {
  const bench = new Bench();
  bench.checker.watch(checkedService({ timeoutMs: 1000 }), many(2000), true);
  for (let second = 0; second < 66; second += 1) bench.clock.advance(1000);
  assert.equal(bench.late.length, 2);
});
