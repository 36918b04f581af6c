/** `[service.NAME]` → Service. */
import type { MetricLayout } from "../core/metric-layout.ts";
import type { EndpointSource, Service } from "../core/service.ts";
import type { TomlDocument } from "./document.ts";
import { showAddress } from "./ip.ts";
import type { ServiceConfig } from "./schema.ts";

/** What a service's place in the snapshot depends on. */
export interface ServicePlace {
  readonly document: TomlDocument;
  readonly layout: MetricLayout;
}

/** Pure, but for the slots that the layout gives out. */
export function compileService(
  name: string,
  service: ServiceConfig,
  { document, layout }: ServicePlace,
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
    pool: {
      connectionsMax: 1024,
      pendingMax: 1024,
      requestsPerConnectionMax: undefined,
      retriesMax: 3,
      endpointConnectionsMax: undefined,
      warm: 0,
    },
    healthCheck: undefined,
    outlier: undefined,
    tls: undefined,
    origin: document.place(["service", name]),
    slots: {
      upstreamActive: layout.slot("gatehouse_upstream_connections_active", { service: name }),
      connectSeconds: layout.slot("gatehouse_upstream_connect_seconds", { service: name }),
      retries: layout.slot("gatehouse_retries_total", { service: name }),
    },
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
