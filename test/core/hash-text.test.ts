import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hashText, mixHash } from "../../src/core/hash-text.ts";
import { seededRandom } from "./tls/seeded-random.ts";

/** MurmurHash3_x86_32 byte for byte, with whole-number arithmetic: slow and another way to the same. */
function referenceHash(bytes: Uint8Array, seed: number): number {
  const mask = 0xffffffffn;
  const rotate = (value: bigint, by: bigint): bigint =>
    ((value << by) | (value >> (32n - by))) & mask;
  const scramble = (value: bigint): bigint =>
    (rotate((value * 0xcc9e2d51n) & mask, 15n) * 0x1b873593n) & mask;
  let hash = BigInt(seed >>> 0);
  const whole = bytes.length - (bytes.length % 4);
  for (let i = 0; i < bytes.length; i += 4) {
    let block = 0n;
    for (let j = Math.min(i + 4, bytes.length) - 1; j >= i; j -= 1) {
      block = (block << 8n) | BigInt(bytes[j] ?? 0);
    }
    hash ^= scramble(block);
    if (i < whole) hash = (rotate(hash, 13n) * 5n + 0xe6546b64n) & mask;
  }
  hash ^= BigInt(bytes.length);
  hash = ((hash ^ (hash >> 16n)) * 0x85ebca6bn) & mask;
  hash = ((hash ^ (hash >> 13n)) * 0xc2b2ae35n) & mask;
  return Number(hash ^ (hash >> 16n)) | 0;
}

describe("hashText()", () => {
  test("is MurmurHash3_x86_32 of the UTF-16LE bytes", () => {
    // The published vectors for bytes 21 43 65 87 and for none, of seeds 0 and 1.
    assert.equal(hashText("\u4321\u8765", 0) >>> 0, 0xf55b516b);
    assert.equal(hashText("", 0), 0);
    assert.equal(hashText("", 1) >>> 0, 0x514e28b7);
    const random = seededRandom(3);
    for (let i = 0; i < 500; i += 1) {
      const text = String.fromCharCode(
        ...Array.from({ length: random(40) }, () => random(random(2) === 0 ? 256 : 65_536)),
      );
      const seed = random(2 ** 31);
      assert.equal(hashText(text, seed), referenceHash(Buffer.from(text, "utf16le"), seed));
    }
  });

  test("spreads texts that differ in one digit evenly over 64 places", () => {
    const counts = new Int32Array(64);
    for (let i = 0; i < 64_000; i += 1) {
      const place = (hashText(`user-${i}`, 0) >>> 0) % 64;
      counts[place] = (counts[place] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 850 && count < 1150, counts.join(" "));
  });
});

describe("mixHash()", () => {
  test("gives different numbers for different ones", () => {
    const seen = new Set<number>();
    for (let i = -50_000; i < 50_000; i += 1) seen.add(mixHash(i * 65_537));
    assert.equal(seen.size, 100_000);
  });
});
