import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { HeapTrim } from "../../src/worker/heap-trim.ts";

function createTrim() {
  const state = { active: 0, busy: 0, collected: 0 };
  const trim = new HeapTrim({
    active: () => state.active,
    busy: () => state.busy,
    collect: () => (state.collected += 1),
  });
  const look = (active: number, busy = 0): number => {
    state.active = active;
    state.busy = busy;
    trim.look();
    return state.collected;
  };
  return look;
}

test("HeapTrim.look() collects once after many connections are gone", () => {
  const look = createTrim();
  assert.equal(look(9000), 0);
  assert.equal(look(8001), 0);
  assert.equal(look(8000), 1);
  assert.equal(look(7900), 1);
  assert.equal(look(7000), 2);
  assert.equal(look(0), 3);
  assert.equal(look(0), 3);
});

test("HeapTrim.look() waits until the thread has time", () => {
  const look = createTrim();
  look(1000);
  assert.equal(look(0, 0.9), 0);
  assert.equal(look(0, 0.1), 1);
});

test("HeapTrim.look() lets few connections come and go", () => {
  const look = createTrim();
  for (let i = 0; i < 100; i += 1) assert.equal(look(i % 2 === 0 ? 900 : 0), 0);
});

test("HeapTrim reaches the collector of the runtime", async () => {
  const garbage = makeGarbage();
  // A WeakRef holds what it leads to until the job that made it is over.
  await setImmediate();
  let active = 1000;
  const trim = new HeapTrim({ active: () => active, busy: () => 0 });
  trim.look();
  active = 0;
  trim.look();
  assert.equal(garbage.deref(), undefined);
});

test("HeapTrim survives that another thread takes the flag back at the same moment", async () => {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const other = new Worker(
    `const { workerData, parentPort } = require("node:worker_threads");
    const { setFlagsFromString } = require("node:v8");
    parentPort.postMessage("ready");
    while (Atomics.load(workerData, 0) === 0) setFlagsFromString("--no-expose-gc");`,
    { eval: true, workerData: stop },
  );
  await once(other, "message");
  try {
    for (let i = 0; i < 50; i += 1) {
      let active = 1000;
      const trim = new HeapTrim({ active: () => active, busy: () => 0 });
      trim.look();
      active = 0;
      trim.look();
    }
  } finally {
    Atomics.store(stop, 0, 1);
    await once(other, "exit");
  }
});

/** In a frame of its own: what stands in a register of the caller's would be kept. */
function makeGarbage(): WeakRef<object> {
  return new WeakRef({});
}
