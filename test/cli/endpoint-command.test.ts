import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { AdminFunctions } from "../../src/admin/app.ts";
import { startAdmin } from "../../src/control/admin-server.ts";
import { failed, success } from "../../src/core/result.ts";
import type { EndpointReport } from "../../src/core/views.ts";
import { createFunctions } from "../admin/fixtures/functions.ts";
import { runWords } from "./fixtures/io.ts";

async function startBox(t: TestContext, overrides: Partial<AdminFunctions> = {}) {
  const { functions, calls } = createFunctions(overrides);
  const admin = await startAdmin({ kind: "tcp", host: "127.0.0.1", port: 0 }, functions);
  t.after(() => admin.close());
  return { address: admin.address, calls };
}

const NAMED = { service: "web", address: "[::1]:80" };

const REPORTS: readonly (readonly [
  way: string,
  report: Omit<EndpointReport, "service" | "address">,
  lines: readonly string[],
])[] = [
  [
    "out",
    { changed: true, state: "out", left: 2 },
    ["[::1]:80 of web is out of service. What it is doing it may finish."],
  ],
  [
    "out",
    { changed: false, state: "out", left: 0 },
    [
      "[::1]:80 of web is out of service already. What it is doing it may finish.",
      "It was the last one: web has no endpoint now, its requests are refused.",
    ],
  ],
  ["in", { changed: true, state: "healthy", left: 1 }, ["[::1]:80 of web is in service again."]],
  [
    "in",
    { changed: false, state: "unhealthy", left: 1 },
    ["[::1]:80 of web is in service already, but it is unhealthy."],
  ],
  ["in", { changed: true, left: 0 }, ["[::1]:80 of web is in service again."]],
];

for (const [way, report, lines] of REPORTS) {
  test(`gatehouse endpoint ${way}: ${JSON.stringify(report)}`, async (t) => {
    const { address } = await startBox(t, { setOut: () => success({ ...NAMED, ...report }) });
    const { code, stdout, stderr } = await runWords([
      "endpoint",
      way,
      "web",
      "[::1]:80",
      "--admin",
      address,
    ]);
    assert.equal(code, 0);
    assert.equal(stdout, "");
    assert.deepEqual(stderr.trimEnd().split("\n"), lines);
  });
}

test("gatehouse endpoint sends service and address as they are, and prints JSON if asked", async (t) => {
  const { address, calls } = await startBox(t);
  const words = ["endpoint", "out", "my-nginx", "unix:/run/a b&c", "--json", "--admin", address];
  const { code, stdout } = await runWords(words);
  assert.equal(code, 0);
  assert.equal((JSON.parse(stdout) as EndpointReport).state, "out");
  assert.deepEqual(calls.outs, [{ service: "my-nginx", address: "unix:/run/a b&c", out: true }]);
});

test("gatehouse endpoint exits 1 with the box's own words when there is no such endpoint", async (t) => {
  const { address } = await startBox(t, {
    setOut: () => failed("service web has no endpoint x; it has 10.0.0.1:80"),
  });
  const { code, stderr } = await runWords(["endpoint", "out", "web", "x", "--admin", address]);
  assert.equal(code, 1);
  assert.equal(
    stderr,
    "gatehouse endpoint: The box refuses: service web has no endpoint x; it has 10.0.0.1:80\n",
  );
});
