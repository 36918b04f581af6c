import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { PLAIN_SERVICE } from "../fixtures/service.ts";
import type { Endpoint } from "../../src/core/service.ts";
import { UpstreamConnection } from "../../src/upstream/connection.ts";
import { ServiceState } from "../../src/upstream/service-state.ts";
import { Siblings } from "../../src/upstream/siblings.ts";
import { stalledPort } from "../proxy/stalled-listener.ts";
import { EndpointServer } from "./endpoint-server.ts";
import {
  ACTIVE_SLOT,
  CONNECT_MS,
  CONNECT_SLOT,
  RecordingUser,
  closed,
  createContext,
  dialFor,
  dialOptions,
} from "./fixtures.ts";

const LIMIT = { timeout: 20_000 };
/** RFC 8305 §8. */
const ATTEMPT_DELAY_MS = 250;

/** A dial whose second try waits for the test's clock. */
function race(t: TestContext, endpoint: Endpoint, sibling: Endpoint) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const context = createContext();
  const user = new RecordingUser();
  const connection = new UpstreamConnection(context, dialOptions(endpoint, sibling), user);
  t.after(() => connection.destroy());
  return { context, user, connection };
}

async function stalledEndpoint(t: TestContext, host = "127.0.0.1"): Promise<Endpoint> {
  // The end of the stalled listener is waited for with timers.
  t.after(() => t.mock.timers.reset());
  const port = await stalledPort(t, host);
  return { host, port, weight: 1, name: `stalled:${port}` };
}

async function refusingEndpoint(t: TestContext): Promise<Endpoint> {
  const server = await EndpointServer.start(t);
  const { endpoint } = server;
  await server.close();
  return endpoint;
}

describe("RacingDial", () => {
  test("connects to the sibling when the first one is silent", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const silent = await stalledEndpoint(t);
    const { context, user, connection } = race(t, silent, server.endpoint);
    const first = connection.socket;
    assert.equal(connection.endpoint.name, silent.name);
    t.mock.timers.tick(ATTEMPT_DELAY_MS);
    await user.until("connect");
    assert.equal(connection.endpoint.name, server.endpoint.name);
    assert.equal(first.destroyed, true, "the other try is given up");
    assert.equal(context.slots[ACTIVE_SLOT], 1);
    const far = await server.accept();
    far.write("hello");
    await user.until("data");
    assert.equal(user.data, "hello");
    far.resetAndDestroy();
    await user.until("close");
    assert.equal(user.failure?.kind, "upstream-reset");
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("leaves the sibling alone when the first one connects in time", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const other = await EndpointServer.start(t);
    const { user, connection } = race(t, server.endpoint, other.endpoint);
    await user.until("connect");
    t.mock.timers.tick(10 * ATTEMPT_DELAY_MS);
    // A connection made now comes after any that was begun before.
    const probe = new RecordingUser();
    const later = new UpstreamConnection(createContext(), dialOptions(other.endpoint), probe);
    await probe.until("connect");
    await other.accept();
    assert.equal(other.arrivedCount, 0);
    assert.equal(connection.endpoint.name, server.endpoint.name);
    later.destroy();
  });

  test("leaves a first one that fails at once to the retry", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const refusing = await refusingEndpoint(t);
    const { user, context } = race(t, refusing, server.endpoint);
    await user.until("close");
    t.mock.timers.tick(10 * ATTEMPT_DELAY_MS);
    assert.deepEqual(user.failure, { kind: "connect-refused", detail: "ECONNREFUSED" });
    assert.deepEqual(user.told, ["close"]);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("fails once, at the limit of the first try, when neither answers", LIMIT, async (t) => {
    const silent = await stalledEndpoint(t);
    const { context, user } = race(t, silent, silent);
    context.pass(ATTEMPT_DELAY_MS);
    t.mock.timers.tick(ATTEMPT_DELAY_MS);
    assert.deepEqual(user.told, []);
    context.pass(CONNECT_MS);
    await user.until("close");
    assert.equal(user.failure?.kind, "connect-timeout");
    assert.deepEqual(user.told, ["close"]);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("waits on for the first one when the sibling fails", LIMIT, async (t) => {
    const silent = await stalledEndpoint(t);
    const { context, user, connection } = race(t, silent, await refusingEndpoint(t));
    t.mock.timers.tick(ATTEMPT_DELAY_MS);
    // The refusal is there before the answer to this later connection.
    const server = await EndpointServer.start(t);
    const probe = new RecordingUser();
    const later = new UpstreamConnection(createContext(), dialOptions(server.endpoint), probe);
    await probe.until("connect");
    later.destroy();
    assert.equal(connection.socket.destroyed, false);
    assert.deepEqual(user.told, []);
    context.pass(CONNECT_MS);
    context.pass(CONNECT_MS);
    await user.until("close");
    assert.equal(user.failure?.kind, "connect-timeout");
  });

  test("destroy() ends both tries, and the user hears nothing", LIMIT, async (t) => {
    const silent = await stalledEndpoint(t);
    const { context, user, connection } = race(t, silent, silent);
    t.mock.timers.tick(ATTEMPT_DELAY_MS);
    const gone = closed(connection);
    connection.destroy();
    await gone;
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(user.told, []);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("connects to a Unix socket, and says what is wrong with one", LIMIT, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "gatehouse-unix-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "app.sock");
    const server = await EndpointServer.start(t, { path });
    const user = new RecordingUser();
    const connection = new UpstreamConnection(createContext(), dialOptions(server.endpoint), user);
    await user.until("connect");
    const far = await server.accept();
    far.write("hello");
    await user.until("data");
    far.resume();
    const ended = once(far, "end");
    connection.reset();
    await ended;
    const file = join(folder, "plain");
    writeFileSync(file, "");
    const wrong = [
      [join(folder, "absent"), { kind: "connect-failed", detail: "ENOENT" }],
      [file, { kind: "connect-refused", detail: "ECONNREFUSED" }],
    ] as const;
    for (const [host, failure] of wrong) {
      const told = new RecordingUser();
      const endpoint = { host, port: 0, weight: 1, name: `unix:${host}` };
      const failing = new UpstreamConnection(createContext(), dialOptions(endpoint), told);
      await told.until("close");
      assert.deepEqual(told.failure, failure);
      assert.equal(failing.connectMs, undefined);
    }
  });
});

const named = (host: string, dnsName?: string, port = 80): Endpoint => ({
  host,
  port,
  weight: 1,
  name: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
  ...(dnsName === undefined ? {} : { dnsName }),
});

describe("Siblings", () => {
  test("of() is the same name and port in the other family, in turn", () => {
    const siblings = new Siblings();
    const four = named("10.0.0.1", "a.test");
    const six = named("fd00::1", "a.test");
    siblings.setEndpoints([
      four,
      six,
      named("fd00::2", "a.test"),
      named("fd00::3", "b.test"),
      named("fd00::4", "a.test", 81),
      named("fd00::5"),
    ]);
    const found = Array.from({ length: 10 }, () => siblings.of(four)?.name ?? "");
    assert.deepEqual([...new Set(found)].toSorted(), ["[fd00::1]:80", "[fd00::2]:80"]);
    assert.equal(siblings.of(six)?.name, "10.0.0.1:80");
    assert.equal(siblings.of(named("fd00::3", "b.test")), undefined);
    assert.equal(siblings.of(named("fd00::5")), undefined);
  });

  test("of() leaves out what is not healthy", () => {
    const siblings = new Siblings();
    const four = named("10.0.0.1", "a.test");
    siblings.setEndpoints([four, named("fd00::1", "a.test")]);
    siblings.setHealth({ "[fd00::1]:80": { state: "ejected", sinceMs: 0 } });
    assert.equal(siblings.of(four), undefined);
    siblings.setHealth({});
    assert.equal(siblings.of(four)?.name, "[fd00::1]:80");
  });
});

test("ServiceState.dial() tries the other family of a name", LIMIT, async (t) => {
  const stalled = await stalledEndpoint(t, "::1");
  const server = await EndpointServer.start(t, { port: stalled.port });
  const six = named("::1", "both.test", stalled.port);
  const four = named("127.0.0.1", "both.test", stalled.port);
  const state = new ServiceState(
    createContext(),
    {
      name: "web",
      sources: [],
      ...PLAIN_SERVICE,
      slots: { upstreamActive: ACTIVE_SLOT, connectSeconds: CONNECT_SLOT, retries: 0 },
    },
    0,
  );
  state.setEndpoints([six, four]);
  const user = new RecordingUser();
  const connection = dialFor(state, six, user);
  await user.until("connect");
  assert.equal(connection.endpoint.name, four.name);
  await server.accept();
  // It is kept for the endpoint that it is connected to.
  state.release(connection);
  assert.equal(state.takeIdle(six, user), undefined);
  assert.equal(state.takeIdle(four, user), connection);
  connection.destroy();
});
