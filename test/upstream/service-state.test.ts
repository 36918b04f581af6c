import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { type TestContext, describe, test } from "node:test";
import { PLAIN_SERVICE } from "../fixtures/service.ts";
import type { Endpoint, Service } from "../../src/core/service.ts";
import type { UpstreamConnection } from "../../src/upstream/connection.ts";
import { ServiceState } from "../../src/upstream/service-state.ts";
import { EndpointServer } from "./endpoint-server.ts";
import {
  ACTIVE_SLOT,
  CONNECT_MS,
  CONNECT_SLOT,
  RecordingUser,
  type TestContextOfWorker,
  closed,
  createContext,
  dialFor,
} from "./fixtures.ts";

/** For each test, so that what it opened is closed when it fails. */
const LIMIT = { timeout: 20_000 };
const IDLE_MS = 60_000;
/** Connections that are kept for one endpoint. */
const KEPT_MAX = 256;

const SERVICE: Service = {
  name: "web",
  sources: [],
  ...PLAIN_SERVICE,
  timeouts: { connectMs: CONNECT_MS, responseMs: 60_000, idleMs: IDLE_MS },
  origin: { line: 1, column: 1 },
  slots: { upstreamActive: ACTIVE_SLOT, connectSeconds: CONNECT_SLOT, retries: 0 },
};

/** A service with one real endpoint. */
interface Running {
  readonly context: TestContextOfWorker;
  readonly state: ServiceState;
  readonly server: EndpointServer;
  readonly endpoint: Endpoint;
}

async function run(t: TestContext): Promise<Running> {
  const context = createContext();
  const state = new ServiceState(context, SERVICE, 0);
  const server = await EndpointServer.start(t);
  const { endpoint } = server;
  state.setEndpoints([endpoint]);
  t.after(() => state.close());
  return { context, state, server, endpoint };
}

/** A connection in use, its user, and the endpoint's end. */
interface Busy {
  readonly connection: UpstreamConnection;
  readonly user: RecordingUser;
  readonly far: Socket;
  /** Settles when it is closed and counted off. */
  readonly gone: Promise<void>;
}

async function connect({ state, server, endpoint }: Running, t: TestContext): Promise<Busy> {
  const user = new RecordingUser();
  const connection = dialFor(state, endpoint, user);
  t.after(() => connection.destroy());
  const gone = closed(connection);
  await user.until("connect");
  return { connection, user, far: await server.accept(), gone };
}

const named = (name: string, weight = 1): Endpoint => ({ host: name, port: 1, weight, name });

describe("ServiceState", () => {
  test("pick() rotates from `start` and leaves out what was tried", () => {
    const state = new ServiceState(createContext(), SERVICE, 1);
    assert.equal(state.pick([]), undefined);
    const [a, b] = [named("a"), named("b")];
    state.setEndpoints([a, b]);
    assert.deepEqual([state.pick([]), state.pick([]), state.pick([])], [b, a, b]);
    assert.equal(state.pick([b]), a);
    assert.equal(state.pick([a, b]), undefined);
  });

  test("takeIdle() has nothing before anything was released", LIMIT, async (t) => {
    const running = await run(t);
    assert.equal(running.state.takeIdle(running.endpoint, new RecordingUser()), undefined);
    await connect(running, t);
    assert.equal(running.state.takeIdle(running.endpoint, new RecordingUser()), undefined);
  });

  test(
    "takeIdle() gives a released connection to its new user, and the old one hears nothing",
    LIMIT,
    async (t) => {
      const running = await run(t);
      const { state, endpoint, context } = running;
      const { connection, user, far } = await connect(running, t);
      state.release(connection);
      const next = new RecordingUser();
      assert.equal(state.takeIdle(endpoint, next), connection);
      assert.equal(state.takeIdle(endpoint, next), undefined, "it is in use");
      far.write("answer");
      await next.until("data");
      assert.deepEqual([next.data, user.data, user.told], ["answer", "", ["connect"]]);
      // The limit of idleness does not hold while it is in use.
      context.pass(10 * IDLE_MS);
      assert.equal(connection.usable, true);
    },
  );

  test("takeIdle() gives the one that was released last", LIMIT, async (t) => {
    const running = await run(t);
    const { state, endpoint } = running;
    const busy = [await connect(running, t), await connect(running, t), await connect(running, t)];
    for (const { connection } of busy) state.release(connection);
    const user = new RecordingUser();
    const taken = busy.map(() => state.takeIdle(endpoint, user));
    assert.deepEqual(
      taken.map((connection) => busy.findIndex((one) => one.connection === connection)),
      [2, 1, 0],
    );
  });

  test("bytes that nobody asked for close an idle connection", LIMIT, async (t) => {
    const running = await run(t);
    const { state, endpoint, context } = running;
    const { connection, user, far, gone } = await connect(running, t);
    state.release(connection);
    far.write("HTTP/1.1 200 OK\r\n\r\n");
    await gone;
    assert.equal(state.takeIdle(endpoint, new RecordingUser()), undefined);
    assert.deepEqual([user.data, user.told], ["", ["connect"]]);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("an idle connection that the endpoint ends or resets is forgotten", LIMIT, async (t) => {
    for (const leave of [(far: Socket) => far.end(), (far: Socket) => far.resetAndDestroy()]) {
      const running = await run(t);
      const { state, endpoint, context } = running;
      const { connection, user, far, gone } = await connect(running, t);
      const other = await connect(running, t);
      state.release(connection);
      state.release(other.connection);
      leave(far);
      await gone;
      assert.equal(state.takeIdle(endpoint, new RecordingUser()), other.connection);
      assert.equal(state.takeIdle(endpoint, new RecordingUser()), undefined);
      assert.deepEqual(user.told, ["connect"]);
      assert.equal(context.slots[ACTIVE_SLOT], 1);
    }
  });

  test(
    "a connection whose FIN has come is not given out, though it is not closed yet",
    LIMIT,
    async (t) => {
      const running = await run(t);
      const { state, endpoint } = running;
      const { connection, user, far } = await connect(running, t);
      far.end();
      await user.until("end");
      state.release(connection);
      assert.equal(state.takeIdle(endpoint, new RecordingUser()), undefined);
      assert.equal(connection.socket.destroyed, true);
    },
  );

  test("an idle connection is closed after the idle limit, not before", LIMIT, async (t) => {
    const running = await run(t);
    const { state, endpoint, context } = running;
    const { connection, gone } = await connect(running, t);
    state.release(connection);
    context.pass(IDLE_MS);
    assert.equal(connection.socket.destroyed, false);
    context.pass(1000);
    assert.equal(connection.socket.destroyed, true);
    assert.equal(state.takeIdle(endpoint, new RecordingUser()), undefined);
    await gone;
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("a reload changes the limits of what comes after", LIMIT, async (t) => {
    const running = await run(t);
    const { state, context } = running;
    const { connection } = await connect(running, t);
    state.update({ ...SERVICE, timeouts: { ...SERVICE.timeouts, idleMs: 1000 } });
    state.release(connection);
    context.pass(2000);
    assert.equal(connection.socket.destroyed, true);
    assert.equal(state.service.timeouts.idleMs, 1000);
  });

  test(
    "endpoints that are gone lose their idle connections; busy ones finish first",
    LIMIT,
    async (t) => {
      const running = await run(t);
      const { state, endpoint, context } = running;
      const idle = await connect(running, t);
      const busy = await connect(running, t);
      state.release(idle.connection);
      state.setEndpoints([named("other")]);
      assert.equal(idle.connection.socket.destroyed, true);
      assert.equal(busy.connection.usable, true);
      busy.far.write("answer");
      await busy.user.until("data");
      state.release(busy.connection);
      assert.equal(busy.connection.socket.destroyed, true);
      await Promise.all([idle.gone, busy.gone]);
      assert.equal(context.slots[ACTIVE_SLOT], 0);
      state.setEndpoints([endpoint]);
      assert.equal(state.takeIdle(endpoint, new RecordingUser()), undefined);
    },
  );

  test(
    "endpoints that stay keep their idle connections, also as other objects",
    LIMIT,
    async (t) => {
      const running = await run(t);
      const { state, endpoint } = running;
      const { connection } = await connect(running, t);
      state.release(connection);
      state.setEndpoints([{ ...endpoint, weight: 5 }, named("other")]);
      assert.equal(state.takeIdle({ ...endpoint }, new RecordingUser()), connection);
    },
  );

  test(`keeps at most ${KEPT_MAX} idle connections to an endpoint`, LIMIT, async (t) => {
    const running = await run(t);
    const { state, endpoint, context, server } = running;
    const users = Array.from({ length: KEPT_MAX + 1 }, () => new RecordingUser());
    const connections = users.map((user) => dialFor(state, endpoint, user));
    const gone = connections.map(closed);
    await Promise.all(users.map((user) => user.until("connect")));
    for (const connection of connections) state.release(connection);
    const [last] = connections.splice(-1);
    assert.ok(last !== undefined);
    assert.equal(last.socket.destroyed, true);
    assert.ok(connections.every((connection) => connection.usable));
    state.close();
    await Promise.all(gone);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
    await server.close();
  });

  test("connections that end while they are idle make room for others", LIMIT, async (t) => {
    const running = await run(t);
    const { state, endpoint, server } = running;
    const users = Array.from({ length: KEPT_MAX }, () => new RecordingUser());
    const connections = users.map((user) => dialFor(state, endpoint, user));
    const gone = connections.map(closed);
    await Promise.all(users.map((user) => user.until("connect")));
    for (const connection of connections) state.release(connection);
    for (let i = 0; i < KEPT_MAX; i += 1) (await server.accept()).end();
    await Promise.all(gone);
    const { connection } = await connect(running, t);
    state.release(connection);
    assert.equal(state.takeIdle(endpoint, new RecordingUser()), connection);
  });

  test("close() ends what is idle and lets what is busy finish", LIMIT, async (t) => {
    const running = await run(t);
    const { state, context } = running;
    const idle = await connect(running, t);
    const busy = await connect(running, t);
    state.release(idle.connection);
    state.close();
    assert.equal(idle.connection.socket.destroyed, true);
    assert.equal(busy.connection.usable, true);
    assert.equal(state.pick([]), undefined);
    state.release(busy.connection);
    idle.far.resume();
    busy.far.resume();
    await Promise.all([once(idle.far, "end"), once(busy.far, "end")]);
    await Promise.all([idle.gone, busy.gone]);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("dial() reports failures to its user and counts back to 0", LIMIT, async (t) => {
    const { context, state, server, endpoint } = await run(t);
    await server.close();
    const user = new RecordingUser();
    dialFor(state, endpoint, user);
    await user.until("close");
    assert.equal(user.failure?.kind, "connect-refused");
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });
});
