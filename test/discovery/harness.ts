import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { PLAIN_SERVICE } from "../fixtures/service.ts";
import type { Endpoint, EndpointSource, Service } from "../../src/core/service.ts";
import { parseEndpointFile } from "../../src/config/endpoint-file.ts";
import { createDiscovery, type Discovery } from "../../src/discovery/discovery.ts";
import { endpointOf } from "../../src/discovery/address-set.ts";
import { type DnsServer, startDnsServer } from "./dns-server.ts";
import { FakeClock } from "./fake-clock.ts";

const ONE_TRY = "options attempts:1\n";

export interface Harness {
  readonly dns: DnsServer;
  readonly clock: FakeClock;
  readonly discovery: Discovery;
  /** `"service: endpoint endpoint"` for each publish, in order. */
  readonly published: string[];
  readonly logged: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[];
  /** For files of endpoints; gone when the test ends. */
  readonly folder: string;
  readonly ipv6: { usable: boolean; loopback: boolean };
  writeHosts(text: string): void;
  writeResolvConf(text: string): void;
  /** Resolves when so many sets have been published in all. */
  publishes(count: number): Promise<void>;
  /** Applies the services at the test's DNS server and waits for the first word on each name. */
  start(...services: Service[]): Promise<void>;
  /** Moves time on by so much, and waits until something, or so many things, wait for as long again. */
  nextRound(waitMs: number, count?: number): Promise<void>;
}

/** A discovery with its own DNS server, clock, hosts file and resolv.conf; all gone when the test ends. */
export async function createHarness(
  t: TestContext,
  files: { readonly hosts?: string; readonly resolvConf?: string } = {},
): Promise<Harness> {
  const dns = await startDnsServer();
  const clock = new FakeClock();
  const directory = mkdtempSync(join(tmpdir(), "gatehouse-discovery-"));
  const hostsPath = join(directory, "hosts");
  const resolvConfPath = join(directory, "resolv.conf");
  if (files.hosts !== undefined) writeFileSync(hostsPath, files.hosts);
  writeFileSync(resolvConfPath, `${ONE_TRY}${files.resolvConf ?? ""}`);
  const published: string[] = [];
  const logged: Harness["logged"] = [];
  const ipv6 = { usable: true, loopback: true };
  const events = new EventEmitter();
  const discovery = createDiscovery({
    publish: (service, endpoints) => {
      published.push(line(service, endpoints));
      events.emit("publish");
    },
    log: (level, message, fields) => logged.push({ level, message, fields }),
    parseEndpoints: parseEndpointFile,
    clock,
    hostsPath,
    resolvConfPath,
    readIpv6Support: () => ipv6,
    // c-ares makes 250 of it: with one try a silent server is a quick failure.
    queryTimeoutMs: 1,
  });
  t.after(async () => {
    discovery.close();
    await dns.close();
    rmSync(directory, { recursive: true });
  });
  return {
    dns,
    clock,
    discovery,
    published,
    logged,
    folder: directory,
    ipv6,
    writeHosts: (text) => writeFileSync(hostsPath, text),
    writeResolvConf: (text) => writeFileSync(resolvConfPath, `${ONE_TRY}${text}`),
    publishes: async (count) => {
      while (published.length < count) await once(events, "publish");
    },
    start: async (...services) => {
      discovery.apply(services, [dns.address]);
      await discovery.settled(services, 60_000);
    },
    nextRound: async (waitMs, count) => {
      clock.advance(waitMs);
      await clock.armed(waitMs, count);
    },
  };
}

/**
 * A service with these endpoints: `"name:port"` is looked up, `"address:port"` stands for itself, `"srv NAME"` and
 * `"file PATH"` are lists.
 */
export function service(name: string, ...endpoints: string[]): Service {
  return {
    name,
    sources: endpoints.map(source),
    ...PLAIN_SERVICE,
    slots: { upstreamActive: 0, connectSeconds: 0, retries: 0 },
  };
}

function source(text: string): EndpointSource {
  if (text.startsWith("srv ")) return { kind: "srv", name: text.slice(4) };
  if (text.startsWith("file ")) return { kind: "file", path: text.slice(5) };
  const at = text.lastIndexOf(":");
  const host = text.slice(0, at).replace(/^\[|\]$/g, "");
  const port = Number(text.slice(at + 1));
  if (/^[0-9.]+$/.test(host))
    return { kind: "address", endpoint: endpointOf(host, port, { weight: 1 }) };
  return { kind: "name", host, port, weight: 1 };
}

function line(service: string, endpoints: readonly Endpoint[]): string {
  return `${service}: ${endpoints.map((each) => each.name).join(" ")}`;
}
