import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, describe, test } from "node:test";
import { TLSSocket, connect, createSecureContext } from "node:tls";
import { SecuredSocket } from "../../src/transport/secured-socket.ts";
import { TestAuthority } from "../certificates.ts";
import {
  LIMIT,
  RecordingUser,
  connectPair,
  gone,
  openSockets,
  readAll,
  resetFar,
} from "./fixtures.ts";
import { EndpointServer } from "../upstream/endpoint-server.ts";

const AUTHORITY = await TestAuthority.make();
const { certificate: cert, privateKey: key } = await AUTHORITY.issue(["a.test"]);
const HEADER = "PROXY UNKNOWN\r\n";

/** A connection whose far end has read a header and speaks TLS from then on. */
async function securePair(t: TestContext) {
  const server = await EndpointServer.start(t);
  const { socket: plain, far: below, user: dialler } = await connectPair(t, { server });
  plain.write(HEADER);
  await once(below, "readable");
  assert.equal(String(below.read(HEADER.length)), HEADER);
  const node = plain.toNodeSocket();
  assert.ok(plain.destroyed);
  const secureContext = createSecureContext({ ca: AUTHORITY.own.certificate });
  const ours = connect({ socket: node, servername: "a.test", secureContext });
  const user = new RecordingUser();
  const socket = new SecuredSocket(ours, node, user);
  t.after(() => socket.destroy());
  const far = new TLSSocket(below, {
    isServer: true,
    secureContext: createSecureContext({ cert, key }),
  });
  far.on("error", () => undefined);
  await once(ours, "secureConnect");
  return { socket, user, far, dialler };
}

describe("HandleSocket.toNodeSocket()", () => {
  test(
    "carries TLS behind what was written before, and its own user hears no more",
    LIMIT,
    async (t) => {
      const { socket, user, far, dialler } = await securePair(t);
      socket.write("hello");
      assert.equal(String((await once(far, "data"))[0]), "hello");
      far.end("bye");
      await user.until("end");
      assert.equal(user.data, "bye");
      socket.end();
      await user.until("close");
      assert.deepEqual(dialler.told, ["connect"]);
    },
  );

  test("what waits of a write goes before", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    let sent = 0;
    while (!socket.writableNeedDrain) {
      socket.writeCopy(Buffer.alloc(60_000, "h"));
      sent += 60_000;
    }
    const node = socket.toNodeSocket();
    t.after(() => node.destroy());
    node.end("tail");
    assert.equal(await readAll(far), `${"h".repeat(sent)}tail`);
    assert.deepEqual(user.told, ["connect"]);
  });

  test(
    "of a socket that a failed write has closed is closed too, with the fault",
    LIMIT,
    async (t) => {
      const server = await EndpointServer.start(t);
      const sockets = openSockets();
      const { socket: plain, far, user: dialler } = await connectPair(t, { server });
      await resetFar(far);
      plain.write(HEADER);
      assert.ok(plain.destroyed);
      const node = plain.toNodeSocket();
      const user = new RecordingUser();
      const socket = new SecuredSocket(connect({ socket: node, servername: "a.test" }), node, user);
      await user.until("close");
      assert.ok(socket.destroyed);
      assert.match(user.fault?.code ?? "", /^(?:EPIPE|ECONNRESET)$/);
      assert.deepEqual(user.told, ["close"]);
      assert.deepEqual(dialler.told, ["connect"]);
      assert.equal(openSockets(), sockets);
    },
  );

  test("of a closed socket needs nobody who listens for its error", LIMIT, async (t) => {
    const { socket, far } = await connectPair(t);
    await resetFar(far);
    socket.write(HEADER);
    const node = socket.toNodeSocket();
    await gone(node);
  });
});

describe("SecuredSocket", () => {
  test("joins, copies and corks what is written", LIMIT, async (t) => {
    const { socket, far } = await securePair(t);
    const bytes = Buffer.from("..part..");
    socket.cork();
    socket.write("t\u00e9xt ");
    socket.writeCopy(bytes.subarray(2, 6));
    socket.writeJoined(" <", { bytes, start: 2, length: 4 }, ">");
    bytes.fill("?");
    socket.uncork();
    socket.end();
    assert.equal(await readAll(far), "t\u00e9xt part <part>");
    assert.ok(socket.isSecured);
  });

  test("tells of a drain once a pause was wanted", LIMIT, async (t) => {
    const { socket, user, far } = await securePair(t);
    while (socket.write(Buffer.alloc(60_000)));
    assert.ok(socket.writableNeedDrain);
    assert.ok(socket.writableLength > 0);
    far.resume();
    await user.until("drain");
    assert.deepEqual(user.told, ["drain"]);
  });

  test("drops what comes after end(), and reads on", LIMIT, async (t) => {
    const { socket, user, far } = await securePair(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.onFinish = resolve;
    socket.write("last");
    socket.end();
    socket.end();
    assert.equal(socket.write("late"), false);
    assert.equal(await readAll(far), "last");
    await promise;
    assert.ok(socket.writableFinished);
    far.write("answer");
    await user.until("bytes");
    far.end();
    await user.until("close");
    assert.deepEqual(user.told, ["bytes", "end", "close"]);
    assert.equal(user.fault, undefined);
  });

  test("tells of the peer's reset as the fault of its close, once", LIMIT, async (t) => {
    const { socket, user, far } = await securePair(t);
    while (socket.write(Buffer.alloc(60_000)));
    // With bytes that it has not read, the kernel resets.
    far.destroy();
    await user.until("close");
    assert.match(user.fault?.code ?? "", /^(?:EPIPE|ECONNRESET)$/);
    assert.equal(user.told.indexOf("close"), user.told.length - 1);
  });

  for (const end of ["destroy", "reset"] as const) {
    test(`${end}() closes without a fault`, LIMIT, async (t) => {
      const { socket, user } = await securePair(t);
      socket[end]();
      assert.deepEqual(user.told, []);
      assert.equal(socket.write("late"), false);
      await user.until("close");
      assert.equal(user.fault, undefined);
      assert.deepEqual(user.told, ["close"]);
    });
  }

  for (const what of ["bytes", "an end"]) {
    test(`without a user is closed by ${what}`, LIMIT, async (t) => {
      const { socket, far } = await securePair(t);
      socket.user = undefined;
      const closed = gone(far);
      far.resume();
      far.once("end", () => far.destroy());
      if (what === "bytes") far.write("hello");
      else far.end();
      await closed;
      assert.ok(socket.destroyed);
    });
  }

  test("gives nothing while it is paused", LIMIT, async (t) => {
    const { socket, user, far } = await securePair(t);
    socket.pause();
    assert.ok(socket.isPaused());
    far.end("waits");
    await connectPair(t);
    assert.equal(user.data, "");
    socket.resume();
    await user.until("end");
    assert.equal(user.data, "waits");
  });
});
