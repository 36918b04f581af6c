import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Failure } from "../../src/core/failure.ts";
import type { Endpoint } from "../../src/core/service.ts";
import { UpstreamConnection } from "../../src/upstream/connection.ts";
import { WarmConnections } from "../../src/upstream/warm-connections.ts";
import { EndpointServer } from "./endpoint-server.ts";
import { ACTIVE_SLOT, type TestContextOfWorker, createContext, dialOptions } from "./fixtures.ts";

const LIMIT = { timeout: 20_000 };
const AGE_MS = 60_000;

interface Running {
  readonly warm: WarmConnections;
  readonly context: TestContextOfWorker;
  /** What health was told; undefined = it is there. */
  readonly outcomes: (Failure | undefined)[];
  readonly dials: { count: number; room: boolean };
}

function run(t: TestContext, pick: () => Endpoint | undefined): Running {
  const context = createContext();
  const outcomes: (Failure | undefined)[] = [];
  const dials = { count: 0, room: true };
  const warm = new WarmConnections({
    deadlines: context.deadlines,
    now: context.now,
    pick,
    dial: ({ endpoint }, user) => {
      if (!dials.room) return undefined;
      dials.count += 1;
      return new UpstreamConnection(context, dialOptions(endpoint), user);
    },
    noteOutcome: (_endpoint, failure) => outcomes.push(failure),
  });
  t.after(() => warm.setPolicy({ count: 0, ageMs: AGE_MS }));
  return { warm, context, outcomes, dials };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Anything that was going to happen has. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i += 1) await turn();
}

describe("WarmConnections", () => {
  test("makes as many as are wanted, gives the newest, and replaces it", LIMIT, async (t) => {
    const { endpoint } = await EndpointServer.start(t);
    const { warm, dials, outcomes } = run(t, () => endpoint);
    warm.setPolicy({ count: 2, ageMs: AGE_MS });
    assert.equal(warm.take(undefined), undefined, "none is there yet");
    await until(() => warm.size === 2);
    const taken = warm.take(undefined);
    t.after(() => taken?.destroy());
    assert.equal(taken?.usable, true);
    await until(() => warm.size === 2);
    assert.deepEqual([dials.count, outcomes], [3, [undefined, undefined, undefined]]);
    assert.equal(warm.take("elsewhere"), undefined);
    assert.equal(warm.oldest()?.endpoint, endpoint);
  });

  test(
    "rests for longer after each failure, and begins anew when one is taken",
    LIMIT,
    async (t) => {
      const server = await EndpointServer.start(t);
      const { endpoint } = server;
      await server.close();
      const { warm, context, outcomes, dials } = run(t, () => endpoint);
      warm.setPolicy({ count: 1, ageMs: AGE_MS });
      for (const [i, restMs] of [500, 1000, 2000, 4000].entries()) {
        await until(() => outcomes.length === i + 1);
        context.pass(restMs - 200);
        await settle();
        assert.equal(dials.count, i + 1, "it rests");
        context.pass(400);
      }
      await until(() => outcomes.length === 5);
      assert.deepEqual(
        outcomes.map((failure) => failure?.kind),
        Array.from({ length: 5 }, () => "connect-refused"),
      );
      for (let i = 0; i < 20; i += 1) {
        const before = dials.count;
        context.pass(31_000);
        await until(() => outcomes.length === before + 1);
      }
      // New endpoints, or news of their health, end every rest.
      warm.keepOnly(() => true);
      const before = dials.count;
      await until(() => outcomes.length === before);
      context.pass(700);
      await until(() => outcomes.length === before + 1);
      assert.equal(context.slots[ACTIVE_SLOT], 0);
    },
  );

  test("replaces what its endpoint closes, at once when it had lived", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const { warm, context, dials } = run(t, () => server.endpoint);
    warm.setPolicy({ count: 1, ageMs: AGE_MS });
    await until(() => warm.size === 1);
    context.pass(2000);
    (await server.accept()).end();
    await until(() => dials.count === 2 && warm.size === 1);
    // This one was not welcome.
    (await server.accept()).end();
    await until(() => warm.size === 0);
    await settle();
    assert.equal(dials.count, 2);
    context.pass(700);
    await until(() => dials.count === 3 && warm.size === 1);
  });

  test("does not keep one whose endpoint speaks first", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const { warm, dials } = run(t, () => server.endpoint);
    warm.setPolicy({ count: 1, ageMs: AGE_MS });
    await until(() => warm.size === 1);
    (await server.accept()).write("220 ready\r\n");
    await until(() => warm.size === 0);
    await settle();
    assert.equal(dials.count, 1, "it rests");
  });

  test("replaces what is too old", LIMIT, async (t) => {
    const { endpoint } = await EndpointServer.start(t);
    const { warm, context, dials } = run(t, () => endpoint);
    warm.setPolicy({ count: 1, ageMs: AGE_MS });
    await until(() => warm.size === 1);
    context.pass(AGE_MS - 1000);
    await settle();
    assert.equal(dials.count, 1);
    context.pass(2000);
    await until(() => dials.count === 2 && warm.size === 1);
    assert.equal(context.slots[ACTIVE_SLOT], 1);
  });

  test("asks again when there was no room", LIMIT, async (t) => {
    const { endpoint } = await EndpointServer.start(t);
    const { warm, context, dials } = run(t, () => endpoint);
    dials.room = false;
    warm.setPolicy({ count: 1, ageMs: AGE_MS });
    dials.room = true;
    context.pass(700);
    await until(() => warm.size === 1);
  });

  test("closes those to endpoints that are gone or ill", LIMIT, async (t) => {
    const [one, two] = [await EndpointServer.start(t), await EndpointServer.start(t)];
    const endpoints = [one.endpoint, two.endpoint];
    const { warm, context } = run(t, () => endpoints.shift() ?? two.endpoint);
    warm.setPolicy({ count: 2, ageMs: AGE_MS });
    await until(() => warm.size === 2);
    warm.keepOnly((name) => name === two.endpoint.name);
    assert.equal(warm.take(one.endpoint.name), undefined);
    await until(() => warm.size === 2 && context.slots[ACTIVE_SLOT] === 2);
    // Those that are being made too.
    warm.setPolicy({ count: 4, ageMs: AGE_MS });
    warm.keepOnly(() => false);
    assert.equal(warm.size, 0);
    warm.setPolicy({ count: 0, ageMs: AGE_MS });
    await until(() => context.slots[ACTIVE_SLOT] === 0);
    assert.equal(context.deadlines.size, 0);
  });

  test("without an endpoint nothing is made, and nothing waits", LIMIT, async (t) => {
    const { warm, context, dials } = run(t, () => undefined);
    warm.setPolicy({ count: 3, ageMs: AGE_MS });
    assert.deepEqual([dials.count, warm.size, context.deadlines.size], [0, 0, 0]);
  });
});
