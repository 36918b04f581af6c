import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  SCAN_FORBIDDEN,
  SCAN_INCOMPLETE,
  resumeScan,
  scanHead,
} from "../../../src/core/http1/scan.ts";
import { ACCEPTED } from "../../corpus/request/accepted.ts";
import { REFUSED } from "../../corpus/request/refused.ts";
import { seededRandom } from "../tls/seeded-random.ts";

const HEAD = Buffer.from("GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\tb\r\n\r\n", "latin1");

/** Heads and what is none, right and wrong; none longer than what can be cut everywhere. */
const SAMPLES = [...Object.values(ACCEPTED), ...REFUSED.map(({ bytes }) => bytes)]
  .filter((text) => text.length < 1000)
  .map((text) => Buffer.from(text, "latin1"));

/** Scans as bytes come in: up to each of `cuts`, then to the end. */
function scanInPieces(bytes: Buffer, cuts: readonly number[]): number {
  let from = 0;
  for (const cut of cuts) {
    const result = scanHead(bytes, from, cut);
    if (result !== SCAN_INCOMPLETE) return result;
    from = resumeScan(bytes, from, cut);
  }
  return scanHead(bytes, from, bytes.length);
}

describe("scanHead()", () => {
  test("gives the index after CRLF CRLF, whatever follows", () => {
    assert.equal(scanHead(HEAD, 0, HEAD.length), HEAD.length);
    const more = Buffer.concat([HEAD, Buffer.from("\n\0body")]);
    assert.equal(scanHead(more, 0, more.length), HEAD.length);
  });

  test("begins and ends where it is told", () => {
    const bytes = Buffer.concat([Buffer.from("\0\0"), HEAD, Buffer.from("\0")]);
    assert.equal(scanHead(bytes, 2, bytes.length), HEAD.length + 2);
    assert.equal(scanHead(bytes, 2, HEAD.length + 1), SCAN_INCOMPLETE);
  });

  test("returns incomplete for every proper prefix", () => {
    for (let end = 0; end < HEAD.length; end += 1) {
      assert.equal(scanHead(HEAD, 0, end), SCAN_INCOMPLETE, `prefix of ${end} bytes`);
    }
  });

  test("forbids every control character but TAB, and DEL, at any place (RFC 9110 §5.5)", () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const allowed = (byte >= 0x20 && byte !== 0x7f) || byte === 0x09;
      for (let at = 0; at < HEAD.length - 4; at += 1) {
        const bytes = Buffer.from(HEAD);
        if (bytes[at] === 0x0d || bytes[at] === 0x0a) continue;
        bytes[at] = byte;
        const expected = allowed ? HEAD.length : SCAN_FORBIDDEN;
        assert.equal(scanHead(bytes, 0, bytes.length), expected, `byte ${byte} at ${at}`);
      }
    }
  });

  test("forbids CR or LF alone (RFC 9112 §2.2)", () => {
    for (const text of ["a\n", "a\rb", "\n", "\r\r\n", "a\r\n\n", "a\r\n\rb", "a\r\nb\n\r\n\r\n"]) {
      const bytes = Buffer.from(text);
      assert.equal(scanHead(bytes, 0, bytes.length), SCAN_FORBIDDEN, JSON.stringify(text));
    }
  });
});

describe("resumeScan()", () => {
  test("leads to the same result for any place where the bytes are cut", () => {
    for (const bytes of SAMPLES) {
      const whole = scanHead(bytes, 0, bytes.length);
      for (let cut = 0; cut < bytes.length; cut += 1) {
        assert.equal(
          scanInPieces(bytes, [cut]),
          whole,
          `${JSON.stringify(String(bytes))} @ ${cut}`,
        );
      }
    }
  });

  test("leads to the same result byte by byte and for 5,000 random cuts", () => {
    const random = seededRandom(7);
    for (const bytes of SAMPLES) {
      const whole = scanHead(bytes, 0, bytes.length);
      const every = Array.from(bytes.keys());
      assert.equal(scanInPieces(bytes, every), whole, String(bytes));
    }
    for (let i = 0; i < 5000; i += 1) {
      const bytes = SAMPLES[random(SAMPLES.length)] ?? HEAD;
      const cuts = Array.from({ length: 1 + random(8) }, () => random(bytes.length)).toSorted(
        (a, b) => a - b,
      );
      const whole = scanHead(bytes, 0, bytes.length);
      assert.equal(
        scanInPieces(bytes, cuts),
        whole,
        `${JSON.stringify(String(bytes))} @ ${cuts.join()}`,
      );
    }
  });

  test("goes back at most three bytes, and never before where it began", () => {
    for (let end = 1; end < HEAD.length; end += 1) {
      for (let start = 0; start < end; start += 1) {
        const from = resumeScan(HEAD, start, end);
        assert.ok(from >= start && from >= end - 3 && from <= end, `${from} for ${start}-${end}`);
      }
    }
  });
});
