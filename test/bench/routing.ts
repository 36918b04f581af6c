/**
 * What routing costs: `node test/bench/routing.ts`. One thread, no sockets: a parsed head to a decision. Prints nanoseconds
 * a request for virtual hosts of 1 and 200 routes, for 1 and 10,000 virtual hosts, and what 10,000 hosts take to
 * compile and to keep. Run it on a machine that does nothing else; the first figure is the empty loop.
 */
import { checkConfig } from "../../src/config/check.ts";
import { parseRequestHead, type RequestHead } from "../../src/core/http1/request-head.ts";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import type { Snapshot } from "../../src/core/model.ts";
import { admitHost } from "../../src/routing/admit.ts";
import { VirtualHostApps } from "../../src/routing/virtual-host-apps.ts";
import { decide } from "../../src/routing/virtual-host.ts";

const ROUNDS = 300_000;
const GATEWAY = '[[gateway]]\nname = "web"\nlisten = ":8080"\nprotocol = "http"\n';

function compile(text: string): Snapshot {
  const { snapshot, findings } = checkConfig({
    text,
    file: "bench.toml",
    version: 1,
    now: "2026-01-01T00:00:00Z",
    layout: new MetricLayout(),
    hash: () => "",
  });
  if (snapshot === undefined) throw new Error(JSON.stringify(findings.slice(0, 3)));
  return snapshot;
}

function virtualService(host: string, routes: number): string {
  const lines = Array.from(
    { length: routes },
    (_, i) =>
      `[[virtual_service.http]]\nmatch = [{ path = { segment = "/p${i}" } }]\nroute = "s"\n`,
  );
  return `[[virtual_service]]\nhosts = ["${host}"]\n${lines.join("")}`;
}

const SERVICE = '[service.s]\nendpoints = ["10.0.0.1:80"]\n';

function headOf(host: string, path: string): RequestHead {
  const parsed = parseRequestHead(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 10);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  return parsed.value;
}

/** Nanoseconds of one step, the best of five. */
function measure(step: (i: number) => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  let kept = 0;
  for (let run = 0; run < 5; run += 1) {
    const start = process.hrtime.bigint();
    for (let i = 0; i < ROUNDS; i += 1) if (step(i) !== undefined) kept += 1;
    best = Math.min(best, Number(process.hrtime.bigint() - start) / ROUNDS);
  }
  if (kept < 0) throw new Error("never");
  return best;
}

function measureRouting(snapshot: Snapshot, heads: readonly RequestHead[]): number {
  const apps = new VirtualHostApps(snapshot.virtualHosts);
  const [listener] = snapshot.listeners;
  if (listener === undefined) throw new Error("no listener");
  return measure((i) => {
    const head = heads[i % heads.length];
    if (head === undefined) return undefined;
    const admission = admitHost(snapshot, listener, head.host);
    const app = admission?.hostIndex === undefined ? undefined : apps.get(admission.hostIndex);
    if (app === undefined) return undefined;
    return decide(app, { head, gateway: "web", port: 8080, client: "192.0.2.1", scheme: "http" });
  });
}

function say(what: string, nanoseconds: number): void {
  console.log(`${what.padEnd(64)} ${nanoseconds.toFixed(0).padStart(8)} ns`);
}

const oneHead = [headOf("h0.example.com", "/p0/x")];
say(
  "without routing (the loop)",
  measure((i) => oneHead[i % 1]),
);
for (const routes of [1, 200]) {
  const snapshot = compile(GATEWAY + virtualService("h0.example.com", routes) + SERVICE);
  say(
    `1 virtual host, ${routes} routes, the last one`,
    measureRouting(snapshot, [headOf("h0.example.com", `/p${routes - 1}/x`)]),
  );
  say(
    `1 virtual host, ${routes} routes, a miss`,
    measureRouting(snapshot, [headOf("h0.example.com", "/other")]),
  );
}

const five = compile(GATEWAY + virtualService("h0.example.com", 5) + SERVICE);
const HOSTS = 10_000;
const services = Array.from({ length: HOSTS }, (_, i) => virtualService(`h${i}.example.com`, 5));
const text = GATEWAY + services.join("") + SERVICE;
globalThis.gc?.();
const start = performance.now();
const many = compile(text);
console.log(
  `compile ${HOSTS} virtual hosts with 5 routes: ${(performance.now() - start).toFixed(0)} ms`,
);
globalThis.gc?.();
const MIB = 1024 * 1024;
const before = process.memoryUsage().heapUsed;
const copy = structuredClone(many);
globalThis.gc?.();
const grown = (): string => ((process.memoryUsage().heapUsed - before) / MIB).toFixed(0);
console.log(`heap of the snapshot in a worker: +${grown()} MiB`);
say(
  "1 virtual host, 5 routes, the last one",
  measureRouting(five, [headOf("h0.example.com", "/p4/x")]),
);
say(
  "10,000 virtual hosts, one of them asked",
  measureRouting(copy, [headOf("h77.example.com", "/p4/x")]),
);
const hot = Array.from({ length: 1000 }, (_, i) => headOf(`h${i * 7}.example.com`, "/p4/x"));
say("10,000 virtual hosts, 1,000 of them asked in turn", measureRouting(copy, hot));
