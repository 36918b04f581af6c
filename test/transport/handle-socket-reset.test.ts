import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { HandleSocket } from "../../src/transport/handle-socket.ts";
import { EndpointServer } from "../upstream/endpoint-server.ts";
import {
  LIMIT,
  type Pair,
  type Told,
  connectPair,
  failureOf,
  fill,
  gone,
  openSockets,
  readAll,
  resetFar,
} from "./fixtures.ts";

/** What has happened to the socket before it is reset. */
const MOMENTS: readonly {
  readonly name: string;
  readonly act: (socket: HandleSocket) => Promise<void> | void;
  /** The peer sees a reset: otherwise it has had all bytes and our FIN, or will. */
  readonly isSeen: boolean;
}[] = [
  { name: "open", act: () => undefined, isSeen: true },
  { name: "ended in this tick", act: (socket) => socket.end(), isSeen: false },
  {
    name: "its FIN on the way to the kernel",
    act: async (socket) => {
      socket.end();
      await new Promise<void>((resolve) => process.nextTick(() => process.nextTick(resolve)));
    },
    isSeen: false,
  },
  {
    name: "its FIN sent",
    act: (socket) =>
      new Promise((resolve) => {
        socket.onFinish = resolve;
        socket.end();
      }),
    isSeen: false,
  },
  {
    name: "bytes wait",
    act: (socket) => {
      fill(socket, Buffer.alloc(60_000));
    },
    isSeen: true,
  },
  {
    name: "ended with bytes that wait",
    act: (socket) => {
      fill(socket, Buffer.alloc(60_000));
      socket.end();
    },
    isSeen: true,
  },
];

describe("HandleSocket.reset()", () => {
  for (const { name, act, isSeen } of MOMENTS) {
    test(`closes and gives the descriptor back: ${name}`, LIMIT, async (t) => {
      const server = await EndpointServer.start(t);
      const sockets = openSockets();
      const { socket, user, far } = await connectPair(t, { server });
      await act(socket);
      socket.reset();
      assert.ok(socket.destroyed);
      assert.equal(openSockets(), sockets + 1, "the far end only");
      await user.until("close");
      assert.equal(user.fault, undefined);
      assert.deepEqual(user.told, ["connect", "close"]);
      assert.equal(socket.onFinish, undefined);
      await resetFar(far);
      assert.equal(openSockets(), sockets);
    });

    const sees = isSeen
      ? "lets the peer see a reset"
      : "loses nothing that was said before the end";
    test(`${sees}: ${name}`, LIMIT, async (t) => {
      const { socket, far } = await connectPair(t);
      socket.write("said");
      await act(socket);
      socket.reset();
      if (isSeen) assert.equal(await failureOf(far), "ECONNRESET");
      else assert.equal(await readAll(far), "said");
    });
  }

  test("closes a Unix socket, where there is no reset", LIMIT, async (t) => {
    const path = join(tmpdir(), `gatehouse-reset-${process.pid}.sock`);
    const server = await EndpointServer.start(t, { path });
    const { socket, user, far } = await connectPair(t, { server });
    socket.reset();
    socket.reset();
    assert.equal(await readAll(far), "");
    await user.until("close");
    assert.deepEqual(user.told, ["connect", "close"]);
  });
});

/** Brings each call about. */
const CAUSES: Readonly<Record<Exclude<Told, "connect">, (pair: Pair) => void>> = {
  bytes: ({ far }) => far.write("x".repeat(200_000)),
  end: ({ far }) => far.end(),
  drain: ({ socket, far }) => {
    fill(socket, Buffer.alloc(60_000));
    far.resume();
  },
  close: ({ far }) => far.resetAndDestroy(),
};

/** What a user may do inside any call. */
const ACTS: Readonly<Record<string, (socket: HandleSocket) => void>> = {
  "destroy()": (socket) => socket.destroy(),
  "reset()": (socket) => socket.reset(),
  "end() and reset()": (socket) => {
    socket.end();
    socket.reset();
  },
  "write(), end() and destroy()": (socket) => {
    socket.write("x");
    socket.writeCopy(Buffer.alloc(5000));
    socket.end();
    socket.destroy();
  },
  "pause(), resume() and destroy()": (socket) => {
    socket.pause();
    socket.resume();
    socket.destroy();
    socket.resume();
    socket.pause();
  },
};

describe("HandleSocket: a user that acts inside a call", () => {
  for (const [event, cause] of Object.entries(CAUSES) as [Told, (pair: Pair) => void][]) {
    for (const [name, act] of Object.entries(ACTS)) {
      test(
        `${name} when told of ${event}: one close follows, and nothing else`,
        LIMIT,
        async (t) => {
          const server = await EndpointServer.start(t);
          const sockets = openSockets();
          const pair = await connectPair(t, { server });
          const { socket, user, far } = pair;
          const farClosed = far.closed ? Promise.resolve() : gone(far);
          user.acts[event] = () => act(socket);
          socket.resume();
          cause(pair);
          await user.until("close");
          // Whatever libuv still had to say it says in the next turns.
          const other = await connectPair(t, { server });
          other.socket.reset();
          await Promise.all([other.user.until("close"), resetFar(other.far)]);
          assert.deepEqual(user.told, [...new Set(["connect", event, "close"])]);
          assert.equal(user.fault?.code, event === "close" ? "ECONNRESET" : undefined);
          far.destroy();
          await farClosed;
          assert.equal(openSockets(), sockets);
        },
      );
    }
  }

  test("destroy() when told that the FIN is sent", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    socket.resume();
    socket.onFinish = () => socket.destroy();
    socket.end();
    await user.until("close");
    assert.equal(await readAll(far), "");
    assert.deepEqual(user.told, ["connect", "close"]);
  });

  test("a user that is put in another's place gets all that follows", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    const { user: next } = await connectPair(t);
    next.told.length = 0;
    user.acts.bytes = () => {
      socket.user = next;
    };
    socket.resume();
    far.write("x");
    await user.until("bytes");
    far.end("y");
    await next.until("end");
    socket.destroy();
    await next.until("close");
    assert.deepEqual(user.told, ["connect", "bytes"]);
    assert.deepEqual(next.told, ["bytes", "end", "close"]);
  });
});
