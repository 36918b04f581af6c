import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { MAIN_PREAMBLE } from "../../build/preamble.ts";

test("MAIN_PREAMBLE drops what the runtime would read later and nothing else", () => {
  const env = {
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    NODE_DEBUG: "tls",
    NODE_V8_COVERAGE: "/somewhere",
    NODE_OPTIONS: "--inspect",
    MY_NODE_NAME: "kept",
    GATEHOUSE_CONFIG: "kept",
    PATH: "kept",
  };
  runInNewContext(MAIN_PREAMBLE, { process: { env } });
  assert.deepEqual(Object.keys(env), ["MY_NODE_NAME", "GATEHOUSE_CONFIG", "PATH"]);
});

test("MAIN_PREAMBLE leaves the bundle behind it in strict mode", () => {
  const strict: unknown = runInNewContext(
    `(function () {${MAIN_PREAMBLE} return (function () { return this === undefined; })(); })()`,
    { process: { env: {} } },
  );
  assert.equal(strict, true);
});
