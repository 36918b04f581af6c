/** Which route takes which request, as a table: from the text of the file to the decision. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { buildVirtualHostApp, decide } from "../../src/routing/virtual-host.ts";
import { type Asked, ask, routesOf } from "./table.ts";

/** A request, the number of the route that takes it, and what else is said of the request; -1 = none. */
type Row = readonly [line: string, route: number, asked?: Asked];

const TABLE: readonly { name: string; routes: readonly string[]; rows: readonly Row[] }[] = [
  {
    name: "path exact: the whole path, with case, without the query",
    routes: ['{ path = { exact = "/a" } }', '{ path = { exact = "/" } }'],
    rows: [
      ["GET /a", 0],
      ["GET /a?x=1", 0],
      ["GET /a/", -1],
      ["GET /A", -1],
      ["GET /", 1],
      ["GET /b", -1],
      ["GET /%61", 0],
      ["GET /b/../a", 0],
      ["GET /./a", 0],
      ["POST /a", 0],
      ["HEAD /a", 0],
    ],
  },
  {
    name: "path prefix: a plain string prefix",
    routes: ['{ path = { prefix = "/foo/" } }', '{ path = { prefix = "/foo" } }'],
    rows: [
      ["GET /foo/", 0],
      ["GET /foo/bar", 0],
      ["GET /foo", 1],
      ["GET /foobar", 1],
      ["GET /fo", -1],
      ["GET /x/foo", -1],
      ["GET /Foo", -1],
      ["GET /foo%2Fbar", 1],
      ["GET /foo/../bar", -1],
    ],
  },
  {
    name: "path segment: whole segments",
    routes: ['{ path = { segment = "/foo" } }', '{ path = { segment = "/" } }'],
    rows: [
      ["GET /foo", 0],
      ["GET /foo/", 0],
      ["GET /foo/bar", 0],
      ["GET /foobar", 1],
      ["GET /foo.html", 1],
      ["GET /", 1],
      ["GET //foo", 1],
    ],
  },
  {
    name: "path segment: a final slash says nothing",
    routes: ['{ path = { segment = "/foo/" } }'],
    rows: [
      ["GET /foo", 0],
      ["GET /foo/x", 0],
      ["GET /foox", -1],
    ],
  },
  {
    name: "path regex: the whole path",
    routes: [
      '{ path = { regex = "/v[0-9]+" } }',
      '{ path = { regex = "/(?:en|de)(?:/.*)?" } }',
      '{ path = { regex = ".*\\\\.(?:jpg|png)" } }',
      '{ path = { regex = "^/x.y$" } }',
    ],
    rows: [
      ["GET /v1", 0],
      ["GET /v12", 0],
      ["GET /v", -1],
      ["GET /v1/", -1],
      ["GET /a/v1", -1],
      ["GET /en", 1],
      ["GET /de/x/y", 1],
      ["GET /den", -1],
      ["GET /a/b.jpg", 2],
      ["GET /b.png?w=1", 2],
      ["GET /b.gif", -1],
      ["GET /bjpg", -1],
      ["GET /xzy", 3],
      ["GET /xzyz", -1],
      ["GET /V1", -1],
    ],
  },
  {
    name: "ignore_case: letters of the path",
    routes: [
      '{ path = { exact = "/Login" }, ignore_case = true }',
      '{ path = { segment = "/Shop" }, ignore_case = true }',
      '{ path = { prefix = "/aPi" }, ignore_case = true }',
      '{ path = { exact = "/x" }, ignore_case = false }',
    ],
    rows: [
      ["GET /login", 0],
      ["GET /LOGIN", 0],
      ["GET /Login", 0],
      ["GET /login/", -1],
      ["GET /SHOP/x", 1],
      ["GET /shop", 1],
      ["GET /shops", -1],
      ["GET /APIs", 2],
      ["GET /x", 3],
      ["GET /X", -1],
    ],
  },
  {
    name: "method: any of the list, with case, HEAD is not GET",
    routes: [
      '{ method = ["GET"] }',
      '{ method = ["POST", "PUT"] }',
      '{ method = ["HEAD"], path = { exact = "/a" } }',
    ],
    rows: [
      ["GET /", 0],
      ["POST /", 1],
      ["PUT /x", 1],
      ["DELETE /", -1],
      ["HEAD /", -1],
      ["HEAD /a", 2],
      ["get /", -1],
      ["OPTIONS /", -1],
    ],
  },
  {
    name: "headers exact, prefix, regex, present",
    routes: [
      '{ headers = { x-v = { exact = "2" } } }',
      '{ headers = { X-V = { prefix = "beta-" } } }',
      '{ headers = { x-v = { regex = "[0-9]{3}" } } }',
      "{ headers = { x-v = { present = true } } }",
      "{ headers = { x-v = { present = false }, x-w = { present = true } } }",
    ],
    rows: [
      ["GET /", 0, { fields: ["X-V: 2"] }],
      ["GET /", 0, { fields: ["x-v:  2 "] }],
      ["GET /", 1, { fields: ["x-v: beta-7"] }],
      ["GET /", 1, { fields: ["x-v: beta-"] }],
      ["GET /", 3, { fields: ["x-v: Beta-7"] }],
      ["GET /", 2, { fields: ["x-v: 123"] }],
      ["GET /", 3, { fields: ["x-v: 1234"] }],
      ["GET /", 3, { fields: ["x-v:"] }],
      ["GET /", 3, { fields: ["x-v: 2", "x-v: 3"] }],
      ["GET /", 4, { fields: ["x-w: 1"] }],
      ["GET /", -1],
      ["GET /", -1, { fields: ["x-vv: 2"] }],
    ],
  },
  {
    name: "headers: several lines are one value joined by a comma; all names must hold",
    routes: [
      '{ headers = { a = { exact = "1,2" } } }',
      '{ headers = { a = { exact = "1" }, b = { exact = "2" } } }',
    ],
    rows: [
      ["GET /", 0, { fields: ["A: 1", "a: 2"] }],
      ["GET /", 0, { fields: ["A: 1,2"] }],
      ["GET /", 1, { fields: ["a: 1", "b: 2"] }],
      ["GET /", -1, { fields: ["a: 1"] }],
      ["GET /", -1, { fields: ["a: 1", "b: 3"] }],
      ["GET /", -1, { fields: ["a: 2", "a: 1"] }],
    ],
  },
  {
    name: "headers Host, Upgrade, User-Agent and Referer are seen too",
    routes: [
      '{ headers = { upgrade = { exact = "websocket" } } }',
      '{ headers = { host = { exact = "a.com" }, user-agent = { prefix = "curl/" } } }',
      '{ headers = { referer = { regex = "https://.*" } } }',
    ],
    rows: [
      ["GET /", 0, { fields: ["Connection: upgrade", "Upgrade: websocket"] }],
      ["GET /", -1, { fields: ["Upgrade: websocket"] }],
      ["GET /", 1, { fields: ["User-Agent: curl/8"] }],
      ["GET /", 2, { fields: ["Referer: https://b.com/"] }],
      ["GET /", -1, { fields: ["Referer: http://b.com/"] }],
    ],
  },
  {
    name: "without_headers: none may hold",
    routes: [
      '{ without_headers = { a = { exact = "1" }, b = { present = true } } }',
      "{ without_headers = { a = { present = true } } }",
    ],
    rows: [
      ["GET /", 0],
      ["GET /", 0, { fields: ["a: 2"] }],
      ["GET /", -1, { fields: ["a: 1"] }],
      ["GET /", 1, { fields: ["b: 1"] }],
      ["GET /", -1, { fields: ["a: 2", "b: 1"] }],
    ],
  },
  {
    name: "query: the first value, decoded",
    routes: [
      '{ query = { v = { exact = "2" } } }',
      '{ query = { v = { prefix = "b" } } }',
      '{ query = { v = { regex = "[x-z]+" } } }',
      '{ query = { "a b" = { exact = "c d" } } }',
      "{ query = { flag = { present = true } } }",
      "{ query = { v = { present = false } } }",
    ],
    rows: [
      ["GET /?v=2", 0],
      ["GET /?u=1&v=2", 0],
      ["GET /?v=%32", 0],
      ["GET /?%76=2", 0],
      ["GET /?v=2&v=b", 0],
      ["GET /?v=b2", 1],
      ["GET /?v=b&v=2", 1],
      ["GET /?v=xyz", 2],
      ["GET /?v=xya", -1],
      ["GET /?v=1&a+b=c%20d", 3],
      ["GET /?v=1&flag", 4],
      ["GET /?v=1&flag=", 4],
      ["GET /?v=1&flag=no", 4],
      ["GET /?v=1", -1],
      ["GET /?V=2", 5],
      ["GET /", 5],
      ["GET /?", 5],
      ["GET /?vv=2", 5],
      ["GET /?v=%zz", -1],
    ],
  },
  {
    name: "scheme: what the client spoke",
    routes: ['{ scheme = "https" }', '{ scheme = "http" }'],
    rows: [
      ["GET /", 1],
      ["GET /", 0, { scheme: "https" }],
    ],
  },
  {
    name: "source: any of the networks",
    routes: [
      '{ source = ["10.0.0.0/8", "2001:db8::/32"] }',
      '{ source = ["192.0.2.7"] }',
      '{ source = ["::/0"] }',
    ],
    rows: [
      ["GET /", 0, { client: "10.255.0.1" }],
      ["GET /", 0, { client: "2001:db8:1::1" }],
      ["GET /", 1, { client: "192.0.2.7" }],
      ["GET /", -1, { client: "192.0.2.8" }],
      ["GET /", -1, { client: "11.0.0.1" }],
      ["GET /", 2, { client: "2001:db9::1" }],
      ["GET /", -1, { client: "unknown" }],
    ],
  },
  {
    name: "port and gateways",
    routes: [
      "{ port = 8081 }",
      '{ gateways = ["web"], path = { segment = "/w" } }',
      '{ gateways = ["inside", "web"] }',
    ],
    rows: [
      ["GET /", 0, { port: 8081, gateway: "inside" }],
      ["GET /w", 1],
      ["GET /w", 0, { port: 8081 }],
      ["GET /", 2],
      ["GET /", -1, { gateway: "other" }],
    ],
  },
  {
    name: "all conditions of one match, any match of the list",
    routes: [
      '{ path = { segment = "/a" }, method = ["GET"], headers = { x = { exact = "1" } } }, { path = { exact = "/b" } }',
    ],
    rows: [
      ["GET /a/c", 0, { fields: ["x: 1"] }],
      ["GET /a", -1, { fields: ["x: 2"] }],
      ["POST /a", -1, { fields: ["x: 1"] }],
      ["GET /c", -1, { fields: ["x: 1"] }],
      ["POST /b", 0],
      ["GET /b/", -1],
    ],
  },
  {
    name: "file order decides, not how narrow a route is",
    routes: [
      '{ path = { prefix = "/a" } }',
      '{ path = { exact = "/a/b" } }',
      '{ path = { exact = "/c" } }',
      "",
      '{ path = { exact = "/d" } }',
    ],
    rows: [
      ["GET /a/b", 0],
      ["GET /c", 2],
      ["GET /d", 3],
      ["GET /", 3],
      ["HEAD /c", 2],
    ],
  },
  {
    name: "paths that mean something to Hono are literals",
    routes: [
      '{ path = { exact = "/a/:id" } }',
      '{ path = { exact = "/x%7By%7D*" } }',
      '{ path = { segment = "/:any" } }',
      '{ path = { prefix = "/*" } }',
    ],
    rows: [
      ["GET /a/:id", 0],
      ["GET /a/1", -1],
      ["GET /x%7By%7D*", 1],
      ["GET /xy", -1],
      ["GET /:any", 2],
      ["GET /:any/b", 2],
      ["GET /some", -1],
      ["GET /*", 3],
      ["GET /*x", 3],
      ["GET /x", -1],
    ],
  },
  {
    name: "no match takes everything, also what has no path",
    routes: [""],
    rows: [
      ["GET /", 0],
      ["BREW /pot?x", 0],
      ["OPTIONS *", 0],
    ],
  },
  {
    name: "OPTIONS * has a path of its own",
    routes: [
      '{ path = { prefix = "/" } }',
      '{ path = { segment = "/" } }',
      '{ method = ["OPTIONS"] }',
    ],
    rows: [
      ["OPTIONS *", 2],
      ["OPTIONS /", 0],
    ],
  },
];

for (const { name, routes, rows } of TABLE) {
  describe(`decide() ${name}`, () => {
    const app = buildVirtualHostApp(routesOf(routes));
    for (const [line, route, asked] of rows) {
      const said = asked === undefined ? "" : ` ${JSON.stringify(asked)}`;
      test(`${line}${said} → ${route < 0 ? "none" : route}`, () => {
        const decision = decide(app, ask(line, asked));
        assert.equal(decision?.route.name, route < 0 ? undefined : String(route));
      });
    }
  });
}

test("the table has at least 150 rows", () => {
  assert.ok(TABLE.reduce((sum, { rows }) => sum + rows.length, 0) >= 150);
});
