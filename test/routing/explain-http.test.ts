/** What `explain` says of requests besides the route that takes them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../src/routing/explain.ts";
import { readQuestion } from "../../src/routing/explain-question.ts";
import { compile } from "../config/check-text.ts";

interface More {
  readonly headers?: readonly string[];
  readonly method?: string;
}

function ask(text: string, url: string, { headers = [], method = "GET" }: More = {}) {
  const question = readQuestion({ url, method, headers, alpn: [], source: "192.0.2.1" });
  assert.ok(question.ok, question.ok ? "" : question.error);
  return explain(compile(text), question.value);
}

const TWO_ADDRESSES = `[[gateway]]
name = "inside"
listen = "127.0.0.1:8080"
protocol = "http"
hosts = ["in.com"]
[[gateway]]
name = "outside"
listen = "127.0.0.2:8080"
protocol = "http"
hosts = ["out.com"]
[[virtual_service]]
hosts = ["in.com", "out.com"]
[[virtual_service.http]]
respond = { status = 200 }
`;

test("explain() of two listeners on one port asks the one that lets the host in", () => {
  assert.equal(ask(TWO_ADDRESSES, "http://in.com:8080/").listener, "127.0.0.1:8080");
  const outside = ask(TWO_ADDRESSES, "http://out.com:8080/");
  assert.deepEqual(
    [outside.listener, outside.gateway?.name, outside.taken],
    ["127.0.0.2:8080", "outside", true],
  );
  assert.equal(ask(TWO_ADDRESSES, "http://none.com:8080/").failure, "no-virtual-host");
});

const EDGE = `[[gateway]]
name = "web"
listen = ":8080"
protocol = "http"
https_redirect = true
trusted_proxies = ["192.0.2.0/24"]
[[virtual_service]]
hosts = ["a.com"]
[[virtual_service.http]]
name = "inside"
match = [{ source = ["10.0.0.0/8"] }]
respond = { status = 201 }
[[virtual_service.http]]
name = "data"
route = "s"
[virtual_service.http.cors]
allow_origins = [{ exact = "https://a.com" }]
[service.s]
endpoints = ["10.0.0.1:80"]
`;
const HTTPS = "X-Forwarded-Proto: https";

test("explain() sends to https what did not come by it, as far as trusted proxies tell", () => {
  const plain = ask(EDGE, "http://a.com:8080/");
  assert.deepEqual([plain.taken, plain.action], [true, "redirect 301 to https"]);
  assert.equal(ask(EDGE, "http://a.com:8080/", { headers: [HTTPS] }).route?.name, "data");
});

function forwarded(client: string) {
  return ask(EDGE, "http://a.com:8080/", { headers: [HTTPS, `X-Forwarded-For: ${client}`] });
}

test("explain() looks at the client that trusted proxies tell of", () => {
  assert.equal(forwarded("10.1.2.3").route?.name, "inside");
  const other = forwarded("203.0.113.7");
  assert.equal(other.route?.name, "data");
  assert.deepEqual(other.candidates[0]?.because, ["source is in 10.0.0.0/8; found 203.0.113.7"]);
});

test("explain() says of a CORS preflight that it is answered here", () => {
  const origin = ["Origin: https://a.com", HTTPS];
  const asked = [...origin, "Access-Control-Request-Method: PUT"];
  const preflight = ask(EDGE, "http://a.com:8080/", { headers: asked, method: "OPTIONS" });
  assert.deepEqual([preflight.taken, preflight.action], [true, "answer the CORS preflight"]);
  assert.deepEqual(preflight.services, []);
  assert.equal(
    ask(EDGE, "http://a.com:8080/", { headers: origin, method: "OPTIONS" }).action,
    "forward",
  );
  assert.equal(ask(EDGE, "http://a.com:8080/", { headers: asked }).action, "forward");
});

test("explain() shows the rewritten request, and refuses a rest that climbs", () => {
  const file = `[[gateway]]
name = "web"
listen = ":8080"
protocol = "http"
[[virtual_service]]
hosts = ["*"]
[[virtual_service.http]]
match = [{ path = { prefix = "/app" } }]
rewrite = { path = "/v2/", host = "in.side:81" }
route = "s"
[service.s]
endpoints = ["10.0.0.1:80"]
`;
  const view = ask(file, "http://a.com:8080/app/x?q=1", { method: "PUT" });
  assert.deepEqual(view.request, { method: "PUT", host: "in.side:81", path: "/v2/x?q=1" });
  const climbing = ask(file, "http://a.com:8080/app..");
  assert.deepEqual([climbing.taken, climbing.failure], [false, "bad-request"]);
});
