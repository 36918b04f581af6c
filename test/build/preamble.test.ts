import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { MAIN_PREAMBLE } from "../../build/preamble.ts";

test("MAIN_PREAMBLE drops what the runtime would read later and nothing else, and hears SIGUSR1", () => {
  const env = {
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    NODE_DEBUG: "tls",
    NODE_V8_COVERAGE: "/somewhere",
    NODE_OPTIONS: "--inspect",
    MY_NODE_NAME: "kept",
    GATEHOUSE_CONFIG: "kept",
    PATH: "kept",
  };
  const heard: string[] = [];
  const on = (name: string): number => heard.push(name);
  runInNewContext(MAIN_PREAMBLE, { process: { env, on } });
  assert.deepEqual(heard, ["SIGUSR1"]);
  assert.deepEqual(Object.keys(env), ["MY_NODE_NAME", "GATEHOUSE_CONFIG", "PATH"]);
});

test("MAIN_PREAMBLE leaves the bundle behind it in strict mode", () => {
  const strict: unknown = runInNewContext(
    `(function () {${MAIN_PREAMBLE} return (function () { return this === undefined; })(); })()`,
    { process: { env: {}, on: () => undefined } },
  );
  assert.equal(strict, true);
});
