import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HttpRequestFacts } from "../../src/core/match/http-route.ts";
import type { HttpMatch, VirtualHost } from "../../src/core/model.ts";
import { buildVirtualHostApp, decide } from "../../src/routing/virtual-host.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { on, request, virtualHost } from "./fixtures.ts";

/** Names of the routes that take each request. */
function routesOf(host: VirtualHost, lines: readonly string[]): readonly (string | undefined)[] {
  const app = buildVirtualHostApp(host);
  return lines.map((line) => decide(app, request(line))?.route.name);
}

describe("decide()", () => {
  test("takes the first route in file order, however wide", () => {
    const host = virtualHost(
      [on("exact /a/b")],
      [on("prefix /a"), on("segment /z")],
      [on("segment /a/b")],
      [on("exact /y")],
      [],
      [on("exact /never")],
    );
    assert.deepEqual(
      routesOf(host, ["GET /a/b", "GET /a/b/c", "GET /ab", "GET /z", "GET /y", "GET /never"]),
      ["0", "1", "1", "1", "3", "4"],
    );
  });

  test("names the route and the match that held", () => {
    const host = virtualHost([on("exact /a"), on("exact /b")], []);
    const app = buildVirtualHostApp(host);
    const decision = decide(app, request("GET /b"));
    assert.equal(decision?.route, host.routes[0]);
    assert.equal(decision?.match, host.routes[0]?.matches[1]);
    assert.deepEqual(decide(app, request("GET /c")), { route: host.routes[1], match: undefined });
  });

  test("gives undefined for a miss, and for a virtual host without routes", () => {
    assert.deepEqual(routesOf(virtualHost([on("exact /a")]), ["GET /b", "GET /", "OPTIONS *"]), [
      undefined,
      undefined,
      undefined,
    ]);
    assert.deepEqual(routesOf(virtualHost(), ["GET /"]), [undefined]);
  });

  test("tells methods apart: HEAD is not GET, and an unknown one is any other", () => {
    const host = virtualHost(
      [on("exact /a", { methods: ["GET", "M-SEARCH"] })],
      [on("exact /a", { methods: ["HEAD"] })],
      [on("segment /a")],
    );
    const lines = ["GET /a", "HEAD /a", "M-SEARCH /a", "POST /a", "BREW /a", "get /a", "ALL /a"];
    assert.deepEqual(routesOf(host, lines), ["0", "1", "0", "2", "2", "2", "2"]);
    const names = ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"];
    for (const method of names) assert.deepEqual(routesOf(host, [`${method} /a`]), ["2"], method);
    // Hono's other routers look methods up in plain objects.
    assert.equal(buildVirtualHostApp(host).router.name, "RegExpRouter");
    const narrow = virtualHost([on("exact /a", { methods: ["GET"] })]);
    for (const method of [...names, "ALL", "HEAD", "g"]) {
      assert.deepEqual(routesOf(narrow, [`${method} /a`]), [undefined], method);
    }
  });

  test("tests gateway and port", () => {
    const host = virtualHost([on("exact /a", { gateways: ["one"], port: 81 })], [{ port: 80 }]);
    const app = buildVirtualHostApp(host);
    const name = (more: Partial<HttpRequestFacts>): string | undefined =>
      decide(app, request("GET /a", more))?.route.name;
    assert.equal(name({ gateway: "one", port: 81 }), "0");
    assert.equal(name({ gateway: "one", port: 80 }), "1");
    assert.equal(name({ gateway: "two", port: 81 }), undefined);
  });

  /** Paths that mean something to Hono, or to objects; here they mean themselves. */
  const LITERALS = [
    "/a/:id",
    "/:a",
    "/:a?",
    "/a?",
    "/a*",
    "/*",
    "/a/*",
    "/x{y}*",
    "/:x{[0-9]+}",
    "/{y}",
    "/a.c",
    "/a+",
    "/(a)",
    "/[a]",
    "/a|b",
    "/^a$",
    "/a$",
    "/@1",
    "/#0",
    "//",
    "//a",
    "/a//b",
    "/a/",
    "/%2F",
    "/a%20b",
    "/a\\b",
    "/constructor",
    "/__proto__",
    "/a/constructor",
    "/toString/",
    "/-._~",
    "*",
  ];
  for (const path of LITERALS) {
    test(`takes ${path} literally`, () => {
      const others = ["/a", "/a/1", "/ab", "/abc", "/", "/x", "/b", "/aa", `${path}x`, `/x${path}`];
      const lines = [path, `${path}/`, ...others.filter((other) => other !== path)];
      for (const kind of ["exact", "prefix", "segment"]) {
        const host = virtualHost([on(`${kind} ${path}`)]);
        const expected = lines.map((line) => bruteForce(host, request(`GET ${line}`)));
        assert.equal(expected[0], "0");
        assert.deepEqual(
          routesOf(
            host,
            lines.map((line) => `GET ${line}`),
          ),
          expected,
          kind,
        );
      }
    });
  }

  test("keeps the order among 200 candidates", () => {
    const kinds = ["prefix /a", "segment /a", "exact /a/b", "prefix /a/b", "segment /a/b"];
    for (let first = 0; first < 200; first += 20) {
      // All 200 take the path; only the method says which may.
      const routes = Array.from({ length: 200 }, (_, i) => [
        on(kinds[i % kinds.length] ?? "", i < first ? { methods: ["POST"] } : {}),
      ]);
      assert.deepEqual(routesOf(virtualHost(...routes), ["GET /a/b", "POST /a/b"]), [
        String(first),
        "0",
      ]);
    }
  });

  test("keeps the order beyond the patterns that the router gets", () => {
    const routes = Array.from({ length: 1200 }, (_, i) => [on(`segment /s${i % 1100}`)]);
    const lines = ["GET /s0", "GET /s499/x", "GET /s500", "GET /s501/", "GET /s1099", "GET /s1100"];
    assert.deepEqual(routesOf(virtualHost(...routes, [on("prefix /s")]), lines), [
      "0",
      "499",
      "500",
      "501",
      "1099",
      "1200",
    ]);
  });

  test("equals a walk over the routes, for 1,000 random virtual hosts and 20 requests each", () => {
    const random = seededRandom(99);
    const seen = { hits: 0, misses: 0 };
    for (let i = 0; i < 1000; i += 1) {
      const host = virtualHost(
        ...Array.from({ length: random(12) }, () =>
          Array.from({ length: random(4) }, () => randomMatch(random)),
        ),
      );
      const app = buildVirtualHostApp(host);
      for (let j = 0; j < 20; j += 1) {
        const facts = randomRequest(random);
        const expected = bruteForce(host, facts);
        const hint = JSON.stringify([host.routes.map(({ matches }) => matches), facts]);
        assert.equal(decide(app, facts)?.route.name, expected, hint);
        seen[expected === undefined ? "misses" : "hits"] += 1;
      }
    }
    assert.ok(seen.hits > 2000 && seen.misses > 2000, JSON.stringify(seen));
  });
});

/** The meaning of routes written a second time, without the code under test. */
function bruteForce(host: VirtualHost, facts: HttpRequestFacts): string | undefined {
  return host.routes.find(
    ({ matches }) => matches.length === 0 || matches.some((match) => holds(match, facts)),
  )?.name;
}

function holds({ path, methods, gateways, port }: HttpMatch, facts: HttpRequestFacts): boolean {
  if (methods !== undefined && !methods.some((method) => method === facts.head.method))
    return false;
  if (gateways !== undefined && !gateways.some((gateway) => gateway === facts.gateway))
    return false;
  if (port !== undefined && port !== facts.port) return false;
  if (path === undefined) return true;
  if (path.kind === "exact") return facts.head.path === path.value;
  if (path.kind === "prefix") return facts.head.path.slice(0, path.value.length) === path.value;
  const base = path.value.endsWith("/") ? path.value : `${path.value}/`;
  return (
    `${facts.head.path}/`.startsWith(base) &&
    (facts.head.path.startsWith(base) || facts.head.path === path.value)
  );
}

type Random = ReturnType<typeof seededRandom>;

const SEGMENTS = ["a", "b", "ab", "a.b", "a-b", ":id", "*", "a*", "{x}", "", "%2F", "__proto__"];
const METHODS = ["GET", "HEAD", "POST", "BREW", "constructor", "ALL"];

function randomPath(random: Random): string {
  const plain = random(3) > 0;
  const count = plain ? 5 : SEGMENTS.length;
  return `/${Array.from({ length: random(4) }, () => SEGMENTS[random(count)]).join("/")}`;
}

function randomMatch(random: Random): HttpMatch {
  const kind = ["exact", "prefix", "segment"][random(3)] ?? "exact";
  const methods = METHODS.slice(random(3), 3 + random(2));
  return {
    ...(random(8) === 0 ? {} : on(`${kind} ${randomPath(random)}`)),
    ...(random(3) === 0 ? { methods } : {}),
    ...(random(5) === 0 ? { gateways: ["web", "x"].slice(random(2)) } : {}),
    ...(random(5) === 0 ? { port: 80 + random(2) } : {}),
  };
}

function randomRequest(random: Random): HttpRequestFacts {
  const method = METHODS[random(METHODS.length)] ?? "GET";
  const port = 80 + random(2);
  return request(`${method} ${randomPath(random)}`, {
    gateway: ["web", "y"][random(2)] ?? "",
    port,
  });
}
