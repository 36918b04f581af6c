import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FAILURE_KINDS } from "../../src/core/failure.ts";
import type { RetryPolicy } from "../../src/core/model.ts";
import {
  type FailedAttempt,
  DEFAULT_RETRY,
  mayNeedAgain,
  mayRepeatOnNew,
  mayTryAnother,
  RetryBudget,
  wantsRetryAfter,
  wantsRetryOfStatus,
} from "../../src/core/retry.ts";

describe("mayTryAnother()", () => {
  const NETWORK = ["connect-refused", "connect-failed", "connect-timeout"];
  const CONNECT = [...NETWORK, "connect-tls", "connect-certificate"];
  for (const kind of FAILURE_KINDS) {
    const expected = CONNECT.includes(kind) || kind === "no-endpoint";
    test(`${kind}: ${expected ? "yes" : "no"}`, () => {
      assert.equal(mayTryAnother(kind), expected);
    });
  }
});

describe("mayNeedAgain()", () => {
  const CASES: readonly (readonly [string, Partial<RetryPolicy>, expected: boolean])[] = [
    ["PUT", {}, true],
    ["PUT", { attempts: 0, on: [] }, true],
    ["POST", {}, false],
    ["POST", { on: ["connect-failure", "reset"] }, true],
    ["POST", { on: ["5xx"] }, true],
    ["POST", { on: [], statuses: [503] }, true],
    ["POST", { attempts: 0, on: ["5xx"], statuses: [503] }, false],
  ];
  for (const [method, policy, expected] of CASES) {
    test(`${method} with ${JSON.stringify(policy)}: ${expected ? "yes" : "no"}`, () => {
      assert.equal(mayNeedAgain({ ...DEFAULT_RETRY, ...policy }, method), expected);
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

test("RetryBudget gives ten at once, then a fifth of the requests and ten a second", () => {
  const budget = new RetryBudget();
  const takeAll = (nowMs: number): number => {
    let taken = 0;
    while (taken < 1000 && budget.take(nowMs)) taken += 1;
    return taken;
  };
  assert.equal(takeAll(0), 10);
  assert.equal(takeAll(0), 0);
  for (let i = 0; i < 50; i += 1) budget.request();
  assert.equal(takeAll(0), 10);
  assert.equal(takeAll(500), 5);
  assert.equal(takeAll(60_000), 10);
  for (let i = 0; i < 100_000; i += 1) budget.request();
  assert.equal(takeAll(60_000), 100);
});

function policy(...on: RetryPolicy["on"]): RetryPolicy {
  return { attempts: 1, perTryTimeoutMs: undefined, on, statuses: [429] };
}

test("wantsRetryAfter() and wantsRetryOfStatus() group failures and statuses as Envoy does", () => {
  const rows: readonly [on: RetryPolicy["on"][number], failures: string, statuses: string][] = [
    ["connect-failure", "connect-refused no-endpoint", "429"],
    ["refused-stream", "", "429"],
    ["reset", "upstream-reset response-timeout", "429"],
    ["5xx", "connect-refused upstream-reset response-timeout no-endpoint", "429 500 502 504 599"],
    ["gateway-error", "connect-refused upstream-reset response-timeout no-endpoint", "429 502 504"],
  ];
  const failures = [
    "connect-refused",
    "upstream-reset",
    "response-timeout",
    "response-malformed",
    "no-endpoint",
  ] as const;
  for (const [on, kinds, statuses] of rows) {
    assert.equal(failures.filter((kind) => wantsRetryAfter(policy(on), kind)).join(" "), kinds, on);
    const taken = [200, 404, 429, 500, 502, 504, 599].filter((one) =>
      wantsRetryOfStatus(policy(on), one),
    );
    assert.equal(taken.join(" "), statuses, on);
  }
});
