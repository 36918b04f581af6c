import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ByteJoiner, ByteReader } from "../../src/core/bytes.ts";

const reader = (hex: string): ByteReader => new ByteReader(Buffer.from(hex, "hex"));

describe("ByteReader", () => {
  test("reads numbers in network order", () => {
    const bytes = reader("01fffe03fffefd");
    assert.equal(bytes.readU8(), 0x01);
    assert.equal(bytes.readU16(), 0xfffe);
    assert.equal(bytes.readU8(), 0x03);
    assert.equal(bytes.readU24(), 0xfffefd);
    assert.equal(bytes.remaining, 0);
  });

  test("gives undefined past the end and does not move", () => {
    const bytes = reader("aabb");
    assert.equal(bytes.readU24(), undefined);
    assert.equal(bytes.readSlice(3), undefined);
    assert.equal(bytes.readVector8(), undefined);
    assert.equal(bytes.readVector16(), undefined);
    assert.equal(bytes.remaining, 2);
    assert.equal(bytes.readU16(), 0xaabb);
    assert.equal(bytes.readU8(), undefined);
    assert.equal(bytes.readU16(), undefined);
    assert.equal(bytes.readVector8(), undefined);
    assert.equal(bytes.readVector16(), undefined);
  });

  test("reads a slice that ends where it must", () => {
    const bytes = reader("01020304");
    const slice = bytes.readSlice(2);
    assert.equal(slice?.readU8(), 1);
    assert.equal(slice?.readU16(), undefined);
    assert.equal(slice?.readU8(), 2);
    assert.equal(slice?.readU8(), undefined);
    assert.equal(bytes.readU16(), 0x0304);
  });

  test("reads vectors with a length of one and of two bytes", () => {
    const bytes = reader("02aabb0001cc00");
    assert.equal(bytes.readVector8()?.readU16(), 0xaabb);
    assert.equal(bytes.readVector16()?.readU8(), 0xcc);
    assert.equal(bytes.readVector8()?.remaining, 0);
    assert.equal(bytes.remaining, 0);
  });

  test("refuses a vector that is one byte longer than what is there", () => {
    assert.equal(reader("03aabb").readVector8(), undefined);
    assert.equal(reader("0003aabb").readVector16(), undefined);
    assert.equal(reader("00").readVector16(), undefined);
  });

  test("readLatin1() gives one character for each byte left", () => {
    const bytes = reader("0068e9ff");
    bytes.readU8();
    assert.equal(bytes.readLatin1(), "hé\u00ff");
    assert.equal(bytes.remaining, 0);
  });

  test("stays inside the range it was given, and inside the bytes", () => {
    const bytes = Buffer.from("0102030405", "hex");
    assert.equal(new ByteReader(bytes, 1, 3).remaining, 2);
    assert.equal(new ByteReader(bytes, 1, 3).readU24(), undefined);
    assert.equal(new ByteReader(bytes, 4, 99).remaining, 1);
    assert.equal(new ByteReader(bytes, 9, 9).readU8(), undefined);
  });
});

describe("ByteJoiner", () => {
  test("joins pieces of any size in their order and keeps no reference to them", () => {
    const joiner = new ByteJoiner();
    const expected: Buffer[] = [];
    for (const size of [1, 0, 3, 2047, 1, 5000, 1]) {
      const piece = Buffer.alloc(size, size & 0xff);
      expected.push(Buffer.from(piece));
      joiner.append(piece, 0, size);
      piece.fill(0);
    }
    const whole = Buffer.concat(expected);
    assert.equal(joiner.length, whole.length);
    assert.equal(joiner.reader().readLatin1(), whole.toString("latin1"));
  });

  test("append() takes the part of the chunk between start and end", () => {
    const joiner = new ByteJoiner();
    joiner.append(Buffer.from("abcdef"), 2, 4);
    joiner.append(Buffer.from("abcdef"), 5, 6);
    assert.equal(joiner.reader().readLatin1(), "cdf");
  });

  test("clear() forgets everything", () => {
    const joiner = new ByteJoiner();
    joiner.append(Buffer.from("abc"), 0, 3);
    joiner.clear();
    assert.equal(joiner.length, 0);
    joiner.append(Buffer.from("x"), 0, 1);
    assert.equal(joiner.reader().readLatin1(), "x");
  });

  test("append() copies each byte at most three times over all appends of one byte", (t) => {
    const set = t.mock.method(Uint8Array.prototype, "set");
    const joiner = new ByteJoiner();
    const bytes = 64 * 1024;
    for (let i = 0; i < bytes; i += 1) joiner.append(Uint8Array.of(1), 0, 1);
    assert.equal(joiner.length, bytes);
    const copied = set.mock.calls.reduce((sum, call) => sum + call.arguments[0].length, 0);
    assert.ok(copied > 0, "the memory has grown");
    assert.ok(copied + bytes <= 3 * bytes, `${copied} bytes copied`);
  });
});
