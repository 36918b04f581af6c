/** The registry on a clock that the test moves, with checks that the test answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthRegistry } from "../../src/control/health-registry.ts";
import type { CheckResult } from "../../src/core/health-check.ts";
import type { Endpoint, HealthTable, Service } from "../../src/core/service.ts";
import type { CheckTask, TakeResult } from "../../src/health/check-task.ts";
import { PLAIN_SERVICE } from "../fixtures/service.ts";
import { FakeHealthClock } from "../health/fake-health-clock.ts";
import { endpointAt, POLICY } from "../health/harness.ts";

const OUTLIER = { errors: 5, intervalMs: 10_000, ejectionMs: 30_000, percentMax: 10 };
const FAILED: CheckResult = { passed: false, detail: "connect refused" };
const PASSED: CheckResult = { passed: true, detail: "status 200" };

const [ONE, TWO, THREE] = [endpointAt(1), endpointAt(2), endpointAt(3)] as const;
const NAMES = [ONE.name, TWO.name, THREE.name] as const;

function service(more: Partial<Service> = {}): Service {
  const slots = { upstreamActive: 0, connectSeconds: 0, retries: 0 };
  return { ...PLAIN_SERVICE, name: "web", sources: [], slots, ...more };
}

const CHECKED = service({ healthCheck: POLICY });
const WATCHED = service({ outlier: OUTLIER });

/** A registry, with all that it says kept. */
class Bench {
  readonly clock = new FakeHealthClock();
  readonly published: (readonly [service: string, table: HealthTable])[] = [];
  readonly logged: string[] = [];
  readonly checks: { readonly task: CheckTask; readonly done: TakeResult; over: boolean }[] = [];
  readonly registry = new HealthRegistry({
    clock: this.clock,
    random: () => 0.5,
    startCheck: (task, done) => {
      const check = { task, done, over: false };
      this.checks.push(check);
      return () => {
        check.over = true;
      };
    },
    publish: (name, table) => this.published.push([name, table]),
    log: (level, message, { endpoint = "", because = "" }) =>
      this.logged.push([level, message, endpoint, because].join(" | ")),
  });

  apply(given: Service = CHECKED, endpoints: readonly Endpoint[] = [ONE, TWO]): void {
    this.registry.apply([given], { [given.name]: endpoints });
  }

  /** The next checks of this endpoint end so; those of the others are passed meanwhile. */
  answer(endpoint: Endpoint, ...results: readonly CheckResult[]): void {
    for (const result of results) {
      while (!this.#answerOnce(endpoint, result)) this.clock.advance(100);
    }
  }

  #answerOnce(endpoint: Endpoint, result: CheckResult): boolean {
    const running = this.checks.filter(({ over }) => !over);
    const asked = running.filter(({ task }) => task.endpoint.name === endpoint.name);
    for (const check of running) {
      check.over = true;
      check.done(asked.includes(check) ? result : PASSED);
    }
    return asked.length > 0;
  }

  /** Errors in a row of one worker. */
  errors(endpoint: Endpoint, errors: number, worker = 0): void {
    this.registry.takeErrors(worker, [{ service: "web", endpoint: endpoint.name, errors }]);
  }

  states(): readonly string[] {
    return this.registry.conditions("web").map(({ state }) => state);
  }

  /** The table that was published last. */
  last(): Readonly<Record<string, string>> {
    const [, table = {}] = this.published.at(-1) ?? [];
    return Object.fromEntries(Object.entries(table).map(([name, { state }]) => [name, state]));
  }
}

test("checks: an endpoint counts as healthy until its first result, which decides alone", () => {
  const bench = new Bench();
  bench.apply();
  assert.deepEqual(bench.states(), ["healthy", "healthy"]);
  assert.equal(bench.checks.length, 2);
  bench.answer(ONE, FAILED);
  assert.deepEqual(bench.states(), ["unhealthy", "healthy"]);
  assert.deepEqual(bench.last(), { [ONE.name]: "unhealthy" });
  bench.answer(ONE, PASSED);
  assert.deepEqual(bench.states(), ["unhealthy", "healthy"]);
  bench.answer(ONE, PASSED);
  assert.deepEqual(bench.states(), ["healthy", "healthy"]);
  assert.deepEqual(bench.last(), {});
});

test("log: a change is said once, with what brought it about", () => {
  const bench = new Bench();
  bench.apply();
  bench.answer(ONE, FAILED, FAILED, FAILED, PASSED, PASSED, PASSED);
  assert.deepEqual(bench.logged, [
    `warning | an endpoint is unhealthy | ${ONE.name} | connect refused`,
    `info | an endpoint is in use again | ${ONE.name} | status 200`,
  ]);
});

test("publish: the first change at once, those that follow closely together", () => {
  const bench = new Bench();
  const many = Array.from({ length: 50 }, (_, i) => endpointAt(i + 1));
  bench.apply(CHECKED, many);
  for (const { done } of bench.checks.splice(0)) done(FAILED);
  assert.equal(bench.published.length, 1);
  bench.clock.advance(100);
  assert.equal(bench.published.length, 2);
  assert.equal(Object.keys(bench.last()).length, 50);
});

test("answers: errors in a row of all workers eject; a success of one takes only its own away", () => {
  const bench = new Bench();
  bench.apply(WATCHED);
  bench.errors(ONE, 3, 0);
  bench.errors(ONE, 1, 1);
  bench.errors(ONE, 0, 0);
  bench.errors(ONE, 2, 0);
  assert.deepEqual(bench.states(), ["healthy", "healthy"]);
  bench.errors(ONE, 4, 0);
  assert.deepEqual(bench.states(), ["ejected", "healthy"]);
  assert.deepEqual(bench.last(), { [ONE.name]: "ejected" });
  assert.deepEqual(bench.logged, [
    `warning | an endpoint is ejected | ${ONE.name} | 5 errors in a row`,
  ]);
});

test("answers: it comes back at the first look after its time, with a clean record", () => {
  const bench = new Bench();
  bench.apply(WATCHED);
  bench.clock.advance(1);
  bench.errors(ONE, 5);
  bench.errors(ONE, 9);
  bench.clock.advance(29_999);
  assert.equal(bench.states()[0], "ejected");
  bench.clock.advance(1);
  assert.equal(bench.states()[0], "healthy");
  bench.errors(ONE, 4);
  assert.equal(bench.states()[0], "healthy");
  bench.errors(ONE, 5);
  bench.clock.advance(59_999);
  assert.equal(bench.states()[0], "ejected", "twice as long");
  bench.clock.advance(10_001);
  assert.equal(bench.states()[0], "healthy");
  bench.clock.advance(60_000);
  assert.equal(bench.clock.pending, 0, "nobody is looked after any more");
});

test("answers: the clock of the day may jump", () => {
  const bench = new Bench();
  bench.apply(WATCHED);
  bench.errors(ONE, 5);
  bench.clock.jumpedMs = -3_600_000;
  bench.clock.advance(30_000);
  assert.equal(bench.states()[0], "healthy");
});

test("answers: the last endpoint that can be used is never ejected, whatever else is out", () => {
  const bench = new Bench();
  const both = service({ outlier: { ...OUTLIER, percentMax: 100 }, healthCheck: POLICY });
  bench.apply(both, [ONE, TWO, THREE]);
  bench.answer(TWO, FAILED);
  bench.registry.setOut({ service: "web", address: THREE.name, out: true });
  bench.errors(ONE, 99);
  assert.deepEqual(bench.states(), ["healthy", "unhealthy", "out"]);
  bench.registry.setOut({ service: "web", address: THREE.name, out: false });
  bench.errors(ONE, 100);
  assert.deepEqual(bench.states(), ["ejected", "unhealthy", "healthy"]);
  bench.apply(service({ outlier: OUTLIER, name: "web" }), [ONE]);
  assert.deepEqual(bench.states(), ["ejected"]);
});

test("answers: max_percent holds, one is always allowed", () => {
  const bench = new Bench();
  bench.apply(WATCHED, [ONE, TWO, THREE]);
  bench.errors(ONE, 5);
  bench.errors(TWO, 5);
  assert.deepEqual(bench.states(), ["ejected", "healthy", "healthy"]);
  bench.apply(service({ outlier: { ...OUTLIER, percentMax: 67 } }), [ONE, TWO, THREE]);
  bench.errors(TWO, 6);
  bench.errors(THREE, 99);
  assert.deepEqual(bench.states(), ["ejected", "ejected", "healthy"]);
});

test("a dead worker's errors are forgotten", () => {
  const bench = new Bench();
  bench.apply(WATCHED);
  bench.errors(ONE, 4, 0);
  bench.registry.forgetWorker(0);
  bench.errors(ONE, 4, 1);
  assert.deepEqual(bench.states(), ["healthy", "healthy"]);
});

test("errors of what is not known are nobody's", () => {
  const bench = new Bench();
  bench.apply(service());
  bench.errors(ONE, 99);
  bench.registry.takeErrors(0, [
    { service: "web", endpoint: "10.9.9.9:9", errors: 9 },
    { service: "gone", endpoint: ONE.name, errors: 9 },
  ]);
  assert.deepEqual(bench.states(), ["healthy", "healthy"]);
  assert.equal(bench.published.length, 0);
});

test("setOut(): stronger than everything, over reloads, other sets and other states", () => {
  const bench = new Bench();
  const change = { service: "web", address: ONE.name, out: true };
  bench.apply();
  assert.deepEqual(bench.registry.setOut(change), {
    ok: true,
    value: { changed: true, state: "out", left: 1 },
  });
  bench.answer(ONE, FAILED);
  assert.deepEqual(bench.last(), { [ONE.name]: "out" });
  bench.apply(service({ healthCheck: { ...POLICY, path: "/other" } }));
  bench.registry.setEndpoints("web", [TWO]);
  assert.deepEqual(bench.last(), { [ONE.name]: "out" }, "workers know before it is back");
  assert.deepEqual(bench.registry.absentOuts("web"), [ONE.name]);
  bench.registry.setEndpoints("web", [TWO, ONE]);
  assert.deepEqual(bench.states(), ["healthy", "out"]);
  const { value } = bench.registry.setOut(change) as { value: unknown };
  assert.deepEqual(value, { changed: false, state: "out", left: 1 });
  bench.registry.setOut({ ...change, out: false });
  assert.deepEqual(bench.states(), ["healthy", "healthy"]);
  assert.deepEqual(bench.last(), {});
});

test("setOut(): the last one may go, and what is put back may be unhealthy", () => {
  const bench = new Bench();
  bench.apply(CHECKED, [ONE]);
  bench.answer(ONE, FAILED);
  const change = { service: "web", address: ONE.name };
  const out = bench.registry.setOut({ ...change, out: true });
  assert.equal(out.ok && out.value.left, 0);
  const back = bench.registry.setOut({ ...change, out: false });
  assert.equal(back.ok && back.value.state, "unhealthy");
});

test("setOut(): a service that goes and comes back finds its endpoint out, also in prepared tables", () => {
  const bench = new Bench();
  bench.apply();
  bench.registry.setOut({ service: "web", address: ONE.name, out: true });
  bench.apply(service({ name: "renamed" }));
  assert.match(bench.logged.at(-1) ?? "", /a service is gone whose endpoints were taken out/);
  assert.equal(bench.registry.tables()["web"]?.[ONE.name]?.state, "out");
  bench.apply();
  assert.deepEqual(bench.states(), ["out", "healthy"]);
  bench.apply(service({ name: "renamed" }));
  const put = bench.registry.setOut({ service: "web", address: ONE.name, out: false });
  assert.deepEqual(put, { ok: true, value: { changed: true, state: undefined, left: 0 } });
});

test("setOut(): names what there is when service or address is unknown", () => {
  const bench = new Bench();
  const many = Array.from({ length: 12 }, (_, i) => endpointAt(i + 1));
  bench.apply(service(), many);
  const refusal = (name: string, address: string): string => {
    const result = bench.registry.setOut({ service: name, address, out: true });
    return result.ok ? "" : result.error;
  };
  assert.equal(refusal("wbe", "x"), "there is no service wbe; there are web");
  assert.match(
    refusal("web", "x"),
    /^service web has no endpoint x; it has 127\.0\.0\.1:1, .* and 2 more$/,
  );
  bench.registry.setEndpoints("web", []);
  assert.equal(refusal("web", "x"), "service web has no endpoint x; it has none now");
});

test("reload: the same policy keeps states, checks and their times; another one asks at once", () => {
  const bench = new Bench();
  bench.apply();
  bench.answer(ONE, FAILED);
  const before = bench.checks.length;
  bench.apply(service({ healthCheck: { ...POLICY } }));
  assert.deepEqual(bench.states(), ["unhealthy", "healthy"]);
  assert.equal(bench.checks.length, before);
  bench.apply(service({ healthCheck: { ...POLICY, path: "/right" } }));
  assert.equal(bench.states()[0], "unhealthy", "known until it is asked anew");
  bench.answer(ONE, PASSED);
  assert.equal(bench.states()[0], "healthy", "and then the first result decides");
  bench.apply(service());
  assert.ok(
    bench.checks.every(({ over }) => over),
    "no checks, no connections",
  );
});

test("reload: checks that are taken away take what they said with them, and so does outlier", () => {
  const bench = new Bench();
  const both = service({ healthCheck: POLICY, outlier: OUTLIER });
  bench.apply(both, [ONE, TWO, THREE]);
  bench.answer(ONE, FAILED);
  bench.errors(TWO, 5);
  bench.apply(service({ outlier: OUTLIER }), [ONE, TWO, THREE]);
  assert.deepEqual(bench.states(), ["healthy", "ejected", "healthy"]);
  bench.apply(service(), [ONE, TWO, THREE]);
  assert.deepEqual(bench.states(), ["healthy", "healthy", "healthy"]);
  assert.deepEqual(bench.last(), {});
  assert.equal(bench.clock.pending, 0);
});

test("reload in an ejection: it lasts as long as it was said, though the interval is another", () => {
  const bench = new Bench();
  bench.apply(WATCHED);
  bench.errors(ONE, 5);
  bench.clock.advance(5000);
  bench.apply(service({ outlier: { ...OUTLIER, intervalMs: 1000, ejectionMs: 1000 } }));
  assert.equal(bench.states()[0], "ejected");
  bench.clock.advance(24_000);
  assert.equal(bench.states()[0], "ejected");
  bench.clock.advance(1000);
  assert.equal(bench.states()[0], "healthy");
});

test("reloads that follow each other do not put the end of an ejection off", () => {
  const bench = new Bench();
  bench.apply(WATCHED);
  bench.errors(ONE, 5);
  for (let i = 0; i < 6; i += 1) {
    bench.clock.advance(6000);
    bench.apply(service({ outlier: OUTLIER }));
  }
  assert.equal(bench.states()[0], "healthy");
});

test("endpoints: what is gone is checked no more, what comes is checked at once, what stays is known", () => {
  const bench = new Bench();
  bench.apply();
  bench.answer(ONE, FAILED);
  bench.registry.setEndpoints("web", [ONE, THREE]);
  assert.deepEqual(bench.states(), ["unhealthy", "healthy"]);
  const running = bench.checks.filter(({ over }) => !over);
  assert.deepEqual(
    running.map(({ task }) => task.endpoint.name),
    [THREE.name],
  );
  bench.registry.setEndpoints("web", [THREE]);
  assert.deepEqual(bench.last(), {});
  bench.registry.setEndpoints("web", [THREE, ONE]);
  assert.equal(bench.states()[1], "healthy", "it starts anew");
});

test("slow start: who is well again or new is told with its time, and for so long only", () => {
  const bench = new Bench();
  bench.apply(service({ slowStartMs: 30_000 }), [ONE]);
  for (const out of [true, false]) {
    bench.registry.setOut({ service: "web", address: ONE.name, out });
  }
  bench.registry.setEndpoints("web", [ONE, TWO]);
  const table = bench.registry.tables()["web"] ?? {};
  assert.deepEqual(Object.keys(table), [ONE.name, TWO.name]);
  assert.equal(table[ONE.name]?.state, "healthy");
  bench.clock.advance(30_000);
  assert.deepEqual(bench.registry.tables(), {});
  const first = new Bench();
  first.apply(service({ slowStartMs: 30_000 }), []);
  first.registry.setEndpoints("web", [ONE, TWO]);
  assert.deepEqual(first.registry.tables(), {}, "all are new alike");
});

test("flapping checks change nothing; flapping answers cost longer each time", () => {
  const bench = new Bench();
  bench.apply(service({ healthCheck: POLICY, outlier: OUTLIER }));
  bench.answer(ONE, PASSED, FAILED, FAILED, PASSED, FAILED, FAILED, PASSED);
  assert.deepEqual(bench.logged, []);
  bench.apply(WATCHED);
  const until: number[] = [];
  for (let times = 0; times < 4; times += 1) {
    bench.errors(ONE, 5);
    const condition = bench.registry.conditions("web")[0];
    until.push(Math.round(((condition?.ejectedUntilMs ?? 0) - bench.clock.now()) / 1000));
    while (bench.states()[0] === "ejected") bench.clock.advance(1000);
  }
  assert.deepEqual(until, [30, 60, 120, 240]);
  assert.equal(bench.registry.conditions("web")[0]?.ejections, 4);
});

test("close() leaves no timer and no check", () => {
  const bench = new Bench();
  bench.apply(service({ healthCheck: POLICY, outlier: OUTLIER }));
  bench.errors(ONE, 5);
  bench.answer(TWO, FAILED);
  bench.registry.close();
  assert.equal(bench.clock.pending, 0);
  assert.ok(bench.checks.every(({ over }) => over));
  assert.deepEqual(bench.states(), ["ejected", "unhealthy"]);
});

test("conditions() tell the last check, errors so far and when an ejection ends", () => {
  const bench = new Bench();
  bench.apply(service({ healthCheck: POLICY, outlier: OUTLIER }));
  bench.answer(ONE, PASSED);
  bench.errors(ONE, 2);
  bench.errors(TWO, 5);
  const [one, two] = bench.registry.conditions("web");
  assert.equal(one?.check?.last?.detail, "status 200");
  assert.equal(one?.errorsInARow, 2);
  assert.equal(two?.ejectedUntilMs, bench.clock.now() + 30_000);
  assert.equal(two?.because, "5 errors in a row");
  assert.deepEqual(NAMES.slice(0, 2), [one?.endpoint.name, two?.endpoint.name]);
});
