import assert from "node:assert/strict";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { type DialAddress, HandleSocket } from "../../src/transport/handle-socket.ts";
import { SocketMemory } from "../../src/transport/socket-memory.ts";
import { stalledPort } from "../proxy/stalled-listener.ts";
import { EndpointServer } from "../upstream/endpoint-server.ts";
import {
  LIMIT,
  type Pair,
  RecordingUser,
  connectPair,
  fill,
  openSockets,
  readAll,
  resetFar,
} from "./fixtures.ts";

describe("HandleSocket.dial()", () => {
  for (const at of [
    { host: "127.0.0.1" },
    { host: "::1" },
    { path: join(tmpdir(), `gatehouse-dial-${process.pid}.sock`) },
  ]) {
    test(`connects: ${Object.values(at)[0]}`, LIMIT, async (t) => {
      const server = await EndpointServer.start(t, at);
      const user = new RecordingUser();
      const address = { ...server.endpoint, ...("host" in at ? at : {}) };
      const socket = HandleSocket.dial(address, new SocketMemory(), user);
      assert.deepEqual(user.told, []);
      const [far] = await Promise.all([server.accept(), user.until("connect")]);
      const isPath = "path" in at;
      assert.deepEqual(socket.remote, {
        address: isPath ? "" : address.host,
        port: isPath ? 0 : address.port,
      });
      assert.equal(socket.local.port, isPath ? 0 : far.remotePort);
      socket.setNoDelay();
      socket.setKeepAlive(1000);
      socket.write("ping");
      socket.end();
      assert.equal(await readAll(far), "ping");
      socket.resume();
      far.end("pong");
      await user.until("close");
      assert.equal(user.data, "pong");
      assert.equal(user.fault, undefined);
      assert.deepEqual(user.told, ["connect", "bytes", "end", "close"]);
    });
  }

  const failing: readonly (DialAddress & { readonly code: string })[] = [
    // TCP has no broadcast: the kernel refuses at once.
    { host: "255.255.255.255", port: 80, code: "ENETUNREACH" },
    { host: "not-an-address", port: 80, code: "EINVAL" },
    { host: join(tmpdir(), "gatehouse-nobody.sock"), port: 0, code: "ENOENT" },
    { host: `/${"x".repeat(300)}`, port: 0, code: "EINVAL" },
  ];
  for (const { code, ...address } of failing) {
    test(`tells of a failure later, and only once: ${address.host}`, LIMIT, async () => {
      const sockets = openSockets();
      const user = new RecordingUser();
      const socket = HandleSocket.dial(address, new SocketMemory(), user);
      socket.resume();
      socket.write("dropped");
      socket.end();
      assert.deepEqual(user.told, []);
      await user.until("close");
      assert.ok(socket.destroyed);
      assert.match(user.fault?.code ?? "", code === "ENETUNREACH" ? /^E[A-Z]+$/ : RegExp(code));
      assert.equal(user.fault?.message, `connect ${user.fault?.code}`);
      assert.deepEqual(user.told, ["close"]);
      assert.equal(openSockets(), sockets);
    });
  }

  test(
    "tells of a refused connection later, and of what was written not at all",
    LIMIT,
    async (t) => {
      const server = await EndpointServer.start(t);
      const { endpoint } = server;
      await server.close();
      const user = new RecordingUser();
      const socket = HandleSocket.dial(endpoint, new SocketMemory(), user);
      socket.writeCopy(Buffer.alloc(60_000));
      assert.equal(socket.destroyed, false);
      await user.until("close");
      assert.deepEqual(user.fault, { code: "ECONNREFUSED", message: "connect ECONNREFUSED" });
      assert.deepEqual(user.told, ["close"]);
      assert.equal(socket.writableLength, 0);
    },
  );

  for (const end of ["destroy", "reset"] as const) {
    test(`${end}() while connecting closes and tells only that`, LIMIT, async (t) => {
      const port = await stalledPort(t);
      const sockets = openSockets();
      const user = new RecordingUser();
      const socket = HandleSocket.dial({ host: "127.0.0.1", port }, new SocketMemory(), user);
      socket.write("never sent");
      socket[end]();
      assert.deepEqual(user.told, []);
      await user.until("close");
      assert.equal(user.fault, undefined);
      assert.deepEqual(user.told, ["close"]);
      assert.equal(openSockets(), sockets);
    });
  }

  test(
    "what is asked for while connecting is done once the connection is there",
    LIMIT,
    async (t) => {
      const server = await EndpointServer.start(t);
      const user = new RecordingUser();
      const socket = HandleSocket.dial(server.endpoint, new SocketMemory(), user);
      socket.resume();
      socket.end();
      assert.equal(socket.isPaused(), false);
      assert.equal(socket.writableFinished, false, "no FIN can have been sent");
      const far = await server.accept();
      assert.equal(await readAll(far), "");
      assert.ok(socket.writableFinished);
      far.end("answer");
      await user.until("close");
      assert.equal(user.data, "answer");
      assert.equal(user.fault, undefined);
    },
  );

  test("end() while connecting does not pass for the connection", LIMIT, async (t) => {
    const port = await stalledPort(t);
    const user = new RecordingUser();
    const socket = HandleSocket.dial({ host: "127.0.0.1", port }, new SocketMemory(), user);
    t.after(() => socket.destroy());
    socket.end();
    // What libuv does of its own accord it does in the next turns.
    const server = await EndpointServer.start(t);
    await connectPair(t, { server });
    assert.deepEqual(user.told, []);
    assert.equal(socket.writableFinished, false);
  });
});

describe("HandleSocket reads", () => {
  test("a peer's FIN ends reading only", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    socket.resume();
    far.end("last");
    await user.until("end");
    assert.equal(socket.destroyed, false);
    socket.write("late");
    socket.end();
    assert.equal(await readAll(far), "late");
    await user.until("close");
    assert.deepEqual(user.told, ["connect", "bytes", "end", "close"]);
    assert.equal(user.fault, undefined);
    assert.equal(socket.bytesRead, 4);
  });

  test("after our own FIN the peer may go on, and the end of both closes", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    socket.resume();
    socket.end();
    await readAll(far);
    assert.equal(socket.destroyed, false);
    far.write("late");
    await user.until("bytes");
    far.end();
    await user.until("close");
    assert.deepEqual(user.told, ["connect", "bytes", "end", "close"]);
    assert.equal(user.fault, undefined);
  });

  test("gives nothing while it is paused, and all of it afterwards", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    const sent = "0123456789".repeat(30_000);
    socket.resume();
    user.acts.bytes = () => {
      delete user.acts.bytes;
      socket.pause();
    };
    far.write("first");
    await user.until("bytes");
    const [before, read] = [user.data, socket.bytesRead];
    assert.ok(socket.isPaused());
    far.end(sent);
    await once(far, "finish");
    await connectPair(t);
    assert.deepEqual([user.data, socket.bytesRead], [before, read]);
    socket.resume();
    assert.equal(socket.isPaused(), false);
    await user.until("end");
    assert.equal(user.data, `first${sent}`);
    assert.equal(socket.bytesRead, user.data.length);
  });

  test("pause and resume in each call loses nothing", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    user.acts.bytes = () => {
      socket.pause();
      socket.pause();
      socket.resume();
      socket.resume();
    };
    socket.resume();
    const sent = "abcdefghij".repeat(100_000);
    far.end(sent);
    await user.until("end");
    assert.equal(user.data, sent);
    assert.deepEqual(user.told, ["connect", "bytes", "end"]);
  });

  test("a reset while it reads is told as the fault, without an end", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    socket.resume();
    far.resetAndDestroy();
    await user.until("close");
    assert.deepEqual(user.fault, { code: "ECONNRESET", message: "read ECONNRESET" });
    assert.deepEqual(user.told, ["connect", "close"]);
  });

  test("resume() after the end and after the close does nothing", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    socket.resume();
    far.end();
    await user.until("end");
    socket.resume();
    socket.pause();
    socket.destroy();
    socket.resume();
    socket.pause();
    await user.until("close");
    assert.deepEqual(user.told, ["connect", "end", "close"]);
    assert.equal(user.fault, undefined);
  });
});

describe("HandleSocket: the last words of a peer that has reset", () => {
  test("are read before the close, when a write fails", LIMIT, async (t) => {
    const { socket, user } = await answeredAndReset(t);
    socket.resume();
    while (socket.write(Buffer.alloc(1024)));
    assert.equal(socket.destroyed, false);
    assert.deepEqual(user.told, ["connect"]);
    assert.equal(socket.write("more"), false);
    await user.until("close");
    assert.equal(user.data, "answer");
    assert.match(user.fault?.message ?? "", /^write (?:EPIPE|ECONNRESET)$/);
    assert.deepEqual(user.told, ["connect", "bytes", "close"]);
  });

  test("wait for who pauses, though nothing can be written any more", LIMIT, async (t) => {
    const { socket, user } = await answeredAndReset(t);
    socket.resume();
    assert.equal(socket.writable, true);
    while (socket.write(Buffer.alloc(1024)));
    assert.equal(socket.writable, false);
    socket.pause();
    await turn();
    assert.deepEqual([user.told, socket.destroyed], [["connect"], false]);
    socket.resume();
    await user.until("close");
    assert.equal(user.data, "answer");
    assert.match(user.fault?.message ?? "", /^write /);
    assert.deepEqual(user.told, ["connect", "bytes", "close"]);
  });

  test("are not waited for when nobody reads", LIMIT, async (t) => {
    const { socket, user } = await answeredAndReset(t);
    while (socket.write(Buffer.alloc(1024)));
    assert.ok(socket.destroyed);
    assert.deepEqual(user.told, ["connect"], "never inside the call");
    await user.until("close");
    assert.match(user.fault?.message ?? "", /^write /);
    assert.deepEqual(user.told, ["connect", "close"]);
  });

  test("are read too when the write waited while the peer reset", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    fill(socket, Buffer.alloc(60_000));
    far.write("answer");
    socket.resume();
    await user.until("bytes");
    await resetFar(far);
    await user.until("close");
    assert.equal(user.data, "answer");
    assert.notEqual(user.fault, undefined);
    assert.deepEqual(user.told, ["connect", "bytes", "close"]);
  });
});

/** The peer has answered and reset, and ours has seen neither. */
async function answeredAndReset(t: TestContext): Promise<Pair> {
  const pair = await connectPair(t);
  pair.far.end("answer");
  await once(pair.far, "finish");
  await resetFar(pair.far);
  return pair;
}
