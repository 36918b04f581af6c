import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, describe, test } from "node:test";
import { BUCKET_SECONDS } from "../../src/core/metric-layout.ts";
import type { Endpoint } from "../../src/core/service.ts";
import { UpstreamConnection } from "../../src/upstream/connection.ts";
import { EndpointServer } from "./endpoint-server.ts";
import {
  ACTIVE_SLOT,
  CONNECT_MS,
  CONNECT_SLOT,
  RecordingUser,
  type TestContextOfWorker,
  closed,
  createContext,
  dialOptions,
} from "./fixtures.ts";

/** For each test, so that what it opened is closed when it fails. */
const LIMIT = { timeout: 20_000 };

/** A dial, and what is at both ends of it. */
interface Dial {
  readonly context: TestContextOfWorker;
  readonly connection: UpstreamConnection;
  readonly user: RecordingUser;
  /** Settles when it is closed and counted off. */
  readonly gone: Promise<void>;
}

function dial(t: TestContext, endpoint: Endpoint, context = createContext()): Dial {
  const user = new RecordingUser();
  const connection = new UpstreamConnection(context, dialOptions(endpoint), user);
  t.after(() => connection.socket.destroy());
  return { context, connection, user, gone: closed(connection) };
}

async function dialAndConnect(t: TestContext) {
  const server = await EndpointServer.start(t);
  const dialled = dial(t, server.endpoint);
  await dialled.user.until("connect");
  return { ...dialled, server, far: await server.accept() };
}

describe("UpstreamConnection", () => {
  test("tells of the connection, counts it and its time", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const { context, connection, user, gone } = dial(t, server.endpoint);
    assert.equal(connection.usable, false);
    assert.equal(connection.connectMs, undefined);
    assert.equal(context.slots[ACTIVE_SLOT], 1);
    context.pass(30);
    await user.until("connect");
    assert.equal(connection.usable, true);
    assert.equal(connection.connectMs, 30);
    assert.equal(connection.deadlineMs, Number.POSITIVE_INFINITY);
    assert.equal(context.slots[CONNECT_SLOT + BUCKET_SECONDS.indexOf(0.05)], 1);
    assert.equal(context.slots[CONNECT_SLOT + BUCKET_SECONDS.length + 1], 0.03);
    connection.destroy();
    await gone;
    assert.equal(connection.usable, false);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
    assert.deepEqual(user.told, ["connect"]);
  });

  test("hands on what comes, in the shared buffer, as the user wants it", LIMIT, async (t) => {
    const { context, connection, user, far } = await dialAndConnect(t);
    far.write("hello");
    await user.until("data");
    assert.equal(user.data, "hello");
    assert.equal(context.memory.readBuffer.toString("latin1", 0, 5), "hello");
    connection.socket.write("hi");
    assert.equal(String(await once(far, "data")), "hi");
  });

  test("reports a refused connection as connect-refused", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const { endpoint } = server;
    await server.close();
    const { context, connection, user } = dial(t, endpoint);
    await user.until("close");
    assert.deepEqual(user.failure, { kind: "connect-refused", detail: "ECONNREFUSED" });
    assert.deepEqual(user.told, ["close"]);
    assert.equal(connection.connectMs, undefined);
    assert.deepEqual([...context.slots], [...context.slots].fill(0));
  });

  test("reports an address that cannot be reached as connect-failed", LIMIT, async (t) => {
    // TCP has no broadcast: the kernel refuses at once.
    const host = "255.255.255.255";
    const { context, user } = dial(t, { host, port: 80, weight: 1, name: `${host}:80` });
    await user.until("close");
    assert.equal(user.failure?.kind, "connect-failed");
    assert.match(user.failure.detail, /^E[A-Z]+$/);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("reports connect-timeout when the limit passes first, and not before", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const { context, connection, user } = dial(t, server.endpoint);
    // All in the turn of the dial: the kernel's answer cannot have been seen yet.
    context.pass(CONNECT_MS);
    assert.equal(connection.socket.destroyed, false);
    context.pass(CONNECT_MS);
    assert.equal(connection.socket.destroyed, true);
    await user.until("close");
    assert.equal(user.failure?.kind, "connect-timeout");
    assert.match(user.failure.detail, new RegExp(`${CONNECT_MS} ms`));
    assert.deepEqual(user.told, ["close"]);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("has no limit of its own once it is connected and in use", LIMIT, async (t) => {
    const { context, connection } = await dialAndConnect(t);
    context.pass(100 * CONNECT_MS);
    assert.equal(connection.usable, true);
  });

  test("reports a reset as upstream-reset", LIMIT, async (t) => {
    const { context, user, far } = await dialAndConnect(t);
    far.resetAndDestroy();
    await user.until("close");
    assert.deepEqual(user.failure, { kind: "upstream-reset", detail: "ECONNRESET" });
    assert.deepEqual(user.told, ["connect", "close"]);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test(
    "stays open for writing after the endpoint's FIN, but is not usable again",
    LIMIT,
    async (t) => {
      const { connection, user, far } = await dialAndConnect(t);
      far.end("last");
      await user.until("end");
      assert.equal(user.data, "last");
      assert.deepEqual(user.told, ["connect", "data", "end"]);
      assert.equal(connection.usable, false);
      connection.socket.write("late");
      assert.equal(String(await once(far, "data")), "late");
      connection.socket.end();
      await user.until("close");
      assert.deepEqual(user.failure, { kind: "upstream-reset", detail: "closed" });
    },
  );

  test("tells when what was written has left", LIMIT, async (t) => {
    const { connection, user, far } = await dialAndConnect(t);
    far.pause();
    const chunk = Buffer.alloc(1024 * 1024);
    while (connection.socket.write(chunk)) assert.equal(user.told.includes("drain"), false);
    far.resume();
    await user.until("drain");
    assert.deepEqual(user.told, ["connect", "drain"]);
  });

  test("is not usable again once a write has failed, though it is still read", LIMIT, async (t) => {
    const { connection, user, far } = await dialAndConnect(t);
    far.write("answer");
    far.resetAndDestroy();
    await once(far, "close");
    while (connection.socket.write("x"));
    assert.deepEqual([connection.socket.destroyed, connection.usable], [false, false]);
    await user.until("close");
    assert.equal(user.data, "answer");
  });

  test("gives nothing while it is paused, and all of it afterwards", LIMIT, async (t) => {
    const { connection, user, far } = await dialAndConnect(t);
    connection.socket.pause();
    const sent = "x".repeat(300_000);
    far.end(sent);
    assert.equal(user.data, "");
    connection.socket.resume();
    await user.until("end");
    assert.equal(user.data, sent);
  });

  test("destroy() closes, and the user hears nothing more", LIMIT, async (t) => {
    const { context, connection, user, far, gone } = await dialAndConnect(t);
    const ended = once(far, "end");
    connection.destroy();
    connection.destroy();
    await gone;
    assert.deepEqual(user.told, ["connect"]);
    // Nobody looks at its limits any more.
    connection.deadlineMs = 0;
    context.pass(1);
    assert.equal(connection.deadlineMs, 0);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
    await ended;
  });

  test("destroy() before the connection is there says nothing either", LIMIT, async (t) => {
    const server = await EndpointServer.start(t);
    const { context, connection, user, gone } = dial(t, server.endpoint);
    connection.destroy();
    await gone;
    assert.deepEqual(user.told, []);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });

  test("reset() lets the endpoint see a reset", LIMIT, async (t) => {
    const { context, connection, user, far, gone } = await dialAndConnect(t);
    far.resume();
    const failed = once(far, "error");
    connection.reset();
    const [error] = (await failed) as [NodeJS.ErrnoException];
    assert.equal(error.code, "ECONNRESET");
    await gone;
    assert.deepEqual(user.told, ["connect"]);
    assert.equal(context.slots[ACTIVE_SLOT], 0);
  });
});
