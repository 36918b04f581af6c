/** What is there, compiled: services, where their endpoints come from, and the policy towards them. Plain data. */
import type { Origin } from "./model.ts";

/** A named set of interchangeable endpoints and the policy towards them. */
export interface Service {
  readonly name: string;
  /** Where its endpoints come from: their union is the set. */
  readonly sources: readonly EndpointSource[];
  readonly balancer: BalancerKind;
  /** What the hashing balancers hash; undefined = chance, which is then no hashing at all. */
  readonly hash: HashPolicy | undefined;
  readonly subsets: readonly Subset[];
  /** Fewer healthy endpoints than this share of all, 0 to 100: health is ignored. */
  readonly panicPercent: number;
  /** How long an endpoint that is new or well again takes to its full share; 0 = off. */
  readonly slowStartMs: number;
  readonly timeouts: ServiceTimeouts;
  readonly pool: PoolPolicy;
  /** Active checks; undefined = off. */
  readonly healthCheck: HealthCheckPolicy | undefined;
  /** Passive health; undefined = off. */
  readonly outlier: OutlierPolicy | undefined;
  /** Towards the endpoints; undefined = plain. */
  readonly tls: EndpointTls | undefined;
  /** The PROXY header that its connections begin with; undefined = none. */
  readonly proxyProtocol: "v1" | "v2" | undefined;
  /** Its connections may come back to this box. */
  readonly allowLoop: boolean;
  readonly origin: Origin;
  readonly slots: ServiceSlots;
}

/** How an endpoint is chosen. */
export type BalancerKind = "least_request" | "round_robin" | "random" | "ring_hash" | "maglev";

/** What of a request decides between endpoints. */
export type HashPolicy =
  /** `name` in lower case. */
  | { readonly kind: "header"; readonly name: string }
  /** Set when absent, for so many seconds; 0 = until the browser closes. */
  | { readonly kind: "cookie"; readonly name: string; readonly ttlSeconds: number }
  | { readonly kind: "query"; readonly name: string }
  | { readonly kind: "source-ip" };

/** The endpoints whose labels contain these. */
export interface Subset {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ServiceTimeouts {
  readonly connectMs: number;
  /** To the response head. */
  readonly responseMs: number;
  /** A kept-alive upstream connection unused. */
  readonly idleMs: number;
}

/** What may be in use at once, over all workers, and how connections are kept. */
export interface PoolPolicy {
  readonly connectionsMax: number;
  /** Requests and tunnels that wait for a connection. */
  readonly pendingMax: number;
  /** Undefined = off. */
  readonly requestsPerConnectionMax: number | undefined;
  /** Retries under way at once. */
  readonly retriesMax: number;
  /** Connections to one endpoint; undefined = off. */
  readonly endpointConnectionsMax: number | undefined;
  /** Idle connections kept ready for tunnels, for the service in one worker. */
  readonly warm: number;
}

/** An active check of every endpoint, from the main thread. */
export interface HealthCheckPolicy {
  readonly kind: "http" | "tcp" | "grpc";
  /** http: path and query. */
  readonly path: string;
  /** http and grpc: the Host; undefined = the endpoint's DNS name, else the service's. */
  readonly host: string | undefined;
  /** grpc: the service asked for; "" = the whole peer. */
  readonly grpcService: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Checks in a row that must fail, and that must succeed, before the state changes. */
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
  /** http: the statuses that count as success. */
  readonly expect: readonly number[];
}

/** When an endpoint that fails requests is left out for a while. */
export interface OutlierPolicy {
  /** In a row. */
  readonly errors: number;
  /** Between two looks at who may come back. */
  readonly intervalMs: number;
  /** The first time; it grows with each further one. */
  readonly ejectionMs: number;
  /** Of the endpoints that may be out at once, 0 to 100; one always may, unless it is the last. */
  readonly percentMax: number;
}

/** TLS to the endpoints. Certificates and the key are PEM text, read when the configuration was. */
export interface EndpointTls {
  /** Sent and verified; undefined = the DNS name that the endpoint came from. */
  readonly serverName: string | undefined;
  /** Certificates that are trusted; undefined = those of the runtime. */
  readonly ca: string | undefined;
  /** What we show; undefined = nothing (`simple`). */
  readonly certificate: string | undefined;
  /** Secret: has no place in views, logs and messages to anybody but workers. */
  readonly privateKey: string | undefined;
  /** The certificate is not verified. */
  readonly insecure: boolean;
}

export interface ServiceSlots {
  readonly upstreamActive: number;
  readonly connectSeconds: number;
  readonly retries: number;
}

/** What every endpoint of one source has, whatever its address. */
export interface EndpointTraits {
  /** ≥ 1. */
  readonly weight: number;
  /** Absent = none. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of the network or place; endpoints in the box's own zone come first. */
  readonly zone?: string;
  /** Absent = 0. Endpoints of a level are used only when none of a lower one is left; see BACKUP_PRIORITY. */
  readonly priority?: number;
}

/** Above all priorities that an SRV record can have (RFC 2782). */
export const BACKUP_PRIORITY = 65_536;

/** Where endpoints of a service come from. */
export type EndpointSource =
  | { readonly kind: "address"; readonly endpoint: Endpoint }
  | NameSource
  /** SRV records (RFC 2782); weight and priority are theirs. */
  | { readonly kind: "srv"; readonly name: string }
  /** A watched JSON file with a list as `endpoints` has it. */
  | { readonly kind: "file"; readonly path: string };

/** A source that says its places itself: what a file lists. */
export type PlaceSource = Extract<EndpointSource, { readonly kind: "address" | "name" }>;

/** Of a file of endpoints: ten thousand of them with labels take one or two MiB. */
export const ENDPOINT_FILE_BYTES_MAX = 4 * 1024 * 1024;

/** A name whose addresses are looked up, each of them an endpoint. */
export interface NameSource extends EndpointTraits {
  readonly kind: "name";
  readonly host: string;
  readonly port: number;
}

/** One place that a connection can be made to. */
export interface Endpoint extends EndpointTraits {
  /** IP literal, v6 without brackets; the path of a Unix socket when `port` is 0. */
  readonly host: string;
  /** 0 = `host` is a path. */
  readonly port: number;
  /** `host:port` as logs and tables show it, v6 in brackets, or `unix:/path`: its identity within a service. */
  readonly name: string;
  /** The DNS name that it was looked up by, lower-case, without trailing dot; absent for an address of the file. */
  readonly dnsName?: string;
}

/** Service name → its endpoints now. A service that is not resolved yet has an empty list. */
export type EndpointSets = Readonly<Record<string, readonly Endpoint[]>>;

/**
 * Whether an endpoint may be used, and if not, why: `unhealthy` by active checks, `ejected` by its answers, `out` by
 * hand. The last one is stronger than every panic.
 */
export type EndpointState = "healthy" | "unhealthy" | "ejected" | "out";

/** What the control plane thinks of one endpoint; it alone writes it. */
export interface EndpointHealth {
  readonly state: EndpointState;
  /** Milliseconds since the epoch: since when it has been so; for slow start. */
  readonly sinceMs: number;
}

/** Endpoint name → health, of one service. What is absent is healthy and has always been so. */
export type HealthTable = Readonly<Record<string, EndpointHealth>>;

/** Service name → the health of its endpoints. */
export type HealthTables = Readonly<Record<string, HealthTable>>;
