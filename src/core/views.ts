/**
 * What the admin API says, as JSON: the contract between the running box, the command line and other people's tools.
 * Keys are snake_case as in the configuration and the access log; what is unknown is absent. No secret has a place here.
 */

/** `GET /readyz`. */
export interface ReadinessView {
  readonly ready: boolean;
  /** Why not, as a sentence. */
  readonly reason?: string;
  /** Of the program. */
  readonly version: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly started_at: string;
  readonly snapshot_version: number;
  readonly workers: number;
}

/** `GET /listeners`. */
export interface ListenersView {
  readonly snapshot_version: number;
  /** The configuration file; `line` counts in it. */
  readonly source: string;
  readonly listeners: readonly ListenerView[];
  readonly unserved: readonly UnservedView[];
}

export interface ListenerView {
  readonly address: string;
  readonly protocol: string;
  readonly gateways: readonly GatewayView[];
  readonly connections_active: number;
  readonly connections_total: number;
}

export interface GatewayView {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly line: number;
}

/** A gateway with all that was compiled; what only http gateways have is absent elsewhere. */
export interface SnapshotGatewayView extends GatewayView {
  readonly trusted_proxies?: readonly string[];
  readonly forwarded?: boolean;
  readonly via?: boolean;
}

/** A gateway that this box does not serve. */
export interface UnservedView {
  readonly name: string;
  readonly listen: string;
  readonly protocol: string;
  readonly hosts: readonly string[];
  readonly reason: string;
  readonly line: number;
}

/** `GET /routes`. */
export interface RoutesView {
  readonly snapshot_version: number;
  readonly source: string;
  readonly routes: readonly RouteView[];
}

/** One route as one gateway has it, in the order in which it is tried. */
export interface RouteView {
  readonly gateway: string;
  readonly kind: "http" | "tls" | "tcp";
  readonly hosts: readonly string[];
  readonly virtual_service: string;
  readonly route: string;
  /** In words; any may hold, and none means everything. */
  readonly match: readonly string[];
  /** In words. */
  readonly action: string;
  /** Where it forwards to. */
  readonly services: readonly string[];
  readonly line: number;
}

/** `GET /services`. */
export interface ServicesView {
  readonly snapshot_version: number;
  readonly source: string;
  readonly services: readonly ServiceView[];
}

export interface ServiceView {
  readonly name: string;
  readonly balancer: string;
  readonly sources: readonly string[];
  readonly endpoints: readonly EndpointView[];
  /** How many of them are healthy. */
  readonly endpoints_healthy: number;
  /** Too few are: those that are not are used all the same, but for what is out by hand. */
  readonly panic: boolean;
  /** Addresses that are out by hand, but are not among the endpoints now. */
  readonly out_elsewhere: readonly string[];
  /** Absent = off. */
  readonly health_check?: HealthCheckView;
  /** Absent = off. */
  readonly outlier?: OutlierView;
  /** The names among the sources and what was last heard of them. */
  readonly names: readonly NameView[];
  readonly timeouts: {
    readonly connect_ms: number;
    readonly response_ms: number;
    readonly idle_ms: number;
  };
  readonly upstream_connections_active: number;
  readonly retries_total: number;
  readonly line: number;
}

export interface HealthCheckView {
  readonly kind: string;
  readonly path?: string;
  readonly grpc?: string;
  readonly host?: string;
  readonly expect?: readonly number[];
  readonly interval_ms: number;
  readonly timeout_ms: number;
  readonly unhealthy: number;
  readonly healthy: number;
}

export interface OutlierView {
  readonly errors: number;
  readonly interval_ms: number;
  readonly ejection_ms: number;
  readonly max_percent: number;
}

export interface EndpointView {
  readonly address: string;
  /** The name that it was looked up by. */
  readonly dns_name?: string;
  readonly weight: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly zone?: string;
  /** Above 0: used only when none of a lower one is left. */
  readonly priority?: number;
  /** healthy, unhealthy, ejected or out. */
  readonly state: string;
  /** RFC 3339: since when it has been so, or known. */
  readonly since?: string;
  /** What brought that about; absent = it has been healthy as long as it is known. */
  readonly because?: string;
  /** The last one; absent = there was none yet. */
  readonly check?: { readonly passed: boolean; readonly detail: string; readonly at: string };
  /** Of requests, in all workers. */
  readonly errors_in_a_row: number;
  /** For its answers, since it is known. */
  readonly ejections: number;
  /** RFC 3339: when it may come back at the earliest. */
  readonly ejected_until?: string;
  /** Requests and tunnels now, in all workers. */
  readonly active: number;
}

/** `POST /endpoints/out` and `/endpoints/in`. */
export interface EndpointReport {
  readonly service: string;
  readonly address: string;
  /** False = it was so already. */
  readonly changed: boolean;
  /** Of the endpoint now; absent = the service does not have it now. */
  readonly state?: string;
  /** Endpoints of the service that are not out by hand. */
  readonly left: number;
}

export interface NameView {
  readonly name: string;
  /** name, srv or file. */
  readonly kind: string;
  /** What the last good answer said. */
  readonly addresses: readonly string[];
  /** RFC 3339, of the last good answer; absent = there was none yet. */
  readonly resolved_at?: string;
  readonly ttl_seconds?: number;
  /** RFC 3339: when it is asked for again; absent = when a file changes. */
  readonly next_at?: string;
  /** Why the last question failed; the addresses are older then. */
  readonly error?: string;
}

/** `GET /connections`: what is open now, and how many of it there is. */
export interface ConnectionsView {
  /** That fit the filters, in all workers that answered. */
  readonly total: number;
  /** At most `limit` of them, in the order asked for. */
  readonly connections: readonly ConnectionView[];
  /** Workers that did not answer in time; what they hold is missing here. */
  readonly silent_workers: readonly number[];
}

/** One downstream connection; what is not known (yet) is absent. */
export interface ConnectionView {
  readonly kind: "http" | "tls" | "tcp";
  /** proxy-header, hello, head, connecting, request, idle, tunnel or closing. */
  readonly state: string;
  readonly worker: number;
  readonly listener: string;
  readonly gateway?: string;
  /** `ip:port`. */
  readonly client?: string;
  /** tls. */
  readonly sni?: string;
  /** http: of the request under way. */
  readonly host?: string;
  readonly service?: string;
  /** The one that was tried last. */
  readonly endpoint?: string;
  /** RFC 3339. */
  readonly opened_at: string;
  readonly age_ms: number;
  /** From the client so far. */
  readonly bytes_in: number;
  /** To the client so far. */
  readonly bytes_out: number;
  /** http. */
  readonly requests?: number;
}

/** `GET /snapshot`: everything that is served, and from where it came. */
export interface SnapshotView {
  readonly version: number;
  readonly hash: string;
  readonly source: string;
  /** RFC 3339. */
  readonly loaded_at: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly settings: SettingsView;
  readonly listeners: readonly SnapshotListenerView[];
  readonly unserved: readonly UnservedView[];
  readonly routes: readonly RouteView[];
  readonly services: readonly SnapshotServiceView[];
}

export interface SettingsView {
  /** 0 = one for each CPU. */
  readonly workers: number;
  readonly admin: string;
  readonly log: { readonly level: string; readonly format: string };
  readonly access_log: {
    readonly path: string;
    readonly query: boolean;
    readonly ja4: boolean;
  };
  readonly drain: {
    readonly delay_ms: number;
    readonly requests_ms: number;
    readonly tunnels_ms: number;
  };
  /** Empty = those of resolv.conf. */
  readonly dns_servers: readonly string[];
}

export interface SnapshotListenerView {
  readonly address: string;
  readonly protocol: string;
  readonly gateways: readonly SnapshotGatewayView[];
  /** The networks that must send a PROXY header; absent = none is read. */
  readonly proxy_protocol?: readonly string[];
  /** What is off is absent. */
  readonly limits: Readonly<Record<string, number>>;
  readonly timeouts: Readonly<Record<string, number>>;
}

export type SnapshotServiceView = Pick<
  ServiceView,
  "name" | "balancer" | "sources" | "timeouts" | "health_check" | "outlier" | "line"
>;

/** One thing that `check` would say about the file. */
export interface FindingView {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: "error" | "warning";
  readonly path: string;
  readonly message: string;
}

/** What `POST /reload` did: all of it, or nothing. */
export type ReloadReport =
  | {
      readonly ok: true;
      /** Of the snapshot that is served now. */
      readonly version: number;
      /** What is different, a sentence each; empty = the file says the same. */
      readonly changes: readonly string[];
      /** Warnings. */
      readonly findings: readonly FindingView[];
    }
  | {
      readonly ok: false;
      /** Of the snapshot that is still served. */
      readonly version: number;
      readonly findings: readonly FindingView[];
      /** Why, where it is not the file that is wrong (a port in use). */
      readonly error?: string;
    };

/** What `POST /drain` began: the limits of the waiting, in milliseconds. */
export interface DrainReport {
  readonly draining: true;
  readonly delay_ms: number;
  readonly requests_ms: number;
  readonly tunnels_ms: number;
}

/** `GET /explain`: which way one request or connection would go, and why not another. */
export interface ExplainView {
  readonly snapshot_version: number;
  readonly source: string;
  /** `GET http://a.com/x`, `tls://a.com:443`. */
  readonly asked: string;
  /** Something takes it: it is forwarded, redirected or answered. */
  readonly taken: boolean;
  /** Why it is refused, as a sentence. */
  readonly refusal?: string;
  /** The kind that the access log would have. */
  readonly failure?: string;
  readonly listener?: string;
  readonly gateway?: ExplainPlace;
  readonly virtual_service?: ExplainPlace;
  readonly route?: ExplainPlace;
  /** In words: `forward`, `redirect 301`, `respond 404`. */
  readonly action?: string;
  /** The request as an endpoint sees it. */
  readonly request?: { readonly method: string; readonly host: string; readonly path: string };
  readonly services: readonly ExplainService[];
  /** What lost, in the order in which it was tried. */
  readonly candidates: readonly ExplainCandidate[];
}

export interface ExplainPlace {
  readonly name: string;
  readonly line: number;
}

export interface ExplainService extends ExplainPlace {
  /** Only these of its endpoints. */
  readonly subset?: string;
  /** Of requests on this route. */
  readonly percent: number;
  readonly endpoints: readonly ExplainEndpoint[];
}

export interface ExplainEndpoint {
  /** `10.0.0.1:80`; a name that is not looked up here as `dns nginx.com:443`. */
  readonly address: string;
  readonly weight: number;
  readonly zone?: string;
  /** Above 0: used only when none of a lower one is left. */
  readonly priority?: number;
  /** `healthy`, `unhealthy`, `ejected` or `out`; absent without a running box. */
  readonly state?: string;
}

/** A gateway or route that did not take it. */
export interface ExplainCandidate extends ExplainPlace {
  readonly kind: "listener" | "gateway" | "route";
  /** The first condition that failed, of each of its matches. */
  readonly because: readonly string[];
}

/** What the admin API says instead, with a status of 400 and above. */
export interface ErrorView {
  readonly error: string;
}
