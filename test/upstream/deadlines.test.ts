import assert from "node:assert/strict";
import { test } from "node:test";
import { type Deadlined, Deadlines } from "../../src/upstream/deadlines.ts";

const LIMIT_MS = 10_000;

test("Deadlines.after() is never early, even when nothing was watched for long", () => {
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

test("Deadlines.tick() fires what is due, once for each time it was set", () => {
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

function watched(deadlineMs: number): Deadlined & { fired: number } {
  return {
    deadlineMs,
    fired: 0,
    onDeadline() {
      this.fired += 1;
    },
  };
}
