import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeHealthAnswer, encodeHealthRequest } from "../../src/core/grpc-health.ts";

test("encodeHealthRequest() frames the name, and nothing for the whole peer", () => {
  assert.deepEqual(
    [...encodeHealthRequest(Buffer.from("a.B"))],
    [0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x42],
  );
  assert.deepEqual([...encodeHealthRequest(new Uint8Array())], [0, 0, 0, 0, 0]);
});

test("decodeHealthAnswer() reads each status; a default value is not sent", () => {
  assert.deepEqual([0, 1, 2, 3, 4].map(decodeStatus), [
    "UNKNOWN",
    "SERVING",
    "NOT_SERVING",
    "SERVICE_UNKNOWN",
    undefined,
  ]);
  assert.equal(decodeHealthAnswer(Uint8Array.of(0, 0, 0, 0, 0)), "UNKNOWN");
});

test("decodeHealthAnswer() refuses every proper prefix, compression, two messages and other fields", () => {
  const whole = [0, 0, 0, 0, 2, 8, 1];
  for (let length = 0; length < whole.length; length += 1) {
    assert.equal(decodeHealthAnswer(Uint8Array.from(whole.slice(0, length))), undefined);
  }
  for (const wrong of [
    [1, 0, 0, 0, 2, 8, 1],
    [0, 1, 0, 0, 2, 8, 1],
    [0, 0, 0, 0, 2, 8, 1, 0],
    [0, 0, 0, 0, 2, 16, 1],
    [0, 0, 0, 0, 3, 8, 1, 0],
  ]) {
    assert.equal(decodeHealthAnswer(Uint8Array.from(wrong)), undefined, wrong.join(" "));
  }
});

function decodeStatus(status: number): string | undefined {
  return decodeHealthAnswer(Uint8Array.of(0, 0, 0, 0, 2, 8, status));
}
