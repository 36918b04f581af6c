/** What routes do to requests, through the built executable, with real nginx and curl. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCommand } from "../packages.ts";
import { findFreePort, runProgram, until } from "../processes.ts";
import { type Gatehouse, type Scope, startGatehouse } from "./harness.ts";
import { type Nginx, startNginx } from "./nginx.ts";

const missing = ["nginx", "curl"].filter((command) => !hasCommand(command));
const skip = missing.length > 0 && `needs ${missing.join(", ")}`;

/** Says what it was asked. */
const ECHO = `location / { add_header X-Internal secret; return 200 "$request_method $request_uri host=$host client=$http_x_client gone=$http_x_gone\\n"; }`;

interface Stage {
  readonly gatehouse: Gatehouse;
  readonly port: number;
  readonly copies: Nginx;
}

test("routes with policies, through the executable", { skip }, async (t) => {
  const stage = await start(t);
  await t.test("rewrite and headers: the endpoint sees what was matched, rewritten", () =>
    rewrites(stage),
  );
  await t.test("retries: a status of one endpoint is not the client's", () => retries(stage));
  await t.test("cors: a preflight is answered here", () => preflight(stage));
  await t.test("fault: a share of requests is aborted", () => aborts(stage));
  await t.test("mirror: a copy arrives, its answer nowhere", () => mirrors(stage));
  await t.test("explain says of the running box what curl has seen", () => explains(stage));
});

async function start(scope: Scope): Promise<Stage> {
  const echo = await startNginx(scope, { locations: ECHO });
  const bad = await startNginx(scope, { locations: "location / { return 503; }" });
  const copies = await startNginx(scope, { locations: "location / { return 500; }" });
  const port = await findFreePort();
  const gatehouse = await startGatehouse(scope, {
    workers: 1,
    config: `[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"
hosts = ["a.test"]
[[virtual_service]]
hosts = ["a.test"]
[[virtual_service.http]]
name = "rewritten"
match = [{ path = { segment = "/app" }, headers = { x-v = { regex = "[0-9]+" } } }]
route = "echo"
rewrite = { path = "/v2", host = "in.side" }
headers.request = { set = { x-client = "{client_ip}" }, remove = ["x-gone"] }
headers.response = { set = { x-route = "{route}" }, remove = ["x-internal"] }
[[virtual_service.http]]
match = [{ path = { exact = "/retried" } }]
route = "half"
retries = { attempts = 1, on = ["5xx"] }
[[virtual_service.http]]
match = [{ path = { exact = "/cors" } }]
route = "echo"
cors = { allow_origins = [{ prefix = "https://ok." }], allow_methods = ["PUT"] }
[[virtual_service.http]]
match = [{ path = { exact = "/fault" } }]
route = "echo"
fault = { abort = { status = 418 } }
[[virtual_service.http]]
match = [{ path = { exact = "/copied" } }]
route = "echo"
mirror = { to = "copies" }
[service.echo]
endpoints = ["127.0.0.1:${echo.port}"]
[service.half]
endpoints = ["127.0.0.1:${bad.port}", "127.0.0.1:${echo.port}"]
balancer = "round_robin"
[service.copies]
endpoints = ["127.0.0.1:${copies.port}"]
`,
  });
  return { gatehouse, port, copies };
}

async function curl({ port }: Stage, path: string, ...more: readonly string[]): Promise<string> {
  const url = `http://127.0.0.1:${port}${path}`;
  const { status, stdout, stderr } = await runProgram("curl", [
    "-sSi",
    "-H",
    "Host: a.test",
    ...more,
    url,
  ]);
  assert.equal(status, 0, stderr);
  return stdout;
}

async function rewrites(stage: Stage): Promise<void> {
  const text = await curl(
    stage,
    "/app/%78?q=1",
    "-H",
    "x-v: 12",
    "-H",
    "x-gone: 1",
    "-H",
    "x-client: me",
  );
  assert.match(text, /^HTTP\/1\.1 200 /);
  assert.match(text, /\r\nx-route: rewritten\r\n/);
  assert.doesNotMatch(text, /X-Internal/i);
  assert.ok(text.endsWith("GET /v2/x?q=1 host=in.side client=127.0.0.1 gone=\n"), text);
  assert.match(await curl(stage, "/app", "-H", "x-v: x"), /^HTTP\/1\.1 404 /);
}

async function retries(stage: Stage): Promise<void> {
  for (let i = 0; i < 4; i += 1) {
    assert.match(await curl(stage, "/retried"), /^HTTP\/1\.1 200 /);
  }
  assert.ok((await stage.gatehouse.metric("gatehouse_retries_total", { service: "half" })) >= 2);
}

async function preflight(stage: Stage): Promise<void> {
  const asks = ["-X", "OPTIONS", "-H", "Access-Control-Request-Method: PUT", "-H"];
  const good = await curl(stage, "/cors", ...asks, "Origin: https://ok.test");
  assert.match(good, /\r\nAccess-Control-Allow-Origin: https:\/\/ok\.test\r\n/);
  assert.match(good, /\r\nAccess-Control-Allow-Methods: PUT\r\n/);
  assert.doesNotMatch(good, /server: nginx/i);
  const bad = await curl(stage, "/cors", ...asks, "Origin: https://evil.test");
  assert.doesNotMatch(bad, /Access-Control/);
  const simple = await curl(stage, "/cors", "-H", "Origin: https://ok.test");
  assert.match(simple, /\r\nAccess-Control-Allow-Origin: https:\/\/ok\.test\r\n/);
}

async function aborts(stage: Stage): Promise<void> {
  assert.match(await curl(stage, "/fault"), /^HTTP\/1\.1 418 [^]*Fault injected\n$/);
}

async function mirrors(stage: Stage): Promise<void> {
  assert.match(await curl(stage, "/copied", "--data", "x=1"), /^HTTP\/1\.1 200 /);
  await until("the copy arrives", () =>
    Promise.resolve(stage.copies.requests().includes("POST /copied HTTP/1.1") ? true : undefined),
  );
}

async function explains({ gatehouse, port }: Stage): Promise<void> {
  const url = `http://127.0.0.1:${port}/app/x`;
  const { status, stdout } = await gatehouse.command(
    "explain",
    "-H",
    "Host: a.test",
    "-H",
    "x-v: 1",
    url,
  );
  assert.equal(status, 0, stdout);
  assert.match(stdout, /route: rewritten \(.*:\d+\)/);
  assert.match(stdout, /request: GET \/v2\/x, Host in\.side\n/);
  const lost = await gatehouse.command("explain", "-H", "Host: a.test", url);
  assert.equal(lost.status, 1);
  assert.match(lost.stdout, /header x-v matches \[0-9\]\+; found not there/);
}
