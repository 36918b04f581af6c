import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { type Deadlined, Deadlines } from "../../src/upstream/deadlines.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";

const LIMIT_MS = 10_000;
const TICK_MS = 100;

describe("Deadlines.after()", () => {
  test("is never early, even when nothing was watched for long", () => {
    const clock = { now: 1000 };
    const deadlines = new Deadlines(() => clock.now);
    clock.now += 60_000;
    const limit = deadlines.after(LIMIT_MS);
    assert.ok(limit >= clock.now + LIMIT_MS, `${limit} for ${clock.now}`);

    // The same after the last thing has gone and the timer with it.
    const item = watched(limit);
    deadlines.add(item);
    deadlines.delete(item);
    deadlines.tick();
    clock.now += 60_000;
    assert.ok(deadlines.after(LIMIT_MS) >= clock.now + LIMIT_MS);
  });

  test("is neither early nor more than two ticks late, for 1,000 limits set between ticks", () => {
    const random = seededRandom(8);
    const clock = { now: 0 };
    const deadlines = new Deadlines(() => clock.now);
    const items: (Deadlined & { fired: number; dueMs: number })[] = [];
    for (let ticks = 0; ticks < 500; ticks += 1) {
      const next = clock.now + TICK_MS;
      for (let i = 0; i < 2; i += 1) {
        clock.now += random(TICK_MS / 2);
        const milliseconds = random(5000);
        const item = { ...watched(deadlines.after(milliseconds)), dueMs: clock.now + milliseconds };
        items.push(item);
        deadlines.add(item);
      }
      clock.now = next;
      deadlines.tick();
      for (const { fired, dueMs } of items) {
        if (clock.now < dueMs) assert.equal(fired, 0, `early at ${clock.now}: ${dueMs}`);
        if (clock.now > dueMs + 2 * TICK_MS) assert.equal(fired, 1, `late at ${clock.now}`);
      }
    }
  });
});

describe("Deadlines.tick()", () => {
  test("fires what is due, once for each time it was set", () => {
    const clock = { now: 0 };
    const deadlines = new Deadlines(() => clock.now);
    const item = watched(deadlines.after(LIMIT_MS));
    deadlines.add(item);
    clock.now = LIMIT_MS;
    deadlines.tick();
    assert.equal(item.fired, 0);
    clock.now = 2 * LIMIT_MS;
    deadlines.tick();
    deadlines.tick();
    assert.equal(item.fired, 1);
    item.deadlineMs = deadlines.after(LIMIT_MS);
    clock.now = 4 * LIMIT_MS;
    deadlines.tick();
    assert.equal(item.fired, 2);
    deadlines.delete(item);
    deadlines.tick();
  });

  test("keeps to a limit that was moved, and to none", () => {
    const clock = { now: 0 };
    const deadlines = new Deadlines(() => clock.now);
    const item = watched(deadlines.after(LIMIT_MS));
    deadlines.add(item);
    clock.now = LIMIT_MS;
    deadlines.tick();
    item.deadlineMs = deadlines.after(LIMIT_MS);
    clock.now = LIMIT_MS + TICK_MS;
    deadlines.tick();
    assert.equal(item.fired, 0);
    item.deadlineMs = Number.POSITIVE_INFINITY;
    clock.now = 100 * LIMIT_MS;
    deadlines.tick();
    assert.equal(item.fired, 0);
    item.deadlineMs = clock.now;
    deadlines.tick();
    assert.equal(item.fired, 1);
    deadlines.delete(item);
    deadlines.tick();
  });

  test("lets a handler set its limit anew, delete itself and others, and add more", () => {
    const clock = { now: 0 };
    const deadlines = new Deadlines(() => clock.now);
    const fired: string[] = [];
    const watch = (name: string, deadlineMs: number, act: (item: Deadlined) => void): Deadlined => {
      const item: Deadlined = {
        deadlineMs,
        onDeadline() {
          fired.push(name);
          act(item);
        },
      };
      deadlines.add(item);
      return item;
    };
    watch("again", 1, (item) => (item.deadlineMs = 2));
    watch("deletes", 1, (item) => {
      deadlines.delete(item);
      deadlines.delete(victim);
    });
    const victim = watch("victim", 1, () => {});
    watch("adds", 1, () => watch("added", 5, () => {}));
    clock.now = 1;
    deadlines.tick();
    assert.deepEqual(fired, ["again", "deletes", "adds"]);
    clock.now = 2;
    deadlines.tick();
    assert.deepEqual(fired.slice(3), ["again"]);
    clock.now = 5;
    deadlines.tick();
    assert.deepEqual(fired.slice(4), ["again", "added"]);
  });

  test("does not fire what was deleted, and deleting what was never added is no error", () => {
    const clock = { now: 0 };
    const deadlines = new Deadlines(() => clock.now);
    const item = watched(1);
    deadlines.delete(item);
    deadlines.add(item);
    deadlines.delete(item);
    clock.now = 10;
    deadlines.tick();
    assert.equal(item.fired, 0);
  });
});

test("Deadlines watches with one timer, and with none while there is nothing to watch", (t) => {
  const { timers, step } = countTimers(t);
  const clock = { now: 0 };
  const deadlines = new Deadlines(() => clock.now);
  assert.equal(timers(), 0);
  const [first, second] = [watched(50), watched(Number.POSITIVE_INFINITY)];
  deadlines.add(first);
  deadlines.add(second);
  deadlines.add(second);
  assert.equal(timers(), 1);
  clock.now = 50;
  step();
  assert.equal(first.fired, 1);
  deadlines.delete(first);
  step();
  assert.equal(timers(), 1);
  deadlines.delete(second);
  assert.equal(timers(), 1);
  step();
  assert.equal(timers(), 0);
  deadlines.add(watched(60));
  assert.equal(timers(), 1);
});

function watched(deadlineMs: number): Deadlined & { fired: number } {
  return {
    deadlineMs,
    fired: 0,
    onDeadline() {
      this.fired += 1;
    },
  };
}

/** Puts the test in the place of the clock's intervals. */
function countTimers(t: TestContext): { timers: () => number; step: () => void } {
  const running = new Map<object, () => void>();
  t.mock.method(globalThis, "setInterval", (callback: () => void, milliseconds: number) => {
    assert.equal(milliseconds, TICK_MS);
    const timer = { unref: () => timer };
    running.set(timer, callback);
    return timer;
  });
  t.mock.method(globalThis, "clearInterval", (timer: object) => running.delete(timer));
  return {
    timers: () => running.size,
    step: () => {
      for (const callback of running.values()) callback();
    },
  };
}
