import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket as NodeSocket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SocketMemory } from "../../src/transport/socket-memory.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import type { HandleSocket } from "../../src/transport/handle-socket.ts";
import { LIMIT, type Pair, WatchedMemory, connectPair, fill } from "./fixtures.ts";
import { EndpointServer } from "../upstream/endpoint-server.ts";

const SMALL = 4 * 1024;
const LARGE = 65 * 1024;

test("SocketMemory.bufferFor() gives the same memory until a write keeps it", () => {
  const memory = new SocketMemory();
  for (const length of [1, SMALL, SMALL + 1, LARGE]) {
    const buffer = memory.bufferFor(length);
    assert.ok(buffer !== undefined && buffer.length >= length);
    assert.ok(memory.bufferFor(length) === buffer);
    memory.bufferTaken(buffer);
    assert.notEqual(memory.bufferFor(length), buffer);
  }
  assert.equal(memory.bufferFor(LARGE + 1), undefined);
});

test("SocketMemory.bufferFor() takes no large buffer for a small write", () => {
  assert.equal(new SocketMemory().bufferFor(SMALL)?.length, SMALL);
});

test("SocketMemory.bufferDone() makes a buffer free once, and only after its write", () => {
  const memory = new SocketMemory();
  const first = memory.bufferFor(LARGE) as Buffer;
  memory.bufferTaken(first);
  const second = memory.bufferFor(LARGE) as Buffer;
  memory.bufferTaken(second);
  const third = memory.bufferFor(LARGE) as Buffer;
  assert.equal(new Set([first, second, third]).size, 3);
  memory.bufferDone(first);
  memory.bufferDone(first);
  memory.bufferTaken(third);
  assert.ok(memory.bufferFor(LARGE) === first);
  memory.bufferTaken(first);
  assert.equal([first, second, third].includes(memory.bufferFor(LARGE) as Buffer), false);
});

test("SocketMemory.bufferDone() never takes in memory of others, whatever its length", () => {
  const memory = new SocketMemory();
  const own = memory.bufferFor(LARGE) as Buffer;
  const strange = [Buffer.alloc(LARGE), Buffer.alloc(SMALL), own.subarray(0), memory.readBuffer];
  for (const buffer of strange) memory.bufferDone(buffer);
  memory.bufferDone("x".repeat(LARGE));
  memory.bufferDone(undefined);
  memory.bufferTaken(own);
  assert.equal(strange.includes(memory.bufferFor(LARGE) as Buffer), false);
  assert.equal(strange.includes(memory.bufferFor(SMALL) as Buffer), false);
});

test("SocketMemory keeps a bounded number of free buffers", () => {
  const memory = new SocketMemory();
  const taken = Array.from({ length: 100 }, () => {
    const buffer = memory.bufferFor(LARGE) as Buffer;
    memory.bufferTaken(buffer);
    return buffer;
  });
  for (const buffer of taken) memory.bufferDone(buffer);
  const again = Array.from({ length: 100 }, () => {
    const buffer = memory.bufferFor(LARGE) as Buffer;
    memory.bufferTaken(buffer);
    return buffer;
  });
  assert.equal(again.filter((buffer) => taken.includes(buffer)).length, 32);
  assert.equal(new Set(again).size, 100);
});

for (const length of [1000, SMALL, 5000, 60_000]) {
  test(
    `SocketMemory holds for a stalled peer not much more than what waits: ${length} bytes a write`,
    LIMIT,
    async (t) => {
      const memory = new WatchedMemory();
      const { socket } = await connectPair(t, { memory });
      fill(socket, Buffer.alloc(length, "x"));
      const waiting = socket.writableLength;
      assert.ok(waiting > 0);
      // One buffer, partly sent, is kept whole.
      assert.ok(memory.keptBytes <= 4 * waiting + LARGE, `${memory.keptBytes} for ${waiting}`);
      assert.ok(memory.keptBytes < 256 * 1024);
    },
  );
}

test("SocketMemory uses memory again only after the write that waits", LIMIT, async (t) => {
  const memory = new WatchedMemory();
  const { socket, user, far } = await connectPair(t, { memory });
  // Each leaves at once, until the kernel has no room: then that buffer is kept.
  const used = new Set<unknown>();
  while (memory.kept.length === 0) {
    used.add(memory.bufferFor(60_000));
    socket.writeCopy(Buffer.alloc(60_000, "x"));
  }
  assert.equal(used.size, 1, "what left at once came from one buffer");
  fill(socket, Buffer.alloc(60_000, "x"));
  const kept = memory.kept.find((each) => each.length > 60_000);
  assert.ok(kept !== undefined);
  assert.equal(isOffered(memory, kept), false);
  far.resume();
  await user.until("drain");
  assert.equal(isOffered(memory, kept), true);
});

test("SocketMemory gets its buffer back when the connection closes first", LIMIT, async (t) => {
  const memory = new WatchedMemory();
  const { socket, user } = await connectPair(t, { memory });
  fill(socket, Buffer.alloc(60_000, "x"));
  const kept = memory.kept.find((each) => each.length > 60_000);
  assert.ok(kept !== undefined);
  socket.destroy();
  await user.until("close");
  assert.equal(memory.kept.length, 0);
  assert.equal(isOffered(memory, kept), true);
});

/** Whether the next large writes would get it; they are as good as made then. Buffers are never compared by content. */
function isOffered(memory: SocketMemory, wanted: string | Uint8Array | undefined): boolean {
  return Array.from({ length: 40 }, () => {
    const buffer = memory.bufferFor(60_000) as Buffer;
    memory.bufferTaken(buffer);
    return buffer === wanted;
  }).includes(true);
}

for (const length of [SMALL, LARGE]) {
  test(
    `SocketMemory never takes in what somebody else passed to write(): ${length} bytes`,
    LIMIT,
    async (t) => {
      const memory = new WatchedMemory();
      const { socket, user, far } = await connectPair(t, { memory });
      const theirs: Buffer[] = [];
      while (!socket.writableNeedDrain) {
        theirs.push(Buffer.alloc(length, "t"));
        socket.write(theirs.at(-1) as Buffer);
      }
      assert.ok(memory.kept.some((kept) => theirs.includes(kept as Buffer)));
      far.resume();
      await user.until("drain");
      for (let taken = 0; taken < 40; taken += 1) {
        const buffer = memory.bufferFor(length) as Buffer;
        assert.equal(theirs.includes(buffer), false);
        memory.bufferTaken(buffer);
      }
    },
  );
}

const WRITERS = 12;
const ROUNDS = 3000;
/** Upper bounds of lengths: a text, a small buffer, a large one, and more than any. */
const LENGTHS = [500, 5000, 66_000, 80_000];

for (const seed of [1, 2, 3]) {
  test(`SocketMemory: nobody gets a byte of another socket, seed ${seed}`, LIMIT, async (t) => {
    const random = seededRandom(seed);
    const memory = new WatchedMemory();
    const writers = await startWriters(t, memory);
    let inFlight = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const writer = writers[random(WRITERS)] as Writer;
      writer.write(1 + random(LENGTHS[random(LENGTHS.length)] ?? 1), random(2) === 0);
      inFlight = Math.max(inFlight, memory.kept.length);
      if (random(100) < 98) writer.far.pause();
      else writer.far.resume();
      if (random(10) < 1) await turn();
    }
    assert.ok(inFlight > 20, `many writes waited at once, not ${inFlight}`);
    for (const writer of writers) assert.equal(await writer.end(), writer.expected, writer.letter);
  });
}

/** Writes its own letter only. */
class Writer {
  readonly letter: string;
  readonly far: NodeSocket;
  readonly #socket: HandleSocket;
  #sent = 0;
  #read = "";
  readonly #ended: Promise<unknown>;

  constructor({ socket, far }: Pair, index: number) {
    this.letter = String.fromCodePoint(97 + index);
    this.far = far;
    this.#socket = socket;
    far.on("data", (bytes: Buffer) => (this.#read += bytes.toString("latin1")));
    this.#ended = once(far, "end");
  }

  /** What of the letter has come in a row, and how much was written. */
  get expected(): string {
    return `${this.#sent} of ${this.#sent}`;
  }

  write(length: number, isJoined: boolean): void {
    const bytes = SOURCE.fill(this.letter);
    if (isJoined) this.#socket.writeJoined("", { bytes, start: 0, length }, "");
    else this.#socket.writeCopy(bytes.subarray(0, length));
    bytes.fill("?");
    this.#sent += length;
  }

  async end(): Promise<string> {
    this.#socket.end();
    this.far.resume();
    await this.#ended;
    return `${this.#read.replaceAll(new RegExp(`[^${this.letter}]`, "g"), "").length} of ${this.#read.length}`;
  }
}

/** What is read next stands in the same memory. */
const SOURCE = Buffer.alloc(80_000);

async function startWriters(t: TestContext, memory: SocketMemory): Promise<readonly Writer[]> {
  const server = await EndpointServer.start(t);
  const writers: Writer[] = [];
  for (let index = 0; index < WRITERS; index += 1)
    writers.push(new Writer(await connectPair(t, { server, memory }), index));
  return writers;
}
