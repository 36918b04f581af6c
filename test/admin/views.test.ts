import assert from "node:assert/strict";
import { test } from "node:test";
import { routesView } from "../../src/admin/route-views.ts";
import { type LiveServices, servicesView } from "../../src/admin/service-views.ts";
import { listenersView, snapshotView } from "../../src/admin/views.ts";
import { actionWords, adminAddressWords, sourceWords } from "../../src/admin/words.ts";
import type { Snapshot } from "../../src/core/model.ts";
import { condition, COUNTERS, endpoint, LIVE, SNAPSHOT } from "./fixtures/snapshot.ts";

test("listenersView() names each listener's gateways, connections and what is not served and why", () => {
  const view = listenersView(SNAPSHOT, COUNTERS);
  assert.equal(view.snapshot_version, 4);
  assert.deepEqual(view.listeners, [
    {
      address: ":80",
      protocol: "http",
      gateways: [{ name: "web", hosts: ["nginx.com"], line: 3 }],
      connections_active: 2,
      connections_total: 12,
    },
    {
      address: ":443",
      protocol: "tls",
      gateways: [{ name: "tls", hosts: ["nginx.com"], line: 10 }],
      connections_active: 1,
      connections_total: 5,
    },
  ]);
  assert.deepEqual(view.unserved, [
    {
      name: "internal",
      listen: ":8080",
      protocol: "http",
      hosts: ["*"],
      reason: 'the label zone is missing here, the selector wants "b"',
      line: 20,
    },
  ]);
});

test("routesView() lists a gateway's routes in the order in which they are tried, in words", () => {
  const rows = routesView(SNAPSHOT).routes.map((route) => [
    route.gateway,
    route.hosts.join(" "),
    `${route.virtual_service}/${route.route}:${route.line}`,
    route.match,
    route.action,
    route.services,
  ]);
  assert.deepEqual(rows, [
    [
      "web",
      "nginx.com www.nginx.com",
      "nginx/old:31",
      ["path segment /old, method GET or HEAD", "path /x, gateway web"],
      "redirect 301 (scheme https, path /new)",
      [],
    ],
    [
      "web",
      "nginx.com www.nginx.com",
      "nginx/my-nginx:40",
      [],
      "forward to my-nginx",
      ["my-nginx"],
    ],
    [
      "web",
      "*.example.com",
      "wild/split:51",
      ["path prefix /, port 80"],
      "forward to my-nginx (90%), nginx.com (10%)",
      ["my-nginx", "nginx.com"],
    ],
    [
      "tls",
      "nginx.com",
      "nginx/nginx.com:61",
      ["sni nginx.com, alpn h2"],
      "forward to nginx.com",
      ["nginx.com"],
    ],
  ]);
});

test("routesView() leaves out a route that this gateway's port can never match", () => {
  const [web] = SNAPSHOT.gateways;
  assert.ok(web !== undefined);
  const moved = { ...SNAPSHOT, gateways: [{ ...web, listener: ":443" }] };
  const names = routesView(moved).routes.map(({ route }) => route);
  assert.deepEqual(names, ["old", "my-nginx"]);
});

test("servicesView() says the endpoints now and why a name has none", () => {
  const [mine, theirs] = servicesView(SNAPSHOT, LIVE).services;
  const plain = {
    state: "healthy",
    since: "2026-11-22T12:00:00.000Z",
    errors_in_a_row: 0,
    ejections: 0,
  };
  assert.deepEqual(mine?.endpoints, [
    { address: "10.0.0.11:80", weight: 1, ...plain, active: 2 },
    { address: "10.0.0.12:80", weight: 2, ...plain, active: 0 },
  ]);
  assert.equal(mine.endpoints_healthy, 2);
  assert.equal(mine.panic, false);
  assert.equal(mine.health_check, undefined);
  assert.equal(mine.outlier, undefined);
  assert.deepEqual(mine.sources, ["10.0.0.11:80", "10.0.0.12:80 (weight 2)"]);
  assert.equal(mine.upstream_connections_active, 3);
  assert.equal(mine.retries_total, 7);
  assert.deepEqual(theirs?.endpoints, []);
  assert.deepEqual(theirs.names, [
    { name: "nginx.com", kind: "name", addresses: [], error: "ENOTFOUND" },
  ]);
});

test("servicesView() says of each endpoint how it is and why, and when there is panic", () => {
  const [first, ...others] = SNAPSHOT.services;
  assert.ok(first);
  const healthCheck = {
    kind: "http",
    path: "/up",
    host: undefined,
    grpcService: "",
    intervalMs: 5000,
    timeoutMs: 2000,
    unhealthyAfter: 3,
    healthyAfter: 2,
    expect: [200],
  } as const;
  const snapshot = { ...SNAPSHOT, services: [{ ...first, healthCheck }, ...others] };
  const atMs = Date.UTC(2026, 10, 22, 13);
  const refused = { passed: false, detail: "connect refused", atMs };
  const live: LiveServices = {
    ...LIVE,
    conditions: (name) => [
      condition(
        {
          ...endpoint("10.0.0.1", 80, 1),
          dnsName: "a.b",
          zone: "eu",
          labels: { v: "1" },
          priority: 2,
        },
        {
          state: "unhealthy",
          because: "connect refused",
          check: { healthy: false, against: 0, last: refused },
          ejections: name === "my-nginx" ? 3 : 0,
          ejectedUntilMs: atMs + 1000,
          errorsInARow: 4,
        },
      ),
    ],
    absentOuts: () => ["10.0.0.9:80"],
  };
  const [mine] = servicesView(snapshot, live).services;
  assert.deepEqual(mine?.endpoints, [
    {
      address: "10.0.0.1:80",
      dns_name: "a.b",
      weight: 1,
      labels: { v: "1" },
      zone: "eu",
      priority: 2,
      state: "unhealthy",
      since: "2026-11-22T12:00:00.000Z",
      because: "connect refused",
      check: { passed: false, detail: "connect refused", at: "2026-11-22T13:00:00.000Z" },
      errors_in_a_row: 4,
      ejections: 3,
      ejected_until: "2026-11-22T13:00:01.000Z",
      active: 0,
    },
  ]);
  assert.equal(mine.endpoints_healthy, 0);
  assert.equal(mine.panic, true);
  assert.deepEqual(mine.health_check, {
    kind: "http",
    path: "/up",
    expect: [200],
    interval_ms: 5000,
    timeout_ms: 2000,
    unhealthy: 3,
    healthy: 2,
  });
  const policy = { errors: 5, intervalMs: 10_000, ejectionMs: 30_000, percentMax: 10 };
  const [ejecting] = snapshotView({
    ...SNAPSHOT,
    services: [
      { ...first, outlier: policy, healthCheck: { ...healthCheck, kind: "grpc" } },
      ...others,
    ],
  }).services;
  assert.deepEqual(ejecting?.outlier, {
    errors: 5,
    interval_ms: 10_000,
    ejection_ms: 30_000,
    max_percent: 10,
  });
  assert.equal(ejecting.health_check?.grpc, "");
  assert.equal(ejecting.health_check.path, undefined);
  assert.deepEqual(mine.out_elsewhere, ["10.0.0.9:80"]);
});

test("servicesView() says when a name was resolved and for how long that holds", () => {
  const resolvedAt = Date.UTC(2026, 10, 22);
  const addresses = ["10.0.0.1"];
  const nextAt = resolvedAt + 59_900;
  const names = () => [
    { host: "a", addresses, resolvedAt, ttlMs: 59_900, nextAt, error: undefined },
  ];
  const [service] = servicesView(SNAPSHOT, { ...LIVE, names }).services;
  assert.deepEqual(service?.names, [
    {
      name: "a",
      kind: "name",
      addresses,
      resolved_at: "2026-11-22T00:00:00.000Z",
      ttl_seconds: 60,
      next_at: "2026-11-22T00:00:59.900Z",
    },
  ]);
});

test("snapshotView() survives JSON unchanged and shows only what it names, no slots", () => {
  const later: Snapshot & { privateKey: string } = { ...SNAPSHOT, privateKey: "secret" };
  const view = snapshotView(later);
  const json = JSON.stringify(view);
  assert.deepEqual(JSON.parse(json), view);
  assert.ok(!json.includes("secret"));
  assert.ok(!json.toLowerCase().includes("slot"));
  assert.equal(view.settings.admin, "127.0.0.1:9901");
  assert.equal(view.routes.length, 4);
});

test("snapshotView() says of http gateways whom they trust, and of limits those that are not off", () => {
  const [web, tls] = SNAPSHOT.gateways;
  const [listener, ...others] = SNAPSHOT.listeners;
  assert.ok(web && tls && listener);
  const limits = { ...listener.limits, bodyBytesMax: 5, requestsPerConnectionMax: 6 };
  const trusting = { ...web, trustedProxies: ["10.0.0.0/8"], via: true };
  const view = snapshotView({
    ...SNAPSHOT,
    gateways: [trusting, tls],
    listeners: [{ ...listener, limits }, ...others],
  });
  const [http, passed] = view.listeners;
  assert.deepEqual(http?.gateways, [
    {
      name: "web",
      hosts: ["nginx.com"],
      line: 3,
      trusted_proxies: ["10.0.0.0/8"],
      forwarded: false,
      via: true,
    },
  ]);
  assert.deepEqual(passed?.gateways, [{ name: "tls", hosts: ["nginx.com"], line: 10 }]);
  assert.deepEqual(http.limits, {
    hello_bytes: 65_536,
    connections: 20_000,
    header_bytes: 32_768,
    header_count: 100,
    body_bytes: 5,
    requests_per_connection: 6,
  });
  assert.deepEqual(Object.keys(passed.limits), [
    "connections",
    "hello_bytes",
    "header_bytes",
    "header_count",
  ]);
});

test("actionWords() names the upgrades of a forward where they are not the default", () => {
  assert.equal(forward(["websocket"]), "forward to ");
  assert.equal(forward([]), "forward to , no upgrade");
  assert.equal(forward(["websocket", "irc/6.9"]), "forward to , upgrade to websocket or irc/6.9");
});

test("adminAddressWords() writes addresses as the configuration does", () => {
  assert.equal(adminAddressWords({ kind: "off" }), "off");
  assert.equal(adminAddressWords({ kind: "unix", path: "/run/x" }), "unix:/run/x");
  assert.equal(adminAddressWords({ kind: "tcp", host: "::1", port: 1 }), "[::1]:1");
});

test("sourceWords() names the weight only where it is not 1", () => {
  assert.equal(sourceWords({ kind: "name", host: "a", port: 1, weight: 1 }), "dns a:1");
  assert.equal(sourceWords({ kind: "name", host: "a", port: 1, weight: 5 }), "dns a:1 (weight 5)");
  assert.equal(sourceWords({ kind: "address", endpoint: endpoint("1.2.3.4", 5, 1) }), "1.2.3.4:5");
});

function forward(upgrade: readonly string[]): string {
  return actionWords({ kind: "forward", destinations: [], upgrade }, []);
}

test("actionWords() tells what a route does besides forwarding", () => {
  const [service] = SNAPSHOT.services;
  const route = SNAPSHOT.virtualHosts[0]?.routes[2];
  assert.ok(service !== undefined && route?.action.kind === "forward");
  const retry = { attempts: 3, perTryTimeoutMs: undefined, on: [], statuses: [] };
  const words = actionWords(
    {
      ...route.action,
      rewrite: { path: "/v2", host: "in.side" },
      timeoutMs: 1500,
      retry,
      mirror: { service: 1, percent: 10 },
    },
    SNAPSHOT.services,
  );
  assert.equal(
    words,
    "forward to my-nginx, path to /v2, host to in.side, timeout 1500 ms, 3 retries, 10% copied to nginx.com",
  );
});
