import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type ListenOptions, type Server, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { acceptInto } from "../../src/transport/accept.ts";
import type { HandleSocket } from "../../src/transport/handle-socket.ts";
import { SocketMemory } from "../../src/transport/socket-memory.ts";
import { LIMIT, RecordingUser, gone, openSockets, readAll, resetFar } from "./fixtures.ts";

/** A server that hands out what it accepts. */
class Accepting {
  readonly server: Server = createServer();
  readonly #arrived: HandleSocket[] = [];
  #wake: (() => void) | undefined;

  static async start(t: TestContext, at: ListenOptions = { host: "127.0.0.1", port: 0 }) {
    const accepting = new Accepting();
    const { server } = accepting;
    server.listen(at);
    await once(server, "listening");
    t.after(() => server.close());
    acceptInto(server, new SocketMemory(), (socket) => {
      t.after(() => socket.destroy());
      accepting.#arrived.push(socket);
      accepting.#wake?.();
    });
    return accepting;
  }

  async next(): Promise<HandleSocket> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (this.#arrived.length === 0) await promise;
    return this.#arrived.shift() as HandleSocket;
  }

  /** A client and the socket that came of it. */
  async pair(t: TestContext) {
    const address = this.server.address() as AddressInfo | string;
    const client =
      typeof address === "string"
        ? connect({ path: address, allowHalfOpen: true })
        : connect({ port: address.port, host: address.address, allowHalfOpen: true });
    client.on("error", () => undefined);
    t.after(() => client.destroy());
    const [socket] = await Promise.all([this.next(), once(client, "connect")]);
    return { client, socket };
  }
}

test("acceptInto() hands out connections that read from resume on", LIMIT, async (t) => {
  const accepting = await Accepting.start(t);
  const { client, socket } = await accepting.pair(t);
  const user = new RecordingUser();
  socket.user = user;
  assert.ok(socket.isPaused());
  client.end("hello");
  socket.resume();
  await user.until("end");
  assert.equal(user.data, "hello");
  socket.write("bye");
  socket.end();
  assert.equal(await readAll(client), "bye");
  await user.until("close");
  assert.equal(user.fault, undefined);
  assert.deepEqual(user.told, ["bytes", "end", "close"]);
});

for (const host of ["127.0.0.1", "::1"]) {
  test(`acceptInto(): both ends know their addresses: ${host}`, LIMIT, async (t) => {
    const accepting = await Accepting.start(t, { host, port: 0 });
    const { client, socket } = await accepting.pair(t);
    assert.deepEqual(socket.remote, { address: host, port: client.localPort });
    assert.deepEqual(socket.local, { address: host, port: client.remotePort });
  });
}

test("acceptInto(): an IPv4 client of a dual-stack server is named as such", LIMIT, async (t) => {
  const accepting = await Accepting.start(t, { host: "::", port: 0 });
  const { port } = accepting.server.address() as AddressInfo;
  const client = connect({ port, host: "127.0.0.1" });
  t.after(() => client.destroy());
  const [socket] = await Promise.all([accepting.next(), once(client, "connect")]);
  assert.deepEqual(socket.remote, { address: "127.0.0.1", port: client.localPort });
});

test("acceptInto() takes a Unix socket too, whose ends have no address", LIMIT, async (t) => {
  const path = join(tmpdir(), `gatehouse-accept-${process.pid}.sock`);
  const accepting = await Accepting.start(t, { path });
  const { client, socket } = await accepting.pair(t);
  assert.deepEqual(socket.remote, { address: "", port: 0 });
  socket.user = new RecordingUser();
  socket.write("hello");
  socket.end();
  assert.equal(await readAll(client), "hello");
});

for (const what of ["bytes", "an end"]) {
  test(`acceptInto(): a socket without a user that gets ${what} is closed`, LIMIT, async (t) => {
    const accepting = await Accepting.start(t);
    const sockets = openSockets();
    const { client, socket } = await accepting.pair(t);
    const closed = gone(client);
    socket.resume();
    if (what === "bytes") client.write("hello");
    else client.end();
    client.resume();
    client.once("end", () => client.destroy());
    await closed;
    assert.ok(socket.destroyed);
    assert.equal(openSockets(), sockets);
  });
}

test("acceptInto(): the server's end leaves its connections open", LIMIT, async (t) => {
  const accepting = await Accepting.start(t);
  const { client, socket } = await accepting.pair(t);
  const user = new RecordingUser();
  socket.user = user;
  const closed = once(accepting.server, "close");
  accepting.server.close();
  await closed;
  socket.resume();
  client.end("late");
  await user.until("end");
  assert.equal(user.data, "late");
});

test("acceptInto(): a client that is gone already has an end of its own", LIMIT, async (t) => {
  const accepting = await Accepting.start(t);
  const { client, socket } = await accepting.pair(t);
  await resetFar(client);
  const user = new RecordingUser();
  socket.user = user;
  assert.deepEqual(socket.remote, { address: "", port: 0 });
  socket.resume();
  await user.until("close");
  assert.equal(user.fault?.code, "ECONNRESET");
  assert.deepEqual(user.told, ["close"]);
});

test("acceptInto() refuses a server that does not listen", () => {
  assert.throws(() => acceptInto(createServer(), new SocketMemory(), () => undefined), TypeError);
});

test(
  "a client that has reset is given up at the first write that fails: its request is of no use",
  LIMIT,
  async (t) => {
    const accepting = await Accepting.start(t);
    const { client, socket } = await accepting.pair(t);
    const user = new RecordingUser();
    socket.user = user;
    client.write("request");
    await resetFar(client);
    socket.resume();
    while (socket.write("answer"));
    assert.ok(socket.destroyed);
    await user.until("close");
    assert.match(user.fault?.message ?? "", /^write (?:EPIPE|ECONNRESET)$/);
    assert.deepEqual(user.told, ["close"]);
  },
);
