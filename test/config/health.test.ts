/** `health_check` and `outlier` of a service. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, compile, file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";

const ENDPOINTS = 'endpoints = ["10.0.0.1:80"]\n';

function serviceWith(lines: string) {
  const [service] = compile(file({ service: ENDPOINTS + lines })).services;
  assert.ok(service);
  return service;
}

test("compile: no checks and Envoy-like ejection are the default", () => {
  const { healthCheck, outlier } = serviceWith("");
  assert.equal(healthCheck, undefined);
  assert.deepEqual(outlier, { errors: 5, intervalMs: 10_000, ejectionMs: 30_000, percentMax: 10 });
});

test("compile: each kind of check with its defaults, and with all that can be said", () => {
  const common = { intervalMs: 5000, timeoutMs: 2000, unhealthyAfter: 3, healthyAfter: 2 };
  const none = { path: "", host: undefined, grpcService: "", expect: [200] };
  assert.deepEqual(serviceWith('health_check.path = "/up?deep=1"').healthCheck, {
    ...common,
    ...none,
    kind: "http",
    path: "/up?deep=1",
  });
  assert.deepEqual(serviceWith("health_check.tcp = true").healthCheck, {
    ...common,
    ...none,
    kind: "tcp",
  });
  assert.deepEqual(serviceWith('health_check = { grpc = "", host = "h:1" }').healthCheck, {
    ...common,
    ...none,
    kind: "grpc",
    host: "h:1",
  });
  const said =
    'health_check = { path = "/", host = "h", interval = "1s", timeout = "1ms", unhealthy = 1, healthy = 9, expect = [200, 404] }';
  assert.deepEqual(serviceWith(said).healthCheck, {
    kind: "http",
    path: "/",
    host: "h",
    grpcService: "",
    intervalMs: 1000,
    timeoutMs: 1,
    unhealthyAfter: 1,
    healthyAfter: 9,
    expect: [200, 404],
  });
});

test("compile: outlier in part and off", () => {
  assert.deepEqual(serviceWith("outlier.errors = 1").outlier?.ejectionMs, 30_000);
  assert.equal(serviceWith('outlier = "off"').outlier, undefined);
});

const row = (name: string, lines: string, ...messages: readonly string[]) => ({
  name,
  text: file({ service: ENDPOINTS + lines }),
  lines: messages.map((message) => message.replace("§", "error: service.s.")),
});

testWrongFiles("health", [
  row(
    "no kind of check",
    'health_check = { interval = "1s" }',
    "23:1: §health_check: expected exactly one of path, tcp, grpc, found none",
  ),
  row(
    "two kinds",
    'health_check = { path = "/", tcp = true }',
    "23:1: §health_check: expected exactly one of path, tcp, grpc, found path and tcp",
  ),
  row(
    "statuses without a status",
    "health_check = { tcp = true, expect = [200] }",
    "23:1: §health_check: expect goes with path alone",
  ),
  row(
    "a Host for a bare connection",
    'health_check = { tcp = true, host = "a" }',
    "23:1: §health_check: host does not go with tcp",
  ),
  row(
    "a path that would be two lines",
    'health_check.path = "/a\\r\\nX: y"',
    '23:14: §health_check.path: expected a path that begins with "/", of visible ASCII characters without #, found "/a\\r\\nX: y"',
  ),
  row(
    "too often",
    'health_check = { path = "/", interval = "50ms" }',
    '23:30: §health_check.interval: expected 100ms to 24h, found "50ms"',
  ),
  row(
    "tcp that is false",
    "health_check.tcp = false",
    "23:14: §health_check.tcp: expected true, found false",
  ),
  row(
    "outlier as another word",
    'outlier = "on"',
    '23:1: §outlier: expected a table such as { errors = 5 }, or "off"',
  ),
  row(
    "more than all",
    "outlier.max_percent = 101",
    "23:9: §outlier.max_percent: expected a whole number from 0 to 100, found 101",
  ),
]);

test("check warns of a request in clear to what only tls routes lead to", () => {
  const passed = (lines: string): readonly string[] =>
    check(
      file({
        http: "respond = { status = 204 }",
        service: ENDPOINTS + lines,
      }),
    ).lines;
  assert.deepEqual(passed('health_check.path = "/"'), [
    "23:1: warning: service.s.health_check: only tls routes lead here, so the endpoints speak TLS, and this check does not: say health_check = { tcp = true }",
  ]);
  assert.equal(passed('health_check.grpc = ""').length, 1);
  assert.deepEqual(passed("health_check.tcp = true"), []);
  assert.deepEqual(check(file({ service: `${ENDPOINTS}health_check.path = "/"` })).lines, []);
});
