/** Config → Snapshot: names become indexes, hosts become tables, labels become slots. */
import type { MetricLayout } from "../core/metric-layout.ts";
import type {
  AccessLogSettings,
  Gateway,
  Listener,
  NamelessRoute,
  Snapshot,
  UnservedGateway,
} from "../core/model.ts";
import type { Service } from "../core/service.ts";
import { compileNetworks } from "./compile-match.ts";
import type { Bindings, BoundGateway, Kind } from "./bind.ts";
import {
  compileTcpChain,
  compileTlsChain,
  compileVirtualHost,
  streamDestination,
} from "./compile-routes.ts";
import type { RouteContext } from "./compile-routes.ts";
import { compileService } from "./compile-service.ts";
import type { TomlDocument } from "./document.ts";
import { overlaps } from "./host-overlap.ts";
import type { HostSet } from "./host-overlap.ts";
import { buildHostTable } from "./host-tables.ts";
import type { RoutedHosts } from "./host-tables.ts";
import type { Config } from "./schema.ts";
import { createReach, SlotArrays } from "./slots.ts";
import type { PemTexts } from "./validate-endpoint-tls.ts";

/** A file without an error, and what the snapshot says of itself. */
export interface CompileInput {
  readonly config: Config;
  readonly document: TomlDocument;
  readonly bindings: Bindings;
  readonly hosts: Readonly<Record<Kind, RoutedHosts>>;
  readonly layout: MetricLayout;
  readonly version: number;
  readonly hash: string;
  readonly file: string;
  /** RFC 3339. */
  readonly now: string;
  /** See validate-endpoint-tls.ts. */
  readonly pemTexts: PemTexts;
}

/**
 * Builds the snapshot. Pure but for the slots that it asks the layout for; the same input and the same layout give
 * the same snapshot. The input must have passed every check.
 */
export function compileSnapshot(input: CompileInput): Snapshot {
  const { config, bindings, layout } = input;
  const unroutedRequestSlot = layout.slot("gatehouse_requests_total", NO_ROUTE);
  const gateways = compileGateways(input);
  const services = compileServices(input);
  const indexes = new Map(services.map(({ name }, i) => [name, i]));
  const slots = new SlotArrays(layout, gateways.length);
  const context = { document: input.document, services: indexes, slots };
  const listeners = compileListeners(bindings, layout, context);
  const { http, tls, tcp } = input.hosts;
  return {
    version: input.version,
    hash: input.hash,
    source: input.file,
    loadedAt: input.now,
    labels: config.labels,
    workers: config.workers,
    listeners,
    gateways,
    unserved: bindings.gateways.flatMap(compileUnserved),
    virtualHosts: http.routed.map((item) => compileVirtualHost(item, context)),
    tlsChains: tls.routed.map((item) => compileTlsChain(item, context)),
    tcpChains: tcp.routed.map((item) => compileTcpChain(item, context)),
    services,
    dnsServers: config.dns.servers ?? [],
    admin: config.admin.listen,
    log: config.log,
    accessLog: compileAccessLog(config),
    drain: {
      delayMs: config.drain.delay,
      requestsMs: config.drain.requests,
      tunnelsMs: config.drain.tunnels,
    },
    counterSlots: layout.size,
    unroutedRequestSlot,
  };
}

const NO_ROUTE = { gateway: "", virtual_host: "", route: "", service: "" };

function compileAccessLog({ access_log: log }: Config): AccessLogSettings {
  return { destination: log.path, query: log.query, ja4: log.ja4 };
}

function compileListeners(
  { served }: Bindings,
  layout: MetricLayout,
  context: RouteContext,
): Listener[] {
  const groups = Map.groupBy(served, ({ config }) => config.listen.id);
  return [...groups].map(([id, group]) => ({
    ...compileListener(id, group, layout),
    noSni: compileNoSni(group, context),
  }));
}

/** Of the gateways on one address at most one says it. */
function compileNoSni(
  group: readonly BoundGateway[],
  context: RouteContext,
): NamelessRoute | undefined {
  const gateway = group.find(({ config }) => config.no_sni !== "reject");
  if (gateway === undefined) return undefined;
  const part = { to: gateway.config.no_sni, weight: 1 };
  const destination = streamDestination(part, createReach([gateway]), context);
  return { gateway: gateway.index, destination };
}

function compileListener(
  id: string,
  group: readonly BoundGateway[],
  layout: MetricLayout,
): Omit<Listener, "noSni"> {
  const [first] = group;
  if (first === undefined) throw new Error("a listener has at least one gateway");
  const { protocol, listen, limits, timeouts, proxy_protocol: proxies } = first.config;
  return {
    id,
    address: listen.address,
    protocol,
    proxyProtocol: proxies === undefined ? undefined : compileNetworks(proxies.trusted),
    limits: {
      connectionsMax: limits.connections,
      connectionsPerIpMax: limits.connections_per_ip,
      helloBytesMax: limits.hello,
      headerBytesMax: limits.header_bytes,
      headerCountMax: limits.header_count,
      bodyBytesMax: limits.body,
      requestsPerConnectionMax: limits.requests_per_connection,
    },
    timeouts: {
      helloMs: timeouts.hello,
      headerMs: timeouts.header,
      bodyIdleMs: timeouts.body_idle,
      keepAliveMs: timeouts.keep_alive,
      tunnelIdleMs: timeouts.tunnel_idle,
    },
    hosts: buildHostTable(
      group.flatMap(({ config, index }) => config.hosts.map((host) => [host, index] as const)),
    ),
    slots: {
      connections: layout.slot("gatehouse_connections_total", { listener: id }),
      connectionsActive: layout.slot("gatehouse_connections_active", { listener: id }),
      failures: layout.slot("gatehouse_failures_total", { listener: id, gateway: "" }),
    },
  };
}

function compileGateways({ bindings, hosts, layout }: CompileInput): Gateway[] {
  const empty = buildHostTable<number>([]);
  return bindings.served.map(({ config, index, origin, letsIn }) => ({
    name: config.name,
    listener: config.listen.id,
    protocol: config.protocol,
    hosts: config.hosts,
    selector: config.selector,
    virtualHosts: hosts.http.tables[index] ?? empty,
    tlsChains: hosts.tls.tables[index] ?? empty,
    tcpChains: tcpChainsOf(hosts.tcp, index, letsIn),
    trustedProxies: config.trusted_proxies,
    forwarded: config.forwarded,
    via: config.via,
    httpsRedirect: config.https_redirect,
    origin,
    slots: {
      failures: layout.slot("gatehouse_failures_total", {
        listener: config.listen.id,
        gateway: config.name,
      }),
      requests: layout.slot("gatehouse_requests_total", { ...NO_ROUTE, gateway: config.name }),
    },
  }));
}

/** Nothing tells hosts apart: every virtual service of the gateway with a host that is let in counts, in file order. */
function tcpChainsOf({ routed, tables }: RoutedHosts, index: number, letsIn: HostSet): number[] {
  const table = tables[index];
  if (table === undefined) return [];
  const any = table.any === undefined ? [] : [table.any];
  const all = new Set([...table.exact.values(), ...table.wildcard.values(), ...any]);
  return [...all]
    .filter((chain) => routed[chain]?.config.hosts.some((host) => overlaps(letsIn, host)))
    .toSorted((a, b) => a - b);
}

function compileUnserved({ config, unserved, origin }: BoundGateway): UnservedGateway[] {
  if (unserved === undefined) return [];
  const { name, listen, protocol, hosts } = config;
  return [{ name, listen: listen.id, protocol, hosts, reason: unserved, origin }];
}

function compileServices({ config, document, layout, pemTexts }: CompileInput): Service[] {
  return Object.entries(config.service).map(([name, service]) =>
    compileService(name, service, { document, layout, pemTexts }),
  );
}
