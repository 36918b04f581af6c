/** `[service.NAME]` → Service. */
import type { MetricLayout } from "../core/metric-layout.ts";
import {
  type EndpointTls,
  type HashPolicy,
  type PoolPolicy,
  type Service,
} from "../core/service.ts";
import { compileHealthCheck, compileOutlier } from "./compile-health.ts";
import { compileSources } from "./compile-sources.ts";
import type { TomlDocument } from "./document.ts";
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
    hash: compileHash(service),
    subsets: Object.entries(service.subsets).map(([subset, labels]) => ({ name: subset, labels })),
    panicPercent: service.panic_percent,
    slowStartMs: service.slow_start ?? 0,
    allowLoop: service.allow_loop,
    proxyProtocol: service.proxy_protocol === "off" ? undefined : service.proxy_protocol,
    timeouts: {
      connectMs: service.timeouts.connect,
      responseMs: service.timeouts.response,
      idleMs: service.timeouts.idle,
    },
    pool: compilePool(service),
    healthCheck: compileHealthCheck(service),
    outlier: compileOutlier(service),
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

/** Of the schema one of them is said. */
function compileHash({ hash }: ServiceConfig): HashPolicy | undefined {
  if (hash === undefined) return undefined;
  const { header, cookie, ttl = 0, query } = hash;
  if (header !== undefined) return { kind: "header", name: header };
  if (query !== undefined) return { kind: "query", name: query };
  if (cookie === undefined) return { kind: "source-ip" };
  return { kind: "cookie", name: cookie, ttlSeconds: Math.ceil(ttl / 1000) };
}
