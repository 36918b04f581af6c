/** `explain` of TLS and TCP connections: what it says, and that the data plane does the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Listener, Snapshot } from "../../src/core/model.ts";
import type { ExplainView } from "../../src/core/views.ts";
import type { ProxyContext } from "../../src/proxy/context.ts";
import { routeTcp } from "../../src/proxy/route-tcp.ts";
import { routeTls } from "../../src/proxy/route-tls.ts";
import type { RoutedStream, UnroutedStream } from "../../src/proxy/routed-stream.ts";
import { readQuestion } from "../../src/routing/explain-question.ts";
import { explain } from "../../src/routing/explain.ts";
import { compile } from "../config/check-text.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";

const FILE = `[[gateway]]
name = "ssh"
listen = "10.0.0.9:22"
protocol = "tcp"
[[gateway]]
name = "every"
listen = ":25"
protocol = "tcp"
[[gateway]]
name = "every-v4"
listen = "0.0.0.0:26"
protocol = "tcp"
[[gateway]]
name = "inside"
listen = "10.0.0.1:22"
protocol = "tcp"
[[gateway]]
name = "db"
listen = "10.0.0.1:5432"
protocol = "tcp"
[[gateway]]
name = "tls"
listen = ":443"
protocol = "tls"
hosts = ["a.com"]
no_sni = "s"
[[gateway]]
name = "strict"
listen = ":444"
protocol = "tls"
hosts = ["a.com"]
[[virtual_service]]
name = "near"
hosts = ["a.com"]
gateways = ["ssh", "inside", "strict"]
[[virtual_service.tcp]]
match = [{ source = ["10.0.0.0/8"] }, { port = 23 }]
route = "s"
[[virtual_service.tls]]
route = "s"
[[virtual_service]]
name = "far"
hosts = ["b.com"]
gateways = ["ssh"]
[[virtual_service.tcp]]
match = [{ source = ["192.0.2.0/24"] }]
route = [{ to = "s", weight = 3 }, { to = "t" }]
[[virtual_service]]
name = "tls"
hosts = ["a.com"]
gateways = ["tls"]
[[virtual_service.tls]]
route = "s"
[service.s]
endpoints = ["10.1.0.1:22"]
[service.t]
endpoints = ["10.1.0.2:22"]
`;

function ask(snapshot: Snapshot, url: string, source = ""): ExplainView {
  const question = readQuestion({ url, method: "GET", headers: [], alpn: [], source });
  assert.ok(question.ok, JSON.stringify(question));
  return explain(snapshot, question.value);
}

test("explain() of tcp names the route that takes it, and why those before did not", () => {
  const view = ask(compile(FILE), "tcp://10.0.0.9:22");
  assert.equal(view.asked, "tcp://10.0.0.9:22");
  assert.equal(view.taken, true);
  assert.equal(view.listener, "10.0.0.9:22");
  assert.deepEqual([view.gateway?.name, view.virtual_service?.name], ["ssh", "far"]);
  assert.deepEqual(view.route, { name: "far/tcp[0]", line: 45 });
  assert.deepEqual(
    view.services.map(({ name, percent, endpoints }) => [name, percent, endpoints[0]?.address]),
    [
      ["s", 75, "10.1.0.1:22"],
      ["t", 25, "10.1.0.2:22"],
    ],
  );
  assert.deepEqual(view.candidates, [
    {
      kind: "route",
      name: "near/tcp[0]",
      line: 36,
      because: ["source is in 10.0.0.0/8; found 192.0.2.1", "port is 23; found 22"],
    },
  ]);
});

test("explain() of tcp chooses the listener by the address, as the kernel does", () => {
  const snapshot = compile(FILE);
  const rows: readonly [url: string, listener: string | undefined][] = [
    ["tcp://10.0.0.1:22", "10.0.0.1:22"],
    ["tcp://[::ffff:10.0.0.1]:22", "10.0.0.1:22"],
    ["tcp://10.0.0.9:22", "10.0.0.9:22"],
    ["tcp://[2001:db8::1]:22", undefined],
    ["tcp://:25", ":25"],
    ["tcp://10.0.0.2:25", ":25"],
    ["tcp://[2001:db8::1]:25", ":25"],
    ["tcp://10.0.0.2:26", "0.0.0.0:26"],
    ["tcp://[2001:db8::1]:26", undefined],
    ["tcp://:5432", "10.0.0.1:5432"],
    ["tcp://10.0.0.1:5432", "10.0.0.1:5432"],
    ["tcp://10.0.0.2:5432", undefined],
    ["tcp://:443", undefined],
    ["tcp://:22", undefined],
  ];
  for (const [url, listener] of rows) {
    const view = ask(snapshot, url, "10.9.9.9");
    assert.equal(view.listener, listener, url);
    if (listener === undefined) assert.equal(view.taken, false);
  }
  assert.match(ask(snapshot, "tcp://:22").refusal ?? "", /several listeners have port 22/);
  const { refusal, candidates } = ask(snapshot, "tcp://10.0.0.2:5432");
  assert.equal(refusal, "nothing listens for tcp on 10.0.0.2, port 5432");
  const db = candidates.find(({ name }) => name === "10.0.0.1:5432");
  assert.deepEqual(db?.because, ["address is 10.0.0.1; found 10.0.0.2"]);
  const tls = ask(snapshot, "tcp://:443").candidates.find(({ name }) => name === ":443");
  assert.deepEqual(tls?.because, ["protocol is tcp; found tls"]);
});

test("explain() of tcp says when no route takes it, or there is none", () => {
  const snapshot = compile(FILE);
  const none = ask(snapshot, "tcp://10.0.0.1:22");
  assert.deepEqual(
    [none.taken, none.refusal, none.failure, none.candidates.length],
    [false, "no route takes it", "no-route", 1],
  );
  const empty = ask(snapshot, "tcp://:5432");
  assert.equal(empty.refusal, 'no virtual service of gateway "db" has tcp routes');
  assert.equal(empty.failure, "no-route");
});

test("explain() of a hello without a server name follows no_sni", () => {
  const snapshot = compile(FILE);
  for (const url of ["tls://:443", "tls://10.0.0.1", "https://[2001:db8::1]/"]) {
    const view = ask(snapshot, url);
    assert.match(view.asked, /, without a server name$/);
    assert.deepEqual(
      [view.taken, view.gateway?.name, view.action, view.services[0]?.name],
      [true, "tls", "forward by no_sni", "s"],
    );
    assert.equal(view.route, undefined);
  }
  const strict = ask(snapshot, "tls://:444");
  assert.deepEqual([strict.taken, strict.failure], [false, "missing-server-name"]);
});

test("readQuestion() refuses what is no such connection", () => {
  const rows: readonly [url: string, error: RegExp][] = [
    ["tcp://db.example.com:22", /a tcp connection has no name/],
    ["tcp://10.0.0.1", /needs a port/],
    ["tcp://", /expected a URL/],
    ["tcp://:99999", /expected a URL/],
    ["http://:80/", /expected a URL/],
    ["tls://", /expected a URL/],
  ];
  for (const [url, error] of rows) {
    const question = readQuestion({ url, method: "GET", headers: [], alpn: [], source: "" });
    assert.ok(!question.ok, url);
    assert.match(question.error, error);
  }
});

type Pick = <T>(items: readonly T[]) => T;

const CONFIGURATIONS = 150;
const QUESTIONS = 40;
const SOURCES = ["192.0.2.1", "10.1.2.3", "2001:db8::1"];
const NAMES = ["a.com", "b.a.com", "c.com", ""];

test("explain() and the data plane agree on 6,000 random connections", () => {
  const random = seededRandom(4);
  const pick: Pick = (items) => items[random(items.length)] as never;
  const seen = { taken: 0, refused: 0 };
  for (let i = 0; i < CONFIGURATIONS; i += 1) {
    const snapshot = compile(randomConfiguration(pick));
    const context = contextOf(snapshot);
    for (let j = 0; j < QUESTIONS; j += 1) {
      const source = pick(SOURCES);
      const name = pick(NAMES);
      const [url, port] = pick([
        [`tls://${name}:443`, 443],
        ["tcp://:22", 22],
      ] as const);
      const view = ask(snapshot, url, source);
      const listener = snapshot.listeners.find(({ address }) => address.port === port);
      assert.ok(listener);
      const serverName = name === "" ? undefined : name;
      const routed =
        port === 22
          ? routeTcp(context, listener, source)
          : routeTls(context, listener, { serverName, alpn: [], ech: false, source });
      const label = JSON.stringify({ url, source, view });
      seen[view.taken ? "taken" : "refused"] += 1;
      assertSame(view, routed, { snapshot, listener, label });
    }
  }
  assert.ok(seen.taken > 1000 && seen.refused > 1000, JSON.stringify(seen));
});

function assertSame(
  view: ExplainView,
  routed: RoutedStream | UnroutedStream,
  { snapshot, listener, label }: { snapshot: Snapshot; listener: Listener; label: string },
): void {
  assert.equal(view.listener, listener.id, label);
  assert.equal(view.gateway?.name, routed.gateway?.name, label);
  assert.equal(view.taken, routed.kind === "routed", label);
  if (routed.kind === "failure") return assert.equal(view.failure, routed.failure.kind, label);
  const [first] = view.services;
  assert.equal(first?.name, snapshot.services[routed.destination.service]?.name, label);
}

/** Each route has a service of its own, so that the service says which route it was. */
function randomConfiguration(pick: Pick): string {
  const count = { services: 0 };
  const service = (): string => {
    count.services += 1;
    return `s${count.services}`;
  };
  const route = (kind: string): string => {
    const conditions = pick([
      "",
      'source = ["10.0.0.0/8"]',
      'source = ["2001:db8::/32"], port = 22',
      "port = 443",
      `gateways = ["${kind}"]`,
    ]);
    const match = conditions === "" ? "" : `match = [{ ${conditions} }]\n`;
    return `[[virtual_service.${kind}]]\n${match}route = "${service()}"\n`;
  };
  const hosts = ["a.com", "*.a.com", "c.com"].filter(() => pick([true, true, false]));
  const services = hosts.map((host) => {
    const kinds = pick([["tls"], ["tcp"], ["tcp", "tls"], ["tls", "tls"]]);
    return `[[virtual_service]]\nhosts = ["${host}"]\n${kinds.map(route).join("")}`;
  });
  const noSni = pick([true, false]) ? `no_sni = "${service()}"\n` : "";
  const gateways = `[[gateway]]\nname = "tcp"\nlisten = ":22"\nprotocol = "tcp"
[[gateway]]\nname = "tls"\nlisten = ":443"\nprotocol = "tls"\nhosts = ["*"]\n${noSni}`;
  const endpoints = Array.from(
    { length: count.services },
    (_, i) => `[service.s${i + 1}]\nendpoints = ["10.0.0.${i + 1}:1"]\n`,
  );
  return [gateways, ...services, ...endpoints].join("\n");
}

function contextOf(snapshot: Snapshot): ProxyContext {
  const services = snapshot.services.map((service) => ({ service }));
  const runtime = { snapshot, services };
  return { runtime: () => runtime, random: () => 0 } as unknown as ProxyContext;
}
