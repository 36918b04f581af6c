/** Warnings about routes: what is said, and that the neighbour is left alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, file } from "./check-text.ts";

const NEXT = '\n[[virtual_service.http]]\nroute = "s"\n';
const match = (first: string, second: string): string =>
  file({ http: `match = [${first}]\nroute = "s"${NEXT}match = [${second}]` });

const SHADOWED: readonly (readonly [first: string, second: string, isShadowed: boolean])[] = [
  ['{ path = { segment = "/a" } }', '{ path = { exact = "/a/b" } }', true],
  ['{ path = { segment = "/a" } }', '{ path = { segment = "/a" }, method = ["GET"] }', true],
  ['{ path = { segment = "/a" } }', '{ path = { prefix = "/a/" } }', true],
  ['{ path = { segment = "/a" } }', '{ path = { exact = "/ab" } }', false],
  ['{ path = { segment = "/a" }, method = ["GET"] }', '{ path = { exact = "/a/b" } }', false],
  ['{ path = { exact = "/a" } }', '{ path = { exact = "/a" }, port = 8080 }', true],
  ['{ path = { exact = "/a" } }', '{ path = { segment = "/a" } }', false],
  ['{ path = { prefix = "/a/" } }', '{ path = { regex = "/a/.*" } }', false],
  [
    '{ path = { prefix = "/a/" } }',
    '{ path = { exact = "/a/b" } }, { path = { exact = "/c" } }',
    false,
  ],
  [
    '{ path = { prefix = "/a/" } }',
    '{ path = { exact = "/a/b" } }, { path = { exact = "/a/c" } }',
    true,
  ],
  ['{ path = { prefix = "/a" } }', '{ path = { segment = "/ab" } }', true],
  ['{ path = { prefix = "/a" } }', '{ path = { prefix = "/ab" }, port = 8080 }', true],
  ['{ path = { prefix = "/ab" } }', '{ path = { prefix = "/a" } }', false],
  ['{ path = { segment = "/a" } }', '{ path = { segment = "/a/b/c" } }', true],
  ['{ path = { segment = "/a" } }', '{ path = { prefix = "/a" } }', false],
  ['{ path = { regex = "/a+" } }', '{ path = { regex = "/a+" }, method = ["GET"] }', true],
  ['{ path = { regex = "/a+" } }', '{ path = { exact = "/a" } }', false],
  ['{ path = { exact = "/a" } }', '{ path = { regex = "/a" } }', false],
  ['{ path = { exact = "/b" } }, { path = { exact = "/a" } }', '{ path = { exact = "/a" } }', true],
  // The same conditions, whatever they are.
  [
    '{ path = { exact = "/a" }, method = ["GET"] }',
    '{ path = { exact = "/a" }, method = ["GET"] }',
    true,
  ],
  ['{ headers = { x = { exact = "1" } } }', '{ headers = { x = { exact = "1" } } }', true],
  ['{ headers = { x = { exact = "1" } } }', '{ headers = { x = { exact = "2" } } }', false],
  [
    '{ path = { exact = "/a" }, ignore_case = true }',
    '{ path = { exact = "/a" }, ignore_case = true }',
    true,
  ],
  ['{ path = { exact = "/A" }, ignore_case = true }', '{ path = { exact = "/a" } }', false],
];

for (const [first, second, isShadowed] of SHADOWED) {
  test(`lintHttpRoutes() ${first} before ${second}`, () => {
    const found = check(match(first, second)).lines.filter((line) =>
      line.includes("never reached"),
    );
    const line =
      "20:1: warning: virtual_service[0].http[1]: never reached: the route in line 17 takes all of it; move this one before it, or remove it";
    assert.deepEqual(found, isShadowed ? [line] : []);
  });
}

test("lintHttpRoutes() warns of limits that others end first", () => {
  const http = "route = 's'\ntimeout = '2m'\nretries = { per_try_timeout = '3m' }";
  assert.deepEqual(check(file({ http })).lines, [
    '19:1: warning: virtual_service[0].http[0].timeout: service "s" gives up after 60s without the head of an answer: raise its timeouts.response if answers may take longer',
    "20:13: warning: virtual_service[0].http[0].retries.per_try_timeout: never used: the timeout of the route ends the exchange first; make it shorter",
  ]);
});

test("checkConfig() warns of weights that sum to 0", () => {
  const zero = `route = [{ to = "s", weight = 0 }, { to = "s", weight = 0 }]`;
  assert.deepEqual(
    check(file({ http: zero, tlsRoute: "route = [{ to = 's', weight = 0 }]" })).lines,
    [
      "18:1: warning: virtual_service[0].http[0].route: every weight is 0, so all of it is refused: give one of them a weight",
      "20:1: warning: virtual_service[0].tls[0].route: every weight is 0, so all of it is refused: give one of them a weight",
    ],
  );
  assert.deepEqual(check(file({ http: zero.replace("0 }]", "1 }]") })).lines, []);
});

test("lintPublicServices() warns of requests in the clear to a public address only", () => {
  assert.deepEqual(
    check(file({ service: "endpoints = ['10.0.0.1:80', '8.8.8.8:80', '[2a00::1]:80']" })).lines,
    [
      "22:29: warning: service.s.endpoints[1]: requests go to 8.8.8.8 in the clear, and it is a public address: give the service tls, or use an address of your own network or of a tunnel",
      "22:43: warning: service.s.endpoints[2]: requests go to 2a00::1 in the clear, and it is a public address: give the service tls, or use an address of your own network or of a tunnel",
    ],
  );
});

test("lintPublicServices() warns of copies too, and of nothing that goes by TLS", () => {
  const http = 'route = "s"\nmirror = { to = "m" }';
  const service = "[service.m]\nendpoints = ['8.8.8.8:80']\n";
  assert.equal(check(file({ http, tail: service })).lines.length, 1);
  assert.deepEqual(check(file({ http, tail: `${service}tls.sni = 'dns.google'` })).lines, []);
});

test("lintOverlaps() warns of a wildcard beside an exact name of another tls gateway", () => {
  const other = `[[gateway]]
name = "wild"
listen = ":9443"
protocol = "tls"
hosts = ["*.b.com", "*.c.com"]
[[virtual_service]]
hosts = ["*.b.com", "*.c.com", "x.b.com"]
[[virtual_service.tls]]
route = "s"
`;
  const text = file({ tail: other }).replace(
    'protocol = "tls"\nhosts = ["a.com"]',
    'protocol = "tls"\nhosts = ["a.com", "x.b.com"]',
  );
  assert.deepEqual(check(text).lines, [
    '27:10: warning: gateway[2].hosts[0]: takes names beside "x.b.com" of gateway "tls" (line 8): if one certificate covers both, browsers may use one HTTP/2 connection for both; give "x.b.com" a certificate of its own',
  ]);
});

test("https_redirect needs no routes for its hosts", () => {
  const text = file({ web: "https_redirect = true" }).replace(
    'hosts = ["a.com"]',
    'hosts = ["a.com", "only-redirected.com"]',
  );
  assert.deepEqual(check(text).lines, []);
});
