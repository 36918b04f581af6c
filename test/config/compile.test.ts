import assert from "node:assert/strict";
import { test } from "node:test";
import { matchHost } from "../../src/core/match/host-table.ts";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import { check, compile, file } from "./check-text.ts";

const SEED = `[[gateway]]
name = "web"
listen = ":80"
protocol = "http"
hosts = ["nginx.com"]

[[gateway]]
name = "tls"
listen = ":443"
protocol = "tls"
tls.mode = "passthrough"
hosts = ["nginx.com"]

[[virtual_service]]
hosts = ["nginx.com"]
gateways = ["web", "tls"]

[[virtual_service.http]]
route = "my-nginx"

[[virtual_service.tls]]
match = [{ sni = ["nginx.com"] }]
route = "nginx.com"

[service.my-nginx]
endpoints = ["10.0.0.11:80", "10.0.0.12:80"]

[service."nginx.com"]
dns = "nginx.com:443"
`;

test("compileSnapshot() turns the seed into two listeners, two gateways and a route each", () => {
  const snapshot = compile(SEED);
  assert.deepEqual(
    snapshot.listeners.map(({ id, address, protocol }) => [id, address, protocol]),
    [
      [":80", { host: undefined, port: 80 }, "http"],
      [":443", { host: undefined, port: 443 }, "tls"],
    ],
  );
  assert.deepEqual(snapshot.listeners[0]?.limits, {
    helloBytesMax: 65_536,
    connectionsMax: 20_000,
    connectionsPerIpMax: undefined,
    headerBytesMax: 32_768,
    headerCountMax: 100,
    bodyBytesMax: undefined,
    requestsPerConnectionMax: undefined,
  });
  assert.deepEqual(snapshot.listeners[0]?.timeouts, {
    helloMs: 10_000,
    headerMs: 10_000,
    bodyIdleMs: 60_000,
    keepAliveMs: 75_000,
    tunnelIdleMs: 3_600_000,
  });
  assert.deepEqual(
    snapshot.gateways.map(({ name, listener, origin }) => [name, listener, origin]),
    [
      ["web", ":80", { line: 1, column: 1 }],
      ["tls", ":443", { line: 7, column: 1 }],
    ],
  );
  const [web, tls] = snapshot.gateways;
  assert.ok(web && tls);
  assert.deepEqual([...web.virtualHosts.exact], [["nginx.com", 0]]);
  assert.deepEqual([web.tlsChains.exact.size, tls.virtualHosts.exact.size], [0, 0]);
  assert.deepEqual([...tls.tlsChains.exact], [["nginx.com", 0]]);
  const [host] = snapshot.virtualHosts;
  assert.deepEqual(host?.routes[0]?.name, "nginx.com/http[0]");
  assert.deepEqual(host?.routes[0]?.matches, []);
  assert.deepEqual(host?.routes[0]?.origin, { line: 18, column: 1 });
  assert.equal(host?.routes[0]?.action.kind, "forward");
  const [chain] = snapshot.tlsChains;
  assert.deepEqual(chain?.routes[0]?.matches, [{ sni: ["nginx.com"] }]);
  assert.deepEqual(
    chain?.routes[0]?.destinations.map(({ service }) => service),
    [1],
  );
});

test("compileSnapshot() turns the seed's services and defaults into settings", () => {
  const snapshot = compile(SEED);
  const [nginx, site] = snapshot.services;
  assert.deepEqual(nginx?.sources, [
    {
      kind: "address",
      endpoint: { host: "10.0.0.11", port: 80, weight: 1, name: "10.0.0.11:80" },
    },
    {
      kind: "address",
      endpoint: { host: "10.0.0.12", port: 80, weight: 1, name: "10.0.0.12:80" },
    },
  ]);
  assert.deepEqual(site?.sources, [{ kind: "name", host: "nginx.com", port: 443, weight: 1 }]);
  assert.deepEqual(site?.timeouts, { connectMs: 5000, responseMs: 60_000, idleMs: 60_000 });
  assert.equal(site?.balancer, "least_request");
  assert.deepEqual(snapshot.admin, { kind: "tcp", host: "127.0.0.1", port: 9901 });
  assert.deepEqual(snapshot.log, { level: "info", format: "json" });
  assert.deepEqual(snapshot.accessLog, {
    destination: { kind: "stdout" },
    query: false,
    ja4: false,
  });
  assert.deepEqual(snapshot.drain, { delayMs: 0, requestsMs: 30_000, tunnelsMs: 300_000 });
  assert.deepEqual([snapshot.workers, snapshot.dnsServers, snapshot.labels], [0, [], {}]);
  assert.match(snapshot.hash, /^[0-9a-f]{12}$/);
  assert.deepEqual([snapshot.source, snapshot.version], ["f", 1]);
});

test("compileSnapshot() reads every setting of the box", () => {
  const { snapshot } = check(
    file({
      box: "workers = 3",
      tail: [
        '[dns]\nservers = ["127.0.0.1", "[::1]:5353"]',
        '[admin]\nlisten = "unix:/run/x.sock"',
        '[log]\nlevel = "debug"\nformat = "text"',
        '[access_log]\npath = "/var/log/x"\nquery = true',
        '[drain]\ndelay = "250ms"\nrequests = "1m"\ntunnels = "1h"',
      ].join("\n"),
    }),
  );
  assert.equal(snapshot?.workers, 3);
  assert.deepEqual(snapshot?.dnsServers, ["127.0.0.1:53", "[::1]:5353"]);
  assert.deepEqual(snapshot?.admin, { kind: "unix", path: "/run/x.sock" });
  assert.deepEqual(snapshot?.log, { level: "debug", format: "text" });
  const destination = { kind: "file", path: "/var/log/x" };
  assert.deepEqual(snapshot?.accessLog, { destination, query: true, ja4: false });
  assert.deepEqual(snapshot?.drain, { delayMs: 250, requestsMs: 60_000, tunnelsMs: 3_600_000 });
});

test("compileSnapshot() compiles every condition and action of an HTTP route", () => {
  const snapshot = compile(
    file({
      http: [
        'match = [{ path = { exact = "/a" }, method = ["GET"], gateways = ["web"], port = 8080 }, { path = { prefix = "/p/" } }]',
        'redirect = { host = "B.com.", path = "/x", scheme = "https", port = 8443, status = 307 }',
        "[[virtual_service.http]]",
        'name = "fixed"',
        'match = [{ path = { segment = "/s/" } }]',
        'respond = { status = 200, body = "é", headers = { X-A = "1", X-B = "" } }',
        "[[virtual_service.http]]",
        'route = [{ to = "s", weight = 3 }, { to = "s" }]',
      ].join("\n"),
    }),
  );
  const [redirect, respond, forward] = snapshot.virtualHosts[0]?.routes ?? [];
  assert.deepEqual(redirect?.matches, [
    { path: { kind: "exact", value: "/a" }, methods: ["GET"], gateways: ["web"], port: 8080 },
    { path: { kind: "prefix", value: "/p/" } },
  ]);
  assert.ok(redirect?.action.kind === "redirect" && respond?.action.kind === "respond");
  const { requestSlots, ...rest } = redirect.action;
  assert.deepEqual(rest, {
    kind: "redirect",
    status: 307,
    scheme: "https",
    host: "b.com",
    port: 8443,
    path: "/x",
  });
  assert.equal(requestSlots[1], -1);
  assert.equal(respond.name, "fixed");
  assert.deepEqual(respond.matches, [{ path: { kind: "segment", value: "/s" } }]);
  assert.deepEqual([respond.action.body, respond.action.headers], ["é", ["X-A", "1", "X-B", ""]]);
  assert.ok(forward?.action.kind === "forward");
  assert.deepEqual(
    forward.action.destinations.map(({ weight }) => weight),
    [3, 1],
  );
});

test("compileSnapshot() gives a gateway its limits, its trusted networks in one spelling and its headers", () => {
  const snapshot = compile(
    file({
      web: [
        'limits = { body = "1024TiB", requests_per_connection = 7 }',
        'trusted_proxies = ["10.0.0.0/8", "192.0.2.1", "2001:DB8:0::/32", "::1"]',
        "forwarded = true",
        "via = true",
      ].join("\n"),
      tls: 'limits = { body = "off", requests_per_connection = "off" }',
    }),
  );
  const [web, tls] = snapshot.listeners;
  assert.equal(web?.limits.bodyBytesMax, 2 ** 50);
  assert.equal(web.limits.requestsPerConnectionMax, 7);
  assert.equal(tls?.limits.bodyBytesMax, undefined);
  assert.equal(tls?.limits.requestsPerConnectionMax, undefined);
  assert.deepEqual(
    snapshot.gateways.map(({ trustedProxies, forwarded, via }) => [trustedProxies, forwarded, via]),
    [
      [["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32", "::1/128"], true, true],
      [[], false, false],
    ],
  );
});

test("compileSnapshot() lets gateways on one address differ in whom they trust and what they say", () => {
  const { snapshot, lines } = check(
    file({
      web: 'trusted_proxies = ["10.0.0.0/8"]\nvia = true',
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8080'\nprotocol = 'http'\nhosts = ['b.a.com']\nforwarded = true\n[[virtual_service]]\nhosts = ['b.a.com']\nhttp = [{ route = 's' }]",
    }),
  );
  assert.deepEqual(lines, []);
  assert.deepEqual(
    snapshot?.gateways.map(({ trustedProxies, forwarded, via }) => [
      trustedProxies,
      forwarded,
      via,
    ]),
    [
      [["10.0.0.0/8"], false, true],
      [[], false, false],
      [[], true, false],
    ],
  );
});

test("compileSnapshot() lets websocket pass unless a route names other protocols or none", () => {
  const snapshot = compile(
    file({
      http: [
        'match = [{ port = 8080 }]\nroute = "s"',
        'match = [{ port = 8080 }]\nroute = "s"\nupgrade = ["WebSocket", "IRC/6.9"]',
        'route = "s"\nupgrade = []',
      ].join("\n[[virtual_service.http]]\n"),
    }),
  );
  assert.deepEqual(
    snapshot.virtualHosts[0]?.routes.map(
      ({ action }) => action.kind === "forward" && action.upgrade,
    ),
    [["websocket"], ["websocket", "irc/6.9"], []],
  );
});

test("compileSnapshot() lets the virtual service's hosts stand for a missing sni", () => {
  const snapshot = compile(
    file({
      tlsRoute:
        'match = [{ alpn = ["h2"] }, { port = 8443, gateways = ["tls"], sni = ["a.com"] }]\nroute = "s"\n[[virtual_service.tls]]\nroute = "s"',
    }),
  );
  const [first, second] = snapshot.tlsChains[0]?.routes ?? [];
  assert.deepEqual(first?.matches, [
    { sni: ["a.com"], alpn: ["h2"] },
    { sni: ["a.com"], gateways: ["tls"], port: 8443 },
  ]);
  assert.deepEqual(second?.matches, [{ sni: ["a.com"] }]);
});

test("compileSnapshot() gives endpoints their names, weights and kinds", () => {
  const snapshot = compile(
    file({
      service:
        'endpoints = ["[2001:DB8:0::1]:80", "App.Local.:81", { address = "10.0.0.1:80", weight = 7 }]',
    }),
  );
  assert.deepEqual(snapshot.services[0]?.sources, [
    {
      kind: "address",
      endpoint: { host: "2001:db8::1", port: 80, weight: 1, name: "[2001:db8::1]:80" },
    },
    { kind: "name", host: "app.local.", port: 81, weight: 1 },
    { kind: "address", endpoint: { host: "10.0.0.1", port: 80, weight: 7, name: "10.0.0.1:80" } },
  ]);
});

const WILDCARDS = `
[[gateway]]
name = "one"
listen = "127.0.0.1:80"
protocol = "http"
[[gateway]]
name = "two"
listen = "127.0.0.1:81"
protocol = "http"
[[gateway]]
name = "narrow"
listen = "127.0.0.1:81"
protocol = "http"
hosts = ["*.deep.example.com", "x.com", "[2001:DB8::1]"]
[[virtual_service]]
hosts = ["*"]
http = [{ route = "s" }]
[[virtual_service]]
hosts = ["*.example.com"]
http = [{ route = "s" }]
[[virtual_service]]
hosts = ["WWW.Example.com.", "x.com", "[2001:db8:0::1]"]
http = [{ route = "s" }]
[[virtual_service]]
hosts = ["*.deep.example.com"]
gateways = ["narrow"]
http = [{ route = "s" }]
[service.s]
endpoints = ["10.0.0.1:80"]
`;

test("compileSnapshot() builds host tables: exact, longest wildcard, any", () => {
  const { gateways, listeners } = compile(WILDCARDS);
  const [one, , narrow] = gateways;
  assert.ok(one && narrow);
  const table = narrow.virtualHosts;
  assert.equal(matchHost(table, "www.example.com"), 2);
  assert.equal(matchHost(table, "a.b.example.com"), 1);
  assert.equal(matchHost(table, "a.deep.example.com"), 3);
  assert.equal(matchHost(table, "deep.example.com"), 1);
  assert.equal(matchHost(table, "example.com"), 0);
  assert.equal(matchHost(table, "[2001:db8::1]"), 2);
  assert.equal(matchHost(one.virtualHosts, "a.deep.example.com"), 1);
  const shared = listeners.find(({ id }) => id === "127.0.0.1:81");
  assert.ok(shared);
  assert.equal(matchHost(shared.hosts, "a.deep.example.com"), 2);
  assert.equal(matchHost(shared.hosts, "other.com"), 1);
});

test("compileSnapshot() shares a table between gateways with the same virtual services, also when cloned", () => {
  const { gateways } = structuredClone(compile(WILDCARDS));
  assert.equal(gateways[0]?.virtualHosts, gateways[1]?.virtualHosts);
  assert.notEqual(gateways[0]?.virtualHosts, gateways[2]?.virtualHosts);
  assert.equal(gateways[0]?.tlsChains, gateways[2]?.tlsChains);
});

test("compileSnapshot() gives a route slots only on gateways that can reach it", () => {
  const layout = new MetricLayout();
  const { snapshot } = check(
    file({
      http: 'match = [{ gateways = ["other"] }]\nroute = "s"\n[[virtual_service.http]]\nmatch = [{ port = 8080 }]\nroute = "s"\n[[virtual_service.http]]\nroute = "s"',
      tail: [
        '[[gateway]]\nname = "other"\nlisten = ":82"\nprotocol = "http"\nhosts = ["*.com"]',
        '[[gateway]]\nname = "far"\nlisten = ":83"\nprotocol = "http"\nhosts = ["far.org"]',
        '[[virtual_service]]\nhosts = ["far.org"]\nhttp = [{ route = "s" }]',
      ].join("\n"),
    }),
    layout,
  );
  assert.ok(snapshot);
  // web, tls, other, far
  const reach = snapshot.virtualHosts[0]?.routes.map(({ action }) => {
    assert.ok(action.kind === "forward");
    const [destination] = action.destinations;
    return ["requestSlots", "durationSlots", "byteSlots", "tunnelSlots"].map((name) =>
      (destination as unknown as Record<string, number[]>)[name]?.map((slot) => slot >= 0),
    );
  });
  const [none, other] = [
    [false, false, false, false],
    [false, false, true, false],
  ];
  const [web, both] = [
    [true, false, false, false],
    [true, false, true, false],
  ];
  assert.deepEqual(reach, [
    [other, other, other, none],
    [web, web, web, none],
    [both, both, both, none],
  ]);
});

test("compileSnapshot() labels counters with gateway, virtual host, route and service", () => {
  const layout = new MetricLayout();
  const { snapshot } = check(file({ http: 'route = "s"', virtualService: 'name = "v"' }), layout);
  const labels = new Map([...layout.blocks()].map(({ slot, labels: of }) => [slot, of]));
  const action = snapshot?.virtualHosts[0]?.routes[0]?.action;
  assert.ok(snapshot && action?.kind === "forward");
  const [destination] = action.destinations;
  assert.deepEqual(labels.get(destination?.requestSlots[0] ?? -1), {
    gateway: "web",
    virtual_host: "v",
    route: "v/http[0]",
    service: "s",
  });
  const [tlsDestination] = snapshot.tlsChains[0]?.routes[0]?.destinations ?? [];
  assert.deepEqual(labels.get(tlsDestination?.tunnelSlots[1] ?? -1), {
    gateway: "tls",
    service: "s",
  });
  assert.deepEqual(labels.get(tlsDestination?.byteSlots[1] ?? -1), {
    gateway: "tls",
    service: "s",
  });
  assert.deepEqual(labels.get(snapshot.unroutedRequestSlot), {
    gateway: "",
    virtual_host: "",
    route: "",
    service: "",
  });
  assert.equal(snapshot.counterSlots, layout.size);
});

test("compileSnapshot() takes one host for two kinds and for disjoint gateways", () => {
  const text = `
[[gateway]]
name = "a"
listen = ":1"
protocol = "http"
[[gateway]]
name = "b"
listen = ":2"
protocol = "http"
[[gateway]]
name = "c"
listen = ":3"
protocol = "tls"
[[virtual_service]]
hosts = ["x.com"]
gateways = ["a"]
http = [{ route = "s" }]
[[virtual_service]]
hosts = ["x.com"]
gateways = ["b"]
http = [{ route = "s" }]
[[virtual_service]]
hosts = ["x.com"]
tls = [{ route = "s" }]
[service.s]
endpoints = ["10.0.0.1:80"]
`;
  const { gateways } = compile(text);
  assert.deepEqual(
    gateways.map((gateway) => [
      gateway.virtualHosts.exact.get("x.com"),
      gateway.tlsChains.exact.get("x.com"),
    ]),
    [
      [0, undefined],
      [1, undefined],
      [undefined, 0],
    ],
  );
});

test("compileSnapshot() keeps addresses out of the TLS tables", () => {
  const snapshot = compile(`
[[gateway]]
name = "web"
listen = ":1"
protocol = "http"
[[gateway]]
name = "tls"
listen = ":2"
protocol = "tls"
[[virtual_service]]
hosts = ["a.com", "10.0.0.9"]
http = [{ route = "s" }]
tls = [{ route = "s" }]
[service.s]
endpoints = ["10.0.0.1:80"]
`);
  assert.deepEqual(snapshot.tlsChains[0]?.hosts, ["a.com"]);
  assert.deepEqual([...(snapshot.gateways[1]?.tlsChains.exact.keys() ?? [])], ["a.com"]);
  assert.equal(snapshot.gateways[0]?.virtualHosts.exact.get("10.0.0.9"), 0);
});
