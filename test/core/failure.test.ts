import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAILURES, FAILURE_KINDS, failureOffset } from "../../src/core/failure.ts";

/** Alert descriptions that may be sent before a handshake (RFC 8446 §6, RFC 6066 §3). */
const ALERTS = new Set([0, 10, 50, 80, 109, 112]);

/** Which statuses say whose doing it was (RFC 9110 §15.5, §15.6, RFC 5842 §7.2). */
const STATUSES = {
  downstream: (status: number) => status < 500 || [501, 505, 508].includes(status),
  upstream: (status: number) => [502, 503, 504].includes(status),
  local: (status: number) => [0, 500, 503].includes(status),
};

describe("FAILURES", () => {
  for (const kind of FAILURE_KINDS) {
    test(`${kind} has a sane row`, () => {
      const { status, alert, side, retryable, level, text } = FAILURES[kind];
      assert.match(kind, /^[a-z]+(?:-[a-z]+)*$/);
      assert.ok(status === 0 || (status >= 400 && status < 600));
      assert.ok(STATUSES[side](status), `${status} for ${side}`);
      assert.ok(ALERTS.has(alert), String(alert));
      assert.equal(
        retryable,
        kind.startsWith("connect-") || kind === "no-endpoint",
        "only who never connected may try another",
      );
      assert.ok(!retryable || side === "upstream");
      assert.ok(["off", "debug", "warning", "error"].includes(level));
      // It is sent to clients: no addresses, no numbers, one short sentence.
      assert.match(text, /^[A-Z][A-Za-z ]{5,60}$/);
    });
  }

  test("what an operator has to look at is logged", () => {
    for (const kind of FAILURE_KINDS) {
      const { side, level, status } = FAILURES[kind];
      if (side === "upstream") assert.notEqual(level, "off", kind);
      if (status === 500) assert.equal(level, "error", kind);
    }
  });
});

test("failureOffset() is a kind's place in FAILURE_KINDS", () => {
  assert.deepEqual(
    FAILURE_KINDS.map(failureOffset),
    FAILURE_KINDS.map((_, i) => i),
  );
  assert.equal(new Set(FAILURE_KINDS).size, FAILURE_KINDS.length);
});
