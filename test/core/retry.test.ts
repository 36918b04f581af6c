import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAILURE_KINDS } from "../../src/core/failure.ts";
import { type FailedAttempt, mayRepeatOnNew, mayTryAnother } from "../../src/core/retry.ts";

describe("mayTryAnother()", () => {
  const CONNECT = ["connect-refused", "connect-failed", "connect-timeout"];
  for (const kind of FAILURE_KINDS) {
    const expected = CONNECT.includes(kind);
    test(`${kind}: ${expected ? "yes" : "no"}`, () => {
      assert.equal(mayTryAnother(kind), expected);
    });
  }
});

describe("mayRepeatOnNew()", () => {
  const RACE: FailedAttempt = {
    kind: "upstream-reset",
    method: "GET",
    reused: true,
    answered: false,
    replayable: true,
  };

  test("repeats after the race of a kept-alive connection (RFC 9112 §9.3.1)", () => {
    assert.equal(mayRepeatOnNew(RACE), true);
  });

  const METHODS = { GET: true, HEAD: true, OPTIONS: true, TRACE: true, PUT: true, DELETE: true };
  const OTHERS = { POST: false, PATCH: false, get: false, BREW: false, constructor: false };
  for (const [method, expected] of Object.entries({ ...METHODS, ...OTHERS })) {
    test(`${method}: ${expected ? "yes" : "no"} (RFC 9110 §9.2.2)`, () => {
      assert.equal(mayRepeatOnNew({ ...RACE, method }), expected);
    });
  }

  const NOT: readonly Partial<FailedAttempt>[] = [
    { kind: "response-timeout" },
    { kind: "response-malformed" },
    { kind: "connect-refused" },
    { reused: false },
    { answered: true },
    { replayable: false },
  ];
  for (const difference of NOT) {
    test(`does not repeat with ${JSON.stringify(difference)}`, () => {
      assert.equal(mayRepeatOnNew({ ...RACE, ...difference }), false);
    });
  }
});
