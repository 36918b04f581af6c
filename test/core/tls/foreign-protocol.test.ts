import assert from "node:assert/strict";
import { test } from "node:test";
import { recogniseForeign } from "../../../src/core/tls/foreign-protocol.ts";

const head = (text: string): number[] => [...Buffer.from(text, "latin1")];

test("recogniseForeign() says what was found in words", () => {
  const details = ["GET ", "SSH-", "\x80\x2e\x01\x03\x01", "PROXY ", "\x15\x03", "?"].map(
    (text) => recogniseForeign(head(text))?.detail,
  );
  assert.deepEqual(details, [
    "looks like plain HTTP",
    "looks like SSH",
    "SSLv2-style hello",
    "a PROXY protocol header where none is expected",
    "begins with a TLS record that is not a handshake",
    "does not begin like TLS",
  ]);
});

test("recogniseForeign() waits while the bytes may still become a known beginning", () => {
  for (const text of ["G", "GET", "P", "PR", "PRI", "PROXY", "SSH", "\r\n\r\n", "\x80\x2e"]) {
    assert.equal(recogniseForeign(head(text)), undefined, JSON.stringify(text));
  }
});

test("recogniseForeign() decides at the first byte that fits no known beginning", () => {
  for (const text of [
    "g",
    "GEX",
    "GETX",
    "PX",
    "SSX",
    "\0",
    "\xff\xff\xff",
    "\x80\x2e\x01\x04\0",
  ]) {
    assert.equal(recogniseForeign(head(text))?.protocol, "unknown", JSON.stringify(text));
  }
});

test("recogniseForeign() decides after 12 bytes at the latest, whatever they are", () => {
  for (let first = 0; first < 256; first += 1) {
    for (let other = 0; other < 256; other += 1) {
      const bytes = [first, ...Array<number>(11).fill(other)];
      assert.notEqual(recogniseForeign(bytes), undefined);
    }
  }
});
