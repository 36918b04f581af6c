import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { AdminFunctions } from "../../src/admin/app.ts";
import { startAdmin } from "../../src/control/admin-server.ts";
import { success } from "../../src/core/result.ts";
import { createFunctions } from "./fixtures/functions.ts";
import { sendRaw } from "./fixtures/raw-request.ts";

async function start(t: TestContext, overrides: Partial<AdminFunctions> = {}) {
  const { functions, calls } = createFunctions(overrides);
  const admin = await startAdmin({ kind: "tcp", host: "127.0.0.1", port: 0 }, functions);
  t.after(() => admin.close());
  const send = (requestLine: string, ...headers: string[]) => {
    const host = headers.some((header) => /^host:/i.test(header)) ? [] : [`Host: ${admin.address}`];
    return sendRaw(admin.address, [`${requestLine} HTTP/1.1`, ...host, ...headers]);
  };
  return { admin, calls, send };
}

const READINGS: readonly [path: string, type: RegExp, part: string][] = [
  ["/healthz", /^application\/json/, '"status": "ok"'],
  ["/readyz", /^application\/json/, '"ready": true'],
  ["/metrics", /^text\/plain; version=0\.0\.4/, "# HELP a b"],
  ["/snapshot", /^application\/json/, '"hash": "0123456789ab"'],
  ["/listeners", /^application\/json/, '"address": ":80"'],
  ["/routes", /^application\/json/, '"route": "my-nginx"'],
  ["/explain?url=http://a.com/", /^application\/json/, '"taken": false'],
  ["/connections", /^application\/json/, '"total": 3'],
  ["/connections?sort=bytes&kind=tls", /^application\/json/, '"total": 2'],
  ["/services", /^application\/json/, '"error": "ENOTFOUND"'],
  ["/", /^text\/html/, "<h1>gatehouse"],
];

test("admin API answers every reading, closed, uncached and protected", async (t) => {
  const { send } = await start(t);
  for (const [path, type, part] of READINGS) {
    const answer = await send(`GET ${path}`);
    assert.equal(answer.status, 200, path);
    assert.match(answer.headers.get("content-type") ?? "", type);
    assert.ok(answer.body.includes(part), answer.body);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.headers.get("connection"), "close");
    assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    assert.equal(answer.headers.get("x-frame-options"), "DENY");
    assert.equal(answer.headers.get("access-control-allow-origin"), undefined);
    assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.match(answer.headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/);
  }
});

test("admin API answers HEAD without a body", async (t) => {
  const { send } = await start(t);
  const answer = await send("HEAD /routes");
  assert.equal(answer.status, 200);
  assert.equal(answer.body, "");
});

test("GET /readyz is 503 with the reason while the box is not ready", async (t) => {
  const { functions } = createFunctions();
  const readiness = () => ({ ...functions.readiness(), ready: false, reason: "draining" });
  const { send } = await start(t, { readiness });
  const answer = await send("GET /readyz");
  assert.equal(answer.status, 503);
  assert.match(answer.body, /"reason": "draining"/);
});

const ELSEWHERE: readonly (readonly string[])[] = [
  ["Host: evil.example"],
  ["Host: evil.example:9901"],
  ["Host: localhost", "Host: localhost"],
  ["Host: localhost", "Host: evil.example"],
  ["Host: localhost", "Origin: http://evil.example"],
  ["Host: localhost", "Origin: http://localhost:3000"],
  ["Host: localhost", "Origin: null"],
  ["Host: localhost", "Sec-Fetch-Site: cross-site"],
  ["Host: localhost", "Sec-Fetch-Site: same-site"],
];
const EVERYTHING = [
  ...READINGS.map(([path]) => `GET ${path}`),
  "POST /reload",
  "POST /drain",
  "GET /reload",
  "OPTIONS /reload",
  "GET /nothing",
];

test("admin API refuses every request of a page elsewhere, whatever it asks for", async (t) => {
  const { send, calls } = await start(t);
  for (const request of EVERYTHING) {
    for (const headers of ELSEWHERE) {
      const answer = await send(request, ...headers);
      assert.equal(answer.status, 403, `${request} ${headers.join(" ")}`);
      assert.match(JSON.parse(answer.body).error, /^[A-Z].*\.$/);
      assert.equal(answer.headers.get("cache-control"), "no-store");
    }
  }
  assert.deepEqual(calls, { outs: [], reloads: 0, drains: 0, problems: [] });
});

test("admin API refuses a request without a Host in both versions", async (t) => {
  const { admin, calls } = await start(t);
  for (const version of ["HTTP/1.0", "HTTP/1.1"]) {
    const answer = await sendRaw(admin.address, [`POST /reload ${version}`, "Content-Length: 0"]);
    assert.ok(answer.status === 400 || answer.status === 403, String(answer.status));
  }
  assert.equal(calls.reloads, 0);
});

test("admin API refuses the absolute form, which names a host of its own", async (t) => {
  const { send } = await start(t);
  const answer = await send("GET http://evil.example/routes", "Host: localhost");
  assert.equal(answer.status, 400);
});

test("POST /reload and POST /drain act; no other method does", async (t) => {
  const { send, calls } = await start(t);
  for (const path of ["/reload", "/drain"]) {
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await send(`${method} ${path}`);
      assert.equal(answer.status, 405);
      assert.equal(answer.headers.get("allow"), "POST");
    }
  }
  assert.deepEqual([calls.reloads, calls.drains], [0, 0]);
  const reload = await send("POST /reload", "Content-Length: 0");
  assert.equal(reload.status, 200);
  assert.deepEqual(JSON.parse(reload.body).changes, ["service a is new"]);
  const drain = await send("POST /drain", "Content-Length: 0");
  assert.equal(drain.status, 202);
  assert.equal(JSON.parse(drain.body).draining, true);
  assert.deepEqual([calls.reloads, calls.drains], [1, 1]);
});

test("POST /endpoints/out and in name service and address; a refusal is 404", async (t) => {
  const { send, calls } = await start(t);
  const query = "service=my-nginx&address=10.0.0.11%3A80";
  for (const [way, state] of [
    ["out", "out"],
    ["in", "healthy"],
  ] as const) {
    const answer = await send(`POST /endpoints/${way}?${query}`, "Content-Length: 0");
    assert.equal(answer.status, 200);
    assert.equal(JSON.parse(answer.body).state, state);
    const read = await send(`GET /endpoints/${way}?${query}`);
    assert.equal(read.status, 405);
    assert.equal(read.headers.get("allow"), "POST");
  }
  const service = "my-nginx";
  const address = "10.0.0.11:80";
  assert.deepEqual(calls.outs, [
    { service, address, out: true },
    { service, address, out: false },
  ]);
  const refused = await send("POST /endpoints/out?service=x", "Content-Length: 0");
  assert.equal(refused.status, 404);
  assert.match(refused.body, /there is no service x/);
  assert.equal((await send("POST /endpoints/off?service=x", "Content-Length: 0")).status, 404);
});

test("POST on a reading is 405", async (t) => {
  const { send } = await start(t);
  const answer = await send("POST /routes", "Content-Length: 0");
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get("allow"), "GET, HEAD");
});

test("POST /reload says with its status whether the file or something else was wrong", async (t) => {
  const finding = {
    file: "f",
    line: 1,
    column: 1,
    severity: "error",
    path: "a",
    message: "b",
  } as const;
  const wrong = { ok: false, version: 4, findings: [finding] } as const;
  const taken = { ok: false, version: 4, findings: [], error: "port 80 is taken" } as const;
  for (const [report, status] of [
    [wrong, 422],
    [taken, 500],
  ] as const) {
    const { send } = await start(t, { reload: () => Promise.resolve(report) });
    const answer = await send("POST /reload", "Content-Length: 0");
    assert.equal(answer.status, status);
    assert.deepEqual(JSON.parse(answer.body), report);
  }
});

test("admin API says 404 in JSON for what does not exist yet", async (t) => {
  const { send } = await start(t);
  for (const path of ["/x", "//", "/routes/"]) {
    const answer = await send(`GET ${path}`);
    assert.equal(answer.status, 404, path);
    assert.equal(typeof JSON.parse(answer.body).error, "string");
  }
});

test("admin API refuses a body of more than 64 KiB, announced or not", async (t) => {
  const { send, calls } = await start(t);
  const announced = await send("POST /reload", "Content-Length: 65537");
  assert.equal(announced.status, 413);
  const small = await send("POST /reload", "Content-Length: 2", "", "{}");
  assert.equal(small.status, 200);
  const chunk = "1\r\nx\r\n0";
  const chunked = await send("POST /reload", "Transfer-Encoding: chunked", "", chunk);
  assert.equal(chunked.status, 411);
  assert.equal(calls.reloads, 1);
});

test("admin API says 500 without a word of why, and reports the problem", async (t) => {
  const { send, calls } = await start(t, {
    routes: () => {
      throw new Error("inside");
    },
  });
  for (const path of ["/routes", "/"]) {
    const answer = await send(`GET ${path}`);
    assert.equal(answer.status, 500);
    assert.ok(!answer.body.includes("inside"));
  }
  assert.equal(calls.problems.length, 2);
});

test("GET /connections says what is wrong with its filters", async (t) => {
  const { send } = await start(t);
  for (const [query, error] of [
    ["cleint=10.0.0.1", /there is no filter "cleint"; there are kind, service/],
    ["limit=0", /limit is a number from 1 to 1000; found "0"/],
  ] as const) {
    const answer = await send(`GET /connections?${query}`);
    assert.equal(answer.status, 400);
    assert.match(JSON.parse(answer.body).error, error);
  }
});

test("GET / has the open connections with most bytes, and says what is missing", async (t) => {
  const { send } = await start(t);
  const { body } = await send("GET /");
  assert.match(body, /Open connections: 3, without those of a worker that is too busy/);
  assert.ok(body.indexOf("<td>1572864</td>") < body.indexOf("<td>307200</td>"));
});

test("GET / escapes every value and lets only its own style apply", async (t) => {
  const evil = `<script>alert("1")</script>`;
  const { functions } = createFunctions();
  const { send } = await start(t, {
    routes: () => {
      const view = functions.routes();
      return { ...view, routes: view.routes.map((route) => ({ ...route, action: evil })) };
    },
    connections: async (asked) => {
      const view = await functions.connections(asked);
      assert.ok(view.ok);
      const connections = view.value.connections.map((one) => ({ ...one, sni: evil }));
      return success({ ...view.value, connections });
    },
  });
  const answer = await send("GET /");
  assert.ok(!answer.body.includes("<script"));
  assert.ok(answer.body.includes("&lt;script&gt;"));
  const nonce = /style-src 'nonce-([^']+)'/.exec(
    answer.headers.get("content-security-policy") ?? "",
  )?.[1];
  assert.ok(nonce !== undefined && nonce.length >= 16);
  assert.ok(answer.body.includes(`<style nonce="${nonce}">`));
  assert.ok(answer.body.includes("Gateways not served here"));
});

test("admin API leaves the process's globals alone", async (t) => {
  const before = [globalThis.Request, globalThis.Response];
  const { send } = await start(t);
  await send("GET /healthz");
  assert.deepEqual([globalThis.Request, globalThis.Response], before);
});
