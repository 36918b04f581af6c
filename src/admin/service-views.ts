/** Services with their endpoints, as the admin API says them. Pure. */
import { createCandidate } from "../core/balance/candidate.ts";
import { planTiers } from "../core/balance/tiers.ts";
import type { EndpointCondition } from "../core/endpoint-condition.ts";
import type { EndpointLoads } from "../core/endpoint-loads.ts";
import type { Snapshot } from "../core/model.ts";
import type { HealthCheckPolicy, OutlierPolicy, Service } from "../core/service.ts";
import type {
  EndpointView,
  HealthCheckView,
  NameView,
  OutlierView,
  ServicesView,
  ServiceView,
  SnapshotServiceView,
} from "../core/views.ts";
import { sourceWords } from "./words.ts";

/** What is known of one thing that endpoints hang on; times in milliseconds since the epoch. */
export interface NameResolution {
  readonly kind?: string;
  readonly host: string;
  /** What the last good answer said. */
  readonly addresses: readonly string[];
  readonly resolvedAt: number | undefined;
  readonly ttlMs: number | undefined;
  /** Undefined = when a file changes. */
  readonly nextAt: number | undefined;
  /** Why the last question failed, if it did. */
  readonly error: string | undefined;
}

/** What a snapshot cannot say about its services. */
export interface LiveServices {
  /** The counters of all workers, summed. */
  readonly counters: Float64Array;
  readonly loads: EndpointLoads;
  readonly conditions: (service: string) => readonly EndpointCondition[];
  /** Out by hand, but not among the endpoints now. */
  readonly absentOuts: (service: string) => readonly string[];
  readonly names: (service: string) => readonly NameResolution[];
}

/** The services with their endpoints now. */
export function servicesView(snapshot: Snapshot, live: LiveServices): ServicesView {
  return {
    snapshot_version: snapshot.version,
    source: snapshot.source,
    services: snapshot.services.map((service) => serviceView(service, live)),
  };
}

/** What of a service the file says. */
export function snapshotServiceView(service: Service): SnapshotServiceView {
  const { name, balancer, sources, timeouts, healthCheck, outlier, origin } = service;
  return {
    name,
    balancer,
    sources: sources.map(sourceWords),
    timeouts: {
      connect_ms: timeouts.connectMs,
      response_ms: timeouts.responseMs,
      idle_ms: timeouts.idleMs,
    },
    ...(healthCheck === undefined ? {} : { health_check: healthCheckView(healthCheck) }),
    ...(outlier === undefined ? {} : { outlier: outlierView(outlier) }),
    line: origin.line,
  };
}

function serviceView(service: Service, live: LiveServices): ServiceView {
  const { counters, names, loads } = live;
  const { name, slots } = service;
  const conditions = live.conditions(name);
  return {
    ...snapshotServiceView(service),
    endpoints: conditions.map((condition) => endpointView(condition, loads.get(name))),
    endpoints_healthy: conditions.filter(({ state }) => state === "healthy").length,
    panic: isPanic(service, conditions),
    out_elsewhere: [...live.absentOuts(name)],
    names: names(name).map(nameView),
    upstream_connections_active: counters[slots.upstreamActive] ?? 0,
    retries_total: counters[slots.retries] ?? 0,
  };
}

function endpointView(
  condition: EndpointCondition,
  loads: ReadonlyMap<string, number> = new Map(),
): EndpointView {
  const { endpoint, state, sinceMs, because, check, ejectedUntilMs } = condition;
  const { name, dnsName, weight, labels, zone, priority = 0 } = endpoint;
  return {
    address: name,
    ...(dnsName === undefined ? {} : { dns_name: dnsName }),
    weight,
    ...(labels === undefined ? {} : { labels: { ...labels } }),
    ...(zone === undefined ? {} : { zone }),
    ...(priority === 0 ? {} : { priority }),
    state,
    since: timeText(sinceMs),
    ...(because === undefined ? {} : { because }),
    ...(check?.last === undefined ? {} : { check: checkView(check.last) }),
    errors_in_a_row: condition.errorsInARow,
    ejections: condition.ejections,
    ...(ejectedUntilMs === undefined ? {} : { ejected_until: timeText(ejectedUntilMs) }),
    active: loads.get(name) ?? 0,
  };
}

function checkView({
  passed,
  detail,
  atMs,
}: {
  readonly passed: boolean;
  readonly detail: string;
  readonly atMs: number;
}): NonNullable<EndpointView["check"]> {
  return { passed, detail, at: timeText(atMs) };
}

/** As the balancers have it: some endpoint that is not healthy is used. */
function isPanic({ panicPercent }: Service, conditions: readonly EndpointCondition[]): boolean {
  const candidates = conditions.map(({ endpoint, state }) => createCandidate(endpoint, state));
  const tiers = planTiers(candidates, { panicPercent, zone: undefined });
  return tiers.some(({ near }) => near.usable.some(({ state }) => state !== "healthy"));
}

function healthCheckView(policy: HealthCheckPolicy): HealthCheckView {
  const { kind, host } = policy;
  return {
    kind,
    ...(kind === "http" ? { path: policy.path, expect: [...policy.expect] } : {}),
    ...(kind === "grpc" ? { grpc: policy.grpcService } : {}),
    ...(host === undefined ? {} : { host }),
    interval_ms: policy.intervalMs,
    timeout_ms: policy.timeoutMs,
    unhealthy: policy.unhealthyAfter,
    healthy: policy.healthyAfter,
  };
}

function outlierView(policy: OutlierPolicy): OutlierView {
  return {
    errors: policy.errors,
    interval_ms: policy.intervalMs,
    ejection_ms: policy.ejectionMs,
    max_percent: policy.percentMax,
  };
}

function nameView({ host, kind = "name", ...known }: NameResolution): NameView {
  const { addresses, resolvedAt, ttlMs, nextAt, error } = known;
  return {
    name: host,
    kind,
    addresses: [...addresses],
    ...(resolvedAt === undefined ? {} : { resolved_at: timeText(resolvedAt) }),
    ...(ttlMs === undefined ? {} : { ttl_seconds: Math.round(ttlMs / 1000) }),
    ...(nextAt === undefined ? {} : { next_at: timeText(nextAt) }),
    ...(error === undefined ? {} : { error }),
  };
}

function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
