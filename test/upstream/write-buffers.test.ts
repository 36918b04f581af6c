import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Writable } from "node:stream";
import { test } from "node:test";
import { WriteBuffers } from "../../src/upstream/write-buffers.ts";

const PIECE = Buffer.alloc(5000, "x");

test("WriteBuffers.writeCopy() holds for a stalled peer not much more than what waits for it", () => {
  const buffers = new WriteBuffers();
  const held = new Set<ArrayBufferLike>();
  let pieces = 0;
  const stalled = new Writable({
    highWaterMark: 64 * 1024,
    // The first write never ends, so all others wait behind it.
    write: () => undefined,
  });
  const write = stalled.write.bind(stalled) as (...args: readonly unknown[]) => boolean;
  stalled.write = (bytes: Buffer, ...more: readonly unknown[]) => {
    held.add(bytes.buffer);
    pieces += 1;
    return write(bytes, ...more);
  };
  while (buffers.writeCopy(stalled as Socket, PIECE));
  const waiting = stalled.writableLength;
  const memory = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
  assert.ok(pieces > 10);
  assert.ok(memory < 4 * waiting, `${memory} bytes for ${waiting}`);
});

test("WriteBuffers.writeCopy() uses memory again only after the write, and not after a failed one", () => {
  const buffers = new WriteBuffers();
  const ends: ((error?: Error) => void)[] = [];
  const used: unknown[] = [];
  const socket = {
    writableLength: 0,
    write: (bytes: Buffer, done: (error?: Error) => void) => {
      used.push(bytes.buffer);
      ends.push(done);
      return true;
    },
  } as unknown as Socket;
  const write = (): unknown => {
    buffers.writeCopy(socket, PIECE);
    return used.at(-1);
  };
  const first = write();
  assert.notEqual(write(), first, "the first is on its way");
  ends[0]?.();
  assert.equal(write(), first);
  ends[1]?.(new Error("reset"));
  ends[2]?.();
  assert.equal(write(), first);
  assert.equal(used.slice(0, 2).includes(write()), false);
});
