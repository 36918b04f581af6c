/** What routes do besides choosing where a request goes. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Rig, answer, request } from "./harness.ts";
import { type Origin, type Peer } from "./peer.ts";
import { findFreePort } from "../processes.ts";

/** A worker with one route that says this, and an endpoint that answers what it was asked. */
// oxlint-disable-next-line max-params -- most tests say only the route
async function open(
  t: TestContext,
  route: string,
  reply: (head: string, index: number) => string = (head) =>
    answer(head.split("\r\n\r\n")[0] ?? "", ["Server: s", "X-Old: 1"]),
  more: { readonly gateway?: string; readonly mirror?: Origin } = {},
): Promise<{ rig: Rig; client: Peer; origin: Origin }> {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(reply);
  const routes = `[[virtual_service.http]]\n${route}`;
  const text = rig.toml({
    http: [`127.0.0.1:${origin.port}`],
    routes,
    ...(more.gateway === undefined ? {} : { gateway: "" }),
  });
  const web = text.replace('hosts = ["a.test"]\n', `hosts = ["a.test"]\n${more.gateway ?? ""}\n`);
  const copy =
    more.mirror === undefined
      ? ""
      : `[service.copy]\nendpoints = ["127.0.0.1:${more.mirror.port}"]\n`;
  await rig.load(web + copy);
  return { rig, client: await rig.client(), origin };
}

test("RoutePolicy sets, adds and removes headers of the request, with values of the request", async (t) => {
  const { rig, client } = await open(
    t,
    `route = [{ to = "web", headers.request.set = { x-both = "destination" } }]
headers.request = { set = { X-Client = "{client_ip}", x-both = "route" }, add = { x-a = "{method} {host}{path}?{query} {{}}" }, remove = ["X-Secret"] }`,
  );
  client.write(request("GET", "/p?q=1", ["x-secret: 1", "X-CLIENT: forged", "x-a: own"]));
  const text = await client.see("X-Request-Id");
  assert.match(text, /^X-Client: 127\.0\.0\.1\r$/m);
  assert.match(text, /^x-a: own\r\n(?:.*\r\n)*x-a: GET a\.test\/p\?q=1 \{\}\r$/m);
  assert.match(text, /^x-both: route\r$/m);
  assert.doesNotMatch(text, /forged|x-secret|destination/i);
  await rig.close();
});

test("RoutePolicy sets, adds and removes headers of the answer", async (t) => {
  const { rig, client } = await open(
    t,
    `route = "web"\nheaders.response = { set = { X-Old = "{route}" }, add = { x-id = "{request_id}" }, remove = ["server"] }`,
  );
  client.write(request("GET", "/"));
  const [head = "", body = ""] = (await client.see("X-Request-Id")).split("\r\n\r\n");
  assert.match(head, /^X-Old: a\.test\/http\[0\]\r$/m);
  assert.doesNotMatch(head, /^server:/im);
  const id = /^x-id: (.*)\r?$/m.exec(head)?.[1];
  assert.equal(id, /^X-Request-Id: (.*)\r?$/m.exec(body)?.[1]);
  await rig.close();
});

test("RoutePolicy edits redirects and direct responses too", async (t) => {
  const { rig, client } = await open(
    t,
    `respond = { status = 200, body = "hi" }\nheaders.response = { set = { x-h = "{host}" } }`,
  );
  client.write(request("GET", "/"));
  assert.match(await client.see("hi"), /\r\nx-h: a\.test\r\n/);
  await rig.close();
});

/** What was asked, by which match and rewrite; what the endpoint sees, or the status. */
const REWRITES: readonly (readonly [match: string, to: string, asked: string, seen: string])[] = [
  ['{ segment = "/app" }', "/v2", "/app/x?y=%20", "/v2/x?y=%20"],
  ['{ segment = "/app" }', "/v2", "/app", "/v2"],
  ['{ segment = "/app" }', "/", "/app/x", "/x"],
  ['{ segment = "/app" }', "/", "/app", "/"],
  ['{ prefix = "/app" }', "/v2", "/apple", "/v2le"],
  ['{ prefix = "/app/" }', "/", "/app/x", "/x"],
  ['{ prefix = "/app" }', "/", "/app/x", "/x"],
  ['{ exact = "/app" }', "/v2/z", "/app?q", "/v2/z?q"],
  ['{ regex = "/a.*" }', "/r", "/app/x", "/r"],
  ['{ segment = "/" }', "/v2", "/x", "/v2/x"],
  ['{ prefix = "/app" }', "/v2/", "/app..", "400"],
  ['{ prefix = "/app" }', "/v2/", "/app../../etc", "400"],
  ['{ prefix = "/app" }', "/v2", "/app/a/../b%41", "/v2/bA"],
];

for (const [match, to, asked, seen] of REWRITES) {
  test(`rewritePath() ${match} → ${to}: ${asked} → ${seen}`, async (t) => {
    const { rig, client } = await open(
      t,
      `match = [{ path = ${match} }]\nroute = "web"\nrewrite = { path = "${to}" }`,
    );
    client.write(request("GET", asked));
    if (seen === "400") assert.match(await client.see("\r\n\r\n"), /^HTTP\/1\.1 (?:400|404) /);
    else assert.ok((await client.see("X-Request-Id")).includes(`GET ${seen} HTTP/1.1\r\n`));
    await rig.close();
  });
}

test("rewrite.host is the Host that the endpoint sees; X-Forwarded-Host keeps the client's", async (t) => {
  const { rig, client } = await open(t, 'route = "web"\nrewrite = { host = "in.side:81" }');
  client.write(request("GET", "/"));
  const text = await client.see("X-Request-Id");
  assert.match(text, /\r\nHost: in\.side:81\r\n/);
  assert.match(text, /\r\nX-Forwarded-Host: a\.test\r\n/);
  await rig.close();
});

const CORS = `route = "web"
cors = { allow_origins = [{ regex = "https://[a-z]+[.]ok" }], allow_methods = ["GET", "PUT"], allow_headers = ["x-a"], expose_headers = ["x-b"], max_age = "10m", allow_credentials = true }`;

test("cors: a preflight is answered here, with what its origin may do", async (t) => {
  const { rig, client, origin } = await open(t, CORS);
  const asked = ["Access-Control-Request-Method: PUT"];
  client.write(request("OPTIONS", "/", ["Origin: https://a.ok", ...asked]));
  const good = await client.see("\r\n\r\n");
  assert.match(good, /^HTTP\/1\.1 200 /);
  assert.match(good, /\r\nAccess-Control-Allow-Origin: https:\/\/a\.ok\r\n/);
  assert.match(good, /\r\nAccess-Control-Allow-Methods: GET, PUT\r\n/);
  assert.match(good, /\r\nAccess-Control-Allow-Headers: x-a\r\n/);
  assert.match(good, /\r\nAccess-Control-Max-Age: 600\r\n/);
  assert.match(good, /\r\nAccess-Control-Allow-Credentials: true\r\n/);
  client.write(request("OPTIONS", "/", ["Origin: https://a.evil", ...asked]));
  const bad = (await client.see("\r\n\r\n", 2)).slice(good.length);
  assert.doesNotMatch(bad, /Access-Control/);
  assert.equal(origin.peers.length, 0);
  await rig.close();
});

test("cors: answers say who may read them; what the endpoint said of it is replaced", async (t) => {
  const { rig, client } = await open(t, CORS, () =>
    answer("ok!", ["access-control-allow-origin: *"]),
  );
  client.write(request("GET", "/", ["Origin: https://a.ok"]));
  const text = await client.see("ok!");
  assert.match(text, /\r\nAccess-Control-Allow-Origin: https:\/\/a\.ok\r\n/);
  assert.match(text, /\r\nAccess-Control-Expose-Headers: x-b\r\n/);
  assert.match(text, /\r\nVary: Origin\r\n/);
  assert.doesNotMatch(text, /allow-origin: \*/i);
  await rig.close();
});

test("fault.abort answers with its status and asks no endpoint", async (t) => {
  const { rig, client, origin } = await open(
    t,
    'route = "web"\nfault = { abort = { status = 418 } }',
  );
  client.write(request("GET", "/"));
  assert.match(await client.see("Fault injected"), /^HTTP\/1\.1 418 /);
  assert.equal(origin.peers.length, 0);
  await rig.close();
});

test("fault.delay waits and then goes on", async (t) => {
  const ping = 'match = [{ path = { exact = "/ping" } }]\nrespond = { status = 204 }\n';
  const { rig, client, origin } = await open(
    t,
    `${ping}[[virtual_service.http]]\nroute = "web"\nfault = { delay = { fixed = "1h" } }`,
  );
  client.write(request("GET", "/"));
  const other = await rig.client();
  other.write(request("GET", "/ping"));
  await other.see(" 204 ");
  assert.equal(origin.peers.length, 0);
  rig.skip(3_601_000);
  assert.match(await client.see("X-Request-Id"), /^HTTP\/1\.1 200 /);
  await rig.close();
});

test("timeout ends the whole exchange with 504", async (t) => {
  const { rig, client, origin } = await open(t, 'route = "web"\ntimeout = "30s"', () => "");
  client.write(request("GET", "/"));
  await (await origin.peer()).see("GET /");
  rig.skip(31_000);
  await client.see("\r\n\r\n");
  assert.match(client.text, /^HTTP\/1\.1 504 /);
  assert.equal((await rig.line())["failure"], "response-timeout");
  await rig.close();
});

test("retries: statuses are tried again within attempts, and the last answer counts", async (t) => {
  const replies = [answer("a", [], "503 No"), answer("b", [], "429 No"), answer("third")];
  const { rig, client } = await open(
    t,
    'route = "web"\nretries = { attempts = 2, on = ["5xx", "retriable-status:429"] }',
    () => replies.shift() ?? answer("more"),
  );
  client.write(request("POST", "/", ["Content-Length: 2"]) + "hi");
  assert.match(await client.see("third"), /^HTTP\/1\.1 200 OK/);
  assert.equal((await rig.line())["attempts"], 3);
  assert.equal(rig.metric("gatehouse_retries_total"), 2);
  await rig.close();
});

test("retries: without the condition an answer passes as it is", async (t) => {
  const { rig, client } = await open(t, 'route = "web"\nretries = { on = ["reset"] }', () =>
    answer("a", [], "503 No"),
  );
  client.write(request("GET", "/"));
  assert.match(await client.see("\r\n\r\na"), /^HTTP\/1\.1 503 No/);
  assert.equal((await rig.line())["attempts"], 1);
  await rig.close();
});

test("retries: a body that was streamed is not repeated", async (t) => {
  const { rig, client } = await open(t, 'route = "web"\nretries = { on = ["5xx"] }', () =>
    answer("a", [], "503 No"),
  );
  client.write(request("POST", "/", ["Transfer-Encoding: chunked"]) + "2\r\nhi\r\n0\r\n\r\n");
  assert.match(await client.see("\r\n\r\na"), /^HTTP\/1\.1 503 No/);
  assert.equal((await rig.line())["attempts"], 1);
  await rig.close();
});

test("retries: the budget stops a storm", async (t) => {
  const { rig, client, origin } = await open(
    t,
    'route = "web"\nretries = { attempts = 10, on = ["5xx"] }',
    () => answer("a", [], "503 No"),
  );
  for (let i = 1; i <= 10; i += 1) {
    client.write(request("GET", "/"));
    await client.see("503 No", i);
  }
  // Without a budget it would be 110.
  assert.ok(origin.peers.length < 100, String(origin.peers.length));
  await rig.close();
});

test("retries.per_try_timeout asks another time", async (t) => {
  const origins = { count: 0 };
  const { rig, client, origin } = await open(
    t,
    'route = "web"\nretries = { attempts = 1, per_try_timeout = "20s", on = ["reset"] }',
    () => (origins.count++ === 0 ? "" : answer("late")),
  );
  client.write(request("GET", "/"));
  await (await origin.peer()).see("GET /");
  rig.skip(21_000);
  assert.match(await client.see("late"), /^HTTP\/1\.1 200 /);
  await rig.close();
});

test("https_redirect sends everything to https", async (t) => {
  const { rig, client, origin } = await open(t, 'route = "web"', undefined, {
    gateway: "https_redirect = true",
  });
  client.write(request("POST", "/a?b"));
  const text = await client.see("\r\n\r\n");
  assert.match(text, /^HTTP\/1\.1 301 [^]*\r\nLocation: https:\/\/a\.test\/a\?b\r\n/);
  assert.equal(origin.peers.length, 0);
  await rig.close();
});

test("mirror: a copy goes to the other service, its answer nowhere", async (t) => {
  const spare = await Rig.create(t);
  const mirror = await spare.httpOrigin(() => answer("never seen", [], "500 No"));
  const { rig, client } = await open(t, 'route = "web"\nmirror = { to = "copy" }', undefined, {
    mirror,
  });
  client.write(request("POST", "/m", ["Content-Length: 4"]) + "body");
  assert.match(await client.see("X-Request-Id"), /^HTTP\/1\.1 200 /);
  const copy = await (await mirror.peer()).see("\r\n\r\nbody");
  assert.match(copy, /^POST \/m HTTP\/1\.1\r\nHost: a\.test-shadow\r\n/);
  assert.doesNotMatch(client.text, /never seen/);
  (await mirror.peer()).end();
  await rig.close();
});

test("mirror: one that cannot be reached does not harm the request", async (t) => {
  const port = await findFreePort();
  const { rig, client } = await open(t, 'route = "web"\nmirror = { to = "copy" }', undefined, {
    mirror: { port } as Origin,
  });
  client.write(request("GET", "/"));
  assert.match(await client.see("X-Request-Id"), /^HTTP\/1\.1 200 /);
  assert.equal((await rig.line())["failure"], undefined);
  await rig.close();
});
