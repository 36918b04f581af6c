/** `explain` and the data plane say the same, and no route is taken whose conditions do not hold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRequestHead, type RequestHead } from "../../src/core/http1/request-head.ts";
import { parseCidr } from "../../src/core/ip.ts";
import type { Gateway, HttpMatch, Snapshot, TextTest } from "../../src/core/model.ts";
import { routeRequest } from "../../src/proxy/route-request.ts";
import type { ProxyContext } from "../../src/proxy/context.ts";
import { readQuestion } from "../../src/routing/explain-question.ts";
import { explain } from "../../src/routing/explain.ts";
import { VirtualHostApps } from "../../src/routing/virtual-host-apps.ts";
import { compile } from "../config/check-text.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";

const CONFIGURATIONS = 100;
const REQUESTS = 100;

type Pick = <T>(items: readonly T[]) => T;

const PATHS = ["/", "/a", "/a/b", "/ab", "/b/c", "/A", "/a/:id", "/*", "/x.y"];
const REGEXES = ["/a.*", "/[ab]/[a-z]", "/(?:a|b)", "/x\\\\.y", ".*b"];
const METHODS = ["GET", "POST", "HEAD", "OPTIONS"];
const HOSTS = ["a.com", "b.a.com", "c.b.a.com", "d.com", "10.0.0.1"];
const PATTERNS = ["a.com", "*.a.com", "*.b.a.com", "d.com", "*"];
const VALUES = ["1", "2", "12", ""];
const FORWARDED_FOR = "10.9.9.9";
const SOURCES = ["192.0.2.1", "10.1.2.3", "2001:db8::1"];

test("explain() and routeRequest() agree on 10,000 random requests", () => {
  const random = seededRandom(5);
  const pick: Pick = (items) => items[random(items.length)] as never;
  const seen = { taken: 0, refused: 0 };
  for (let i = 0; i < CONFIGURATIONS; i += 1) {
    const snapshot = compile(randomConfiguration(pick));
    const context = contextOf(snapshot);
    for (let j = 0; j < REQUESTS; j += 1) {
      const asked = randomQuestion(pick);
      const question = readQuestion(asked);
      assert.ok(question.ok && question.value.kind === "http");
      const view = explain(snapshot, question.value);
      const listener = snapshot.listeners.find(
        ({ address }) => address.port === question.value.port,
      );
      assert.ok(listener);
      const parsed = parseRequestHead(textOf(asked), 100);
      assert.ok(parsed.ok);
      const routed = routeRequest(context, { listener, peer: asked.source }, parsed.value);
      const label = JSON.stringify({ asked, view });
      assert.equal(view.gateway?.name, routed.gateway?.name, label);
      if (routed.kind === "routed") {
        seen.taken += 1;
        assert.equal(view.route?.name, routed.decision.route.name, label);
        assert.ok(view.taken);
        const { match, route } = routed.decision;
        const place = {
          gateway: routed.gateway.name,
          port: listener.address.port,
          ...clientOf(asked, routed.gateway),
        };
        assert.ok(match === undefined || holds(match, parsed.value, place), label);
        const before = routed.virtualHost.routes.slice(0, routed.virtualHost.routes.indexOf(route));
        const missed = before.find(
          ({ matches }) =>
            matches.length === 0 || matches.some((one) => holds(one, parsed.value, place)),
        );
        assert.equal(missed?.name, undefined, label);
      } else {
        seen.refused += 1;
        assert.equal(view.taken, routed.kind === "https-redirect", label);
        if (routed.kind === "failure") assert.equal(view.failure, routed.failure.kind, label);
      }
    }
  }
  assert.ok(seen.taken > 1000 && seen.refused > 1000, JSON.stringify(seen));
});

function contextOf(snapshot: Snapshot): ProxyContext {
  const apps = new VirtualHostApps(snapshot.virtualHosts);
  const trustedProxies = snapshot.gateways.map(({ trustedProxies: networks }) =>
    networks.flatMap((network) => parseCidr(network) ?? []),
  );
  const runtime = { snapshot, apps, services: [], trustedProxies };
  return { runtime: () => runtime, random: () => 0 } as unknown as ProxyContext;
}

function randomConfiguration(pick: Pick): string {
  const gateways = [8080, 8081].map(
    (port) => `[[gateway]]
name = "g${port}"
listen = ":${port}"
protocol = "http"
https_redirect = ${pick([false, false, false, true])}
trusted_proxies = ${pick(["[]", '["192.0.2.0/24"]'])}
hosts = ${JSON.stringify([...new Set([pick(PATTERNS), pick(PATTERNS)])])}`,
  );
  const hosts = [...new Set([pick(PATTERNS), pick(PATTERNS), pick(PATTERNS)])];
  const services = hosts.map((host) => {
    const count = pick([0, 1, 2, 4, 6]);
    const routes = Array.from({ length: count + 1 }, () => randomRoute(pick));
    return `[[virtual_service]]\nhosts = ["${host}"]\n${routes.join("\n")}`;
  });
  return [...gateways, ...services].join("\n");
}

function randomRoute(pick: Pick): string {
  const matches = Array.from({ length: pick([1, 1, 2, 3]) }, () => randomMatch(pick));
  const match = pick([true, true, true, true, false]) ? `match = [${matches.join(", ")}]\n` : "";
  return `[[virtual_service.http]]\n${match}respond = { status = 200 }`;
}

function randomMatch(pick: Pick): string {
  const kind = pick(["exact", "prefix", "segment", "regex"]);
  const text = (): string =>
    pick([
      `{ exact = "${pick(VALUES)}" }`,
      `{ prefix = "${pick(VALUES)}" }`,
      '{ regex = "[0-9]" }',
      "{ present = true }",
      "{ present = false }",
    ]);
  const path = `path = { ${kind} = "${kind === "regex" ? pick(REGEXES) : pick(PATHS)}" }`;
  const conditions = [
    pick([path, path, ""]),
    kind !== "regex" ? pick([`path = { ${kind} = "${pick(PATHS)}" }, ignore_case = true`, ""]) : "",
    pick([`method = ["${pick(METHODS)}"]`, "", ""]),
    pick([`headers = { x-a = ${text()} }`, "", "", ""]),
    pick([`without_headers = { x-b = ${text()} }`, "", "", ""]),
    pick([`query = { q = ${text()} }`, "", "", ""]),
    pick(['source = ["10.0.0.0/8", "2001:db8::/32"]', "", "", ""]),
    pick(['scheme = "https"', 'scheme = "http"', "", "", "", ""]),
    pick(["port = 8081", 'gateways = ["g8080"]', "", "", "", ""]),
  ].filter((condition) => condition !== "");
  // Only one of the two conditions on paths may stand.
  const first = conditions.findIndex((condition) => condition.startsWith("path"));
  const kept = conditions.filter((condition, i) => !condition.startsWith("path") || i === first);
  return `{ ${kept.join(", ")} }`;
}

interface Asked {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly string[];
  readonly alpn: readonly string[];
  readonly source: string;
}

function randomQuestion(pick: Pick): Asked {
  const query = pick(["", "", "?q=1", "?q=12&q=2", "?q", "?r=1"]);
  const path = pick([...PATHS, "/b", "/a/b/../c", "/%61", "/a//b"]);
  const headers = [
    pick(["", `x-a: ${pick(VALUES)}`]),
    pick(["", "X-B: 1"]),
    pick(["", "", "", `X-Forwarded-For: ${FORWARDED_FOR}`]),
    pick(["", "", "", "X-Forwarded-Proto: https"]),
  ].filter((one) => one !== "");
  return {
    url: `http://${pick(HOSTS)}:${pick([8080, 8081])}${path}${query}`,
    method: pick(METHODS),
    headers,
    alpn: [],
    source: pick(SOURCES),
  };
}

function textOf({ url, method, headers }: Asked): string {
  const [, authority = "", target = ""] = /^http:\/\/([^/]+)(.*)$/.exec(url) ?? [];
  return [`${method} ${target} HTTP/1.1`, `Host: ${authority}`, ...headers, "", ""].join("\r\n");
}

interface Place {
  readonly gateway: string;
  readonly port: number;
  readonly client: string;
  readonly scheme: string;
}

/** What a trusted proxy says of the client; anybody else is the client. */
function clientOf({ source, headers }: Asked, { trustedProxies }: Gateway) {
  if (trustedProxies.length === 0 || source !== "192.0.2.1")
    return { client: source, scheme: "http" };
  const client = headers.some((line) => line.startsWith("X-Forwarded-For"))
    ? FORWARDED_FOR
    : source;
  return { client, scheme: headers.includes("X-Forwarded-Proto: https") ? "https" : "http" };
}

/** The meaning of a match, written a second time. */
function holds(match: HttpMatch, head: RequestHead, place: Place): boolean {
  const header = (name: string): string | undefined => {
    const { list } = head.section.lines;
    const at = list.findIndex((field, i) => i % 2 === 0 && field.toLowerCase() === name);
    return at < 0 ? undefined : list[at + 1];
  };
  const query = new URLSearchParams(head.query);
  return (
    (match.methods === undefined || match.methods.includes(head.method)) &&
    (match.port === undefined || match.port === place.port) &&
    (match.gateways === undefined || match.gateways.includes(place.gateway)) &&
    (match.scheme === undefined || match.scheme === place.scheme) &&
    (match.sources === undefined || place.client !== "192.0.2.1") &&
    pathHolds(match, head.path) &&
    (match.headers ?? []).every(({ name, test }) => textHolds(test, header(name))) &&
    !(match.withoutHeaders ?? []).some(({ name, test }) => textHolds(test, header(name))) &&
    (match.query ?? []).every(({ name, test }) => textHolds(test, query.get(name) ?? undefined))
  );
}

function pathHolds({ path, ignoreCase = false }: HttpMatch, asked: string): boolean {
  if (path === undefined) return true;
  if (path.kind === "regex") return textHolds({ kind: "regex", value: path.value }, asked);
  const [value, given] = ignoreCase
    ? [path.value.toLowerCase(), asked.toLowerCase()]
    : [path.value, asked];
  if (path.kind === "exact") return given === value;
  if (path.kind === "prefix") return given.slice(0, value.length) === value;
  return `${given}/`.startsWith(value === "/" ? value : `${value}/`);
}

function textHolds(wanted: TextTest, text: string | undefined): boolean {
  if (wanted.kind === "present") return (text !== undefined) === wanted.value;
  if (text === undefined) return false;
  if (wanted.kind === "exact") return text === wanted.value;
  if (wanted.kind === "prefix") return text.slice(0, wanted.value.length) === wanted.value;
  return (
    new RegExp(wanted.value).exec(text)?.[0] === text ||
    new RegExp(`^(?:${wanted.value})$`).test(text)
  );
}
