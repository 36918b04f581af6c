import assert from "node:assert/strict";
import { type Socket, connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { resetSocket } from "../../src/upstream/reset-socket.ts";

/** What has happened to the socket before it is reset. */
const MOMENTS: readonly {
  readonly name: string;
  readonly act: (socket: Socket) => Promise<void>;
}[] = [
  { name: "open", act: async () => undefined },
  {
    name: "ended in this tick",
    act: async (socket) => {
      socket.end();
    },
  },
  {
    name: "its FIN on the way to the kernel",
    act: async (socket) => {
      socket.end();
      // Two ticks: the first one calls shutdown(2) by libuv, which works in the next turn of the loop.
      await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
    },
  },
  {
    name: "its FIN sent",
    act: (socket) => new Promise((resolve) => socket.end(resolve)),
  },
  {
    name: "ended with bytes that wait",
    act: async (socket) => {
      socket.end(Buffer.alloc(64 * 1024 * 1024));
    },
  },
];

for (const { name, act } of MOMENTS) {
  test(`resetSocket() closes a socket and gives its descriptor back: ${name}`, async () => {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.once("connect", resolve));
    const peer = await accepted;
    peer.pause();
    peer.on("error", () => undefined);
    await act(socket);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    resetSocket(socket);
    await closed;
    assert.ok(socket.destroyed);
    peer.destroy();
    server.close();
  });
}
