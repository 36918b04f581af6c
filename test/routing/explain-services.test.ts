/** Where an explanation says that requests go: services, subsets, endpoints, weights and health. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseRequestHead } from "../../src/core/http1/request-head.ts";
import type { Snapshot } from "../../src/core/model.ts";
import type { Endpoint, HealthTables } from "../../src/core/service.ts";
import type { ProxyContext } from "../../src/proxy/context.ts";
import { routeRequest } from "../../src/proxy/route-request.ts";
import { explain } from "../../src/routing/explain.ts";
import { readQuestion } from "../../src/routing/explain-question.ts";
import type { LiveEndpoints } from "../../src/routing/explain-services.ts";
import { VirtualHostApps } from "../../src/routing/virtual-host-apps.ts";
import { compile, file } from "../config/check-text.ts";

const SERVICE = `endpoints = [
  { address = "10.0.0.1:80", weight = 3, labels = { version = "v1", zone = "a" } },
  { address = "app.example.com:80", labels = { version = "v1" } },
  { address = "10.0.0.2:80", labels = { version = "v2" } },
  { address = "10.0.0.3:80", zone = "eu", backup = true },
]
subsets = { v1 = { version = "v1" }, near = { version = "v1", zone = "a" }, v3 = { version = "v3" }, all = {} }`;

/** What is said of the services of a route. */
function services(route: string, live?: LiveEndpoints) {
  const snapshot = compile(file({ service: SERVICE, http: `route = ${route}` }));
  const question = readQuestion({
    url: "http://a.com:8080/",
    method: "GET",
    headers: [],
    alpn: [],
    source: "",
  });
  assert.ok(question.ok);
  return explain(snapshot, question.value, live).services;
}

function endpoint(host: string, labels?: Readonly<Record<string, string>>): Endpoint {
  return {
    host,
    port: 80,
    weight: 1,
    name: `${host}:80`,
    ...(labels === undefined ? {} : { labels }),
  };
}

describe("explain() without a running box", () => {
  test("shows all endpoints of the file where no subset is named", () => {
    const [service] = services('"s"');
    assert.equal(service !== undefined && "subset" in service, false);
    assert.deepEqual(service?.endpoints, [
      { address: "10.0.0.1:80", weight: 3 },
      { address: "dns app.example.com:80", weight: 1 },
      { address: "10.0.0.2:80", weight: 1 },
      { address: "10.0.0.3:80", weight: 1, zone: "eu", priority: 65_536 },
    ]);
  });

  test("shows each destination with its subset, its share and the endpoints in it", () => {
    const shown = services(
      '[{ to = "s", subset = "v1", weight = 8 }, { to = "s", subset = "near" }, { to = "s", subset = "all" }, { to = "s", subset = "v3", weight = 0 }]',
    );
    assert.deepEqual(
      shown.map(({ name, line, subset, percent, endpoints }) => [
        `${name}:${line} ${subset} ${percent}%`,
        endpoints.map(({ address }) => address).join(" "),
      ]),
      [
        ["s:21 v1 80%", "10.0.0.1:80 dns app.example.com:80"],
        ["s:21 near 10%", "10.0.0.1:80"],
        ["s:21 all 10%", "10.0.0.1:80 dns app.example.com:80 10.0.0.2:80 10.0.0.3:80"],
        ["s:21 v3 0%", ""],
      ],
    );
  });
});

test("explain() refuses where every weight is 0, as the data plane does", () => {
  const snapshot = compile(file({ http: 'route = [{ to = "s", weight = 0 }]' }));
  const question = readQuestion({
    url: "http://a.com:8080/",
    method: "GET",
    headers: [],
    alpn: [],
    source: "",
  });
  assert.ok(question.ok);
  const { taken, failure, services: shown } = explain(snapshot, question.value);
  assert.deepEqual([taken, failure, shown[0]?.percent], [false, "no-endpoint", 0]);
  assert.deepEqual(routed(snapshot), ["failure", "no-endpoint"]);
  assert.deepEqual(routed(compile(file())), ["routed", ""]);
});

/** What the data plane makes of the same request. */
function routed(snapshot: Snapshot): readonly string[] {
  const [listener] = snapshot.listeners;
  const parsed = parseRequestHead("GET / HTTP/1.1\r\nHost: a.com\r\n\r\n", 10);
  assert.ok(listener && parsed.ok);
  const apps = new VirtualHostApps(snapshot.virtualHosts);
  const runtime = { snapshot, apps, services: [{}], trustedProxies: [] };
  const context = { runtime: () => runtime, random: () => 0 } as unknown as ProxyContext;
  const result = routeRequest(context, { listener, peer: "192.0.2.1" }, parsed.value);
  return [result.kind, result.kind === "failure" ? result.failure.kind : ""];
}

describe("explain() of a running box", () => {
  const sets = {
    s: [
      endpoint("10.0.0.1", { version: "v1" }),
      endpoint("10.0.0.9", { version: "v1" }),
      endpoint("10.0.0.3"),
    ],
  };

  test("shows the endpoints that it has now, and what it thinks of them", () => {
    const health: HealthTables = {
      s: {
        "10.0.0.9:80": { state: "unhealthy", sinceMs: 0 },
        "10.0.0.3:80": { state: "out", sinceMs: 0 },
      },
    };
    assert.deepEqual(services('"s"', { sets, health })[0]?.endpoints, [
      { address: "10.0.0.1:80", weight: 1, state: "healthy" },
      { address: "10.0.0.9:80", weight: 1, state: "unhealthy" },
      { address: "10.0.0.3:80", weight: 1, state: "out" },
    ]);
    const [subset] = services('[{ to = "s", subset = "v1" }]', { sets, health });
    assert.deepEqual(
      subset?.endpoints.map(({ address }) => address),
      ["10.0.0.1:80", "10.0.0.9:80"],
    );
  });

  test("shows what the file says of a service that it does not know", () => {
    assert.equal(services('"s"', { sets: {}, health: {} })[0]?.endpoints.length, 4);
  });
});
