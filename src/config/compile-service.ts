/** `[service.NAME]` → Service. */
import type { MetricLayout } from "../core/metric-layout.ts";
import type { EndpointSource, EndpointTls, PoolPolicy, Service } from "../core/service.ts";
import type { TomlDocument } from "./document.ts";
import { showAddress } from "./ip.ts";
import type { ServiceConfig } from "./schema.ts";
import type { PemTexts } from "./validate-endpoint-tls.ts";

/** What a service's place in the snapshot depends on. */
export interface ServicePlace {
  readonly document: TomlDocument;
  readonly layout: MetricLayout;
  readonly pemTexts: PemTexts;
}

/** Pure, but for the slots that the layout gives out. */
export function compileService(
  name: string,
  service: ServiceConfig,
  { document, layout, pemTexts }: ServicePlace,
): Service {
  return {
    name,
    sources: compileSources(service),
    balancer: service.balancer,
    hash: undefined,
    subsets: Object.entries(service.subsets).map(([subset, labels]) => ({ name: subset, labels })),
    panicPercent: 50,
    slowStartMs: 0,
    allowLoop: service.allow_loop,
    proxyProtocol: service.proxy_protocol === "off" ? undefined : service.proxy_protocol,
    timeouts: {
      connectMs: service.timeouts.connect,
      responseMs: service.timeouts.response,
      idleMs: service.timeouts.idle,
    },
    pool: compilePool(service),
    healthCheck: undefined,
    outlier: undefined,
    tls: compileTls(service, pemTexts),
    origin: document.place(["service", name]),
    slots: {
      upstreamActive: layout.slot("gatehouse_upstream_connections_active", { service: name }),
      connectSeconds: layout.slot("gatehouse_upstream_connect_seconds", { service: name }),
      retries: layout.slot("gatehouse_retries_total", { service: name }),
    },
  };
}

function compilePool({ pool }: ServiceConfig): PoolPolicy {
  return {
    connectionsMax: pool.connections,
    pendingMax: pool.pending,
    requestsPerConnectionMax: pool.requests_per_connection,
    retriesMax: pool.retries,
    endpointConnectionsMax: pool.endpoint_connections,
    warm: pool.warm,
  };
}

function compileTls({ tls }: ServiceConfig, pemTexts: PemTexts): EndpointTls | undefined {
  if (tls === undefined) return undefined;
  return {
    serverName: tls.sni,
    ca: pemTexts.get(tls.ca ?? ""),
    certificate: pemTexts.get(tls.certificate ?? ""),
    privateKey: pemTexts.get(tls.private_key ?? ""),
    insecure: tls.insecure,
  };
}

function compileSources({ endpoints = [], dns }: ServiceConfig): EndpointSource[] {
  const sources = endpoints.map(({ address, weight, labels }): EndpointSource => {
    const { kind, host, port } = address;
    const traits = { weight, ...(labels === undefined ? {} : { labels }) };
    if (kind === "name") return { kind, host, port, ...traits };
    return { kind, endpoint: { host, port, name: showAddress(host, port), ...traits } };
  });
  if (dns !== undefined) sources.push({ kind: "name", host: dns.host, port: dns.port, weight: 1 });
  return sources;
}
