/**
 * The compiled state and what it is made of: plain data that survives `structuredClone`.
 * Built by `config/compile`, read by everything else, changed by nobody.
 */
import type { Cidr } from "./ip.ts";
import type { Service } from "./service.ts";

/** Where in the configuration file something was said; 1-based. */
export interface Origin {
  readonly line: number;
  readonly column: number;
}

/**
 * Host names to values. A name is looked up exact → longest wildcard → any.
 * Keys are lower-case without trailing dot; a wildcard `*.example.com` is kept as `example.com`.
 */
export interface HostTable<T> {
  readonly exact: ReadonlyMap<string, T>;
  readonly wildcard: ReadonlyMap<string, T>;
  readonly any: T | undefined;
}

/** Everything the data plane reads, with a version that grows by one with each reload. */
export interface Snapshot {
  readonly version: number;
  /** First 12 hex digits of the SHA-256 of the file's text. */
  readonly hash: string;
  /** The file it came from, as given by the user. */
  readonly source: string;
  /** RFC 3339. */
  readonly loadedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Data-plane threads; 0 = one for each CPU. */
  readonly workers: number;
  readonly listeners: readonly Listener[];
  readonly gateways: readonly Gateway[];
  /** Gateways whose selector does not fit this box's labels. */
  readonly unserved: readonly UnservedGateway[];
  readonly virtualHosts: readonly VirtualHost[];
  readonly tlsChains: readonly TlsChain[];
  readonly tcpChains: readonly TcpChain[];
  readonly services: readonly Service[];
  readonly dnsServers: readonly string[];
  readonly admin: AdminAddress;
  readonly log: LogSettings;
  readonly accessLog: AccessLogSettings;
  readonly drain: DrainSettings;
  /** How many counters the layout has; each worker's memory holds at least so many. */
  readonly counterSlots: number;
  /** Counters of what no gateway took (gateway `""`): width of `gatehouse_requests_total`. */
  readonly unroutedRequestSlot: number;
}

export type AdminAddress =
  | { readonly kind: "off" }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

export type LogLevel = "debug" | "info" | "warning" | "error";

export interface LogSettings {
  readonly level: LogLevel;
  readonly format: "json" | "text";
}

export interface AccessLogSettings {
  readonly destination:
    | { readonly kind: "stdout" }
    | { readonly kind: "off" }
    | { readonly kind: "file"; readonly path: string };
  /** Log the query string too. */
  readonly query: boolean;
  /** Log the JA4 fingerprint of TLS clients. */
  readonly ja4: boolean;
}

export interface DrainSettings {
  readonly delayMs: number;
  readonly requestsMs: number;
  readonly tunnelsMs: number;
}

/** `host` undefined = every address, v4 and v6. */
export interface BindAddress {
  readonly host: string | undefined;
  readonly port: number;
}

/** What a listener speaks: `http` is routed by Host, `tls` by server name and passed through, `tcp` without reading. */
export type Protocol = "http" | "tls" | "tcp";

/** One bound address; all selected gateways on it are merged into it. */
export interface Listener {
  /** The canonical address, `":80"`, `"127.0.0.1:80"`, `"[::1]:80"`: identity over reloads and metric label. */
  readonly id: string;
  readonly address: BindAddress;
  readonly protocol: Protocol;
  readonly limits: ListenerLimits;
  readonly timeouts: ListenerTimeouts;
  /** Host let in → index into `Snapshot.gateways`. */
  readonly hosts: HostTable<number>;
  /** tls: where a ClientHello without a server name goes; undefined = it is refused. */
  readonly noSni: NamelessRoute | undefined;
  /** Who must send a PROXY header, and nobody else may connect; undefined = nobody sends one. */
  readonly proxyProtocol: readonly Cidr[] | undefined;
  readonly slots: ListenerSlots;
}

/** Where connections without a server name go: past all routes. */
export interface NamelessRoute {
  /** Index into `Snapshot.gateways` of the one that says so. */
  readonly gateway: number;
  readonly destination: Destination;
}

export interface ListenerLimits {
  /** Open at once, over all workers. */
  readonly connectionsMax: number;
  /** Of these, from one IPv4 address or IPv6 /64; undefined = off. */
  readonly connectionsPerIpMax: number | undefined;
  readonly helloBytesMax: number;
  readonly headerBytesMax: number;
  readonly headerCountMax: number;
  /** Of a request's body, in bytes; undefined = off. */
  readonly bodyBytesMax: number | undefined;
  /** Requests that one downstream connection may carry; undefined = off. */
  readonly requestsPerConnectionMax: number | undefined;
}

export interface ListenerTimeouts {
  readonly helloMs: number;
  readonly headerMs: number;
  readonly bodyIdleMs: number;
  readonly keepAliveMs: number;
  readonly tunnelIdleMs: number;
}

/** Slots of one listener's counters; see metric-layout.ts for the widths. */
export interface ListenerSlots {
  readonly connections: number;
  readonly connectionsActive: number;
  /** Failures while no gateway is known. */
  readonly failures: number;
}

/** What is let in: one `[[gateway]]` that this box serves. */
export interface Gateway {
  readonly name: string;
  /** `Listener.id`. */
  readonly listener: string;
  readonly protocol: Protocol;
  readonly hosts: readonly string[];
  readonly selector: Readonly<Record<string, string>>;
  /** Host → index into `Snapshot.virtualHosts` (http gateways). */
  readonly virtualHosts: HostTable<number>;
  /** Server name → index into `Snapshot.tlsChains` (tls gateways). */
  readonly tlsChains: HostTable<number>;
  /** Indexes into `Snapshot.tcpChains` in the order in which they are tried (tcp gateways). */
  readonly tcpChains: readonly number[];
  /** Networks such as `10.0.0.0/8`, no bits beyond the prefix, whose X-Forwarded-… is believed; [] = nobody's. */
  readonly trustedProxies: readonly string[];
  /** Whether Forwarded is sent to endpoints besides X-Forwarded-… (RFC 7239). */
  readonly forwarded: boolean;
  /** Whether Via is sent (RFC 9110 §7.6.3). */
  readonly via: boolean;
  /** Whether everything that came by http is sent to https. */
  readonly httpsRedirect?: boolean;
  readonly origin: Origin;
  readonly slots: GatewaySlots;
}

export interface GatewaySlots {
  readonly failures: number;
  /** `gatehouse_requests_total` of requests that no route took. */
  readonly requests: number;
}

export interface UnservedGateway {
  readonly name: string;
  readonly listen: string;
  readonly protocol: string;
  readonly hosts: readonly string[];
  /** A sentence: which label is missing or different. */
  readonly reason: string;
  readonly origin: Origin;
}

/** A set of host names and their ordered HTTP routes. */
export interface VirtualHost {
  /** The virtual service's name. */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly routes: readonly HttpRoute[];
  readonly origin: Origin;
}

/** First route whose matches hold wins, in file order. */
export interface HttpRoute {
  readonly name: string;
  /** Any may hold; empty = everything. */
  readonly matches: readonly HttpMatch[];
  readonly action: HttpAction;
  readonly headers?: RouteHeaders;
  readonly cors?: CorsPolicy;
  readonly fault?: FaultPolicy;
  readonly origin: Origin;
}

/** What a route, or one of its destinations, does to headers. */
export interface RouteHeaders {
  readonly request: HeaderEdit;
  readonly response: HeaderEdit;
}

/** Applied in this order. */
export interface HeaderEdit {
  /** Lower-case names. */
  readonly remove: readonly string[];
  readonly set: readonly HeaderTemplate[];
  readonly add: readonly HeaderTemplate[];
}

/** `value`: text, placeholder, text, placeholder … text; see headers-template.ts. */
export interface HeaderTemplate {
  readonly name: string;
  readonly value: readonly string[];
}

/** Who may read answers from another origin's page (Fetch Standard §3.2). */
export interface CorsPolicy {
  readonly allowOrigins: readonly TextTest[];
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  readonly allowCredentials: boolean;
}

/** Failures made on purpose. Percentages from 0 to 100. */
export interface FaultPolicy {
  readonly delay: { readonly ms: number; readonly percent: number } | undefined;
  readonly abort: { readonly status: number; readonly percent: number } | undefined;
}

/** All conditions that are present must hold. */
export interface HttpMatch {
  readonly path?: PathMatch;
  /** Letters of the path are compared without case; never with a regex. */
  readonly ignoreCase?: boolean;
  /** Upper-case tokens; any may hold. */
  readonly methods?: readonly string[];
  /** Gateway names; any may hold. */
  readonly gateways?: readonly string[];
  /** The listener's port. */
  readonly port?: number;
  /** What the client spoke, as far as trusted proxies tell. */
  readonly scheme?: "http" | "https";
  /** Of the client, as far as trusted proxies tell; any may hold it. */
  readonly sources?: readonly Cidr[];
  /** All must hold; names in lower case. */
  readonly headers?: readonly FieldCondition[];
  /** None may hold; names in lower case. */
  readonly withoutHeaders?: readonly FieldCondition[];
  /** All must hold; names as they stand in the query, decoded. */
  readonly query?: readonly FieldCondition[];
}

/** `segment` "/foo" takes "/foo" and "/foo/…"; `prefix` is a plain string prefix; `regex` matches the whole path. */
export interface PathMatch {
  readonly kind: "exact" | "prefix" | "segment" | "regex";
  readonly value: string;
}

/** A condition on the value of one header or query parameter. */
export interface FieldCondition {
  readonly name: string;
  readonly test: TextTest;
}

/** `regex` matches the whole text and has passed `checkRegex`. */
export type TextTest =
  | { readonly kind: "exact" | "prefix" | "regex"; readonly value: string }
  | { readonly kind: "present"; readonly value: boolean };

export type HttpAction = ForwardAction | RedirectAction | RespondAction;

export interface ForwardAction {
  readonly kind: "forward";
  /** At least one. */
  readonly destinations: readonly Destination[];
  /** Lower-case protocols of Upgrade that may pass (RFC 9110 §7.8); [] = none. */
  readonly upgrade: readonly string[];
  readonly rewrite?: Rewrite;
  /** Of the whole exchange. */
  readonly timeoutMs?: number;
  /** Absent: two other endpoints while none has been reached. */
  readonly retry?: RetryPolicy;
  readonly mirror?: MirrorPolicy;
}

/** A word of `retries.on` without a number. */
export type RetryCondition =
  | "connect-failure"
  | "refused-stream"
  | "reset"
  | "5xx"
  | "gateway-error";

/** When a request is sent again. */
export interface RetryPolicy {
  /** Besides the first. */
  readonly attempts: number;
  /** To the head of the answer. */
  readonly perTryTimeoutMs: number | undefined;
  readonly on: readonly RetryCondition[];
  /** Further statuses. */
  readonly statuses: readonly number[];
}

/** A second service that gets copies. */
export interface MirrorPolicy {
  /** Index into `Snapshot.services`. */
  readonly service: number;
  /** Of requests, 0 to 100. */
  readonly percent: number;
}

/** What the endpoint is asked instead. */
export interface Rewrite {
  /** In place of the matched prefix or segment, or of the whole path. */
  readonly path?: string;
  /** With its port. */
  readonly host?: string;
}

/** Undefined parts stay as in the request. */
export interface RedirectAction {
  readonly kind: "redirect";
  readonly status: number;
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly path: string | undefined;
  /** `gatehouse_requests_total` by gateway index; -1 where the route cannot be reached. */
  readonly requestSlots: readonly number[];
}

export interface RespondAction {
  readonly kind: "respond";
  readonly status: number;
  readonly body: string;
  /** name, value, name, value … */
  readonly headers: readonly string[];
  readonly requestSlots: readonly number[];
}

/** Where a route sends to, with its share. */
export interface Destination {
  /** Index into `Snapshot.services`. */
  readonly service: number;
  /** Name of one of the service's subsets; undefined = all of its endpoints. */
  readonly subset?: string;
  /** Relative; 0 is never picked. */
  readonly weight: number;
  readonly headers?: RouteHeaders;
  /** http: `gatehouse_requests_total`, by gateway index; -1 where it cannot be reached. */
  readonly requestSlots: readonly number[];
  /** http: `gatehouse_request_duration_seconds`, by gateway index. */
  readonly durationSlots: readonly number[];
  /** tls: `gatehouse_tunnels_total`, by gateway index. */
  readonly tunnelSlots: readonly number[];
  /** tls: `gatehouse_tunnels_active`, by gateway index. */
  readonly tunnelActiveSlots: readonly number[];
  /** `gatehouse_bytes_total`, by gateway index. */
  readonly byteSlots: readonly number[];
}

/** The ordered TLS routes of one virtual service. */
export interface TlsChain {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly routes: readonly TlsRoute[];
  readonly origin: Origin;
}

export interface TlsRoute {
  readonly name: string;
  /** Any may hold; never empty: without `sni` the virtual service's hosts stand here. */
  readonly matches: readonly TlsMatch[];
  readonly destinations: readonly Destination[];
  readonly origin: Origin;
}

/** All conditions that are present must hold. */
export interface TlsMatch {
  /** Exact names, `*.suffix` or `*`; any may hold. */
  readonly sni: readonly string[];
  /** Any may hold. */
  readonly alpn?: readonly string[];
  readonly gateways?: readonly string[];
  readonly port?: number;
  /** Whether the hello has an encrypted_client_hello, be it GREASE. */
  readonly ech?: boolean;
  /** The client's address; any may hold it. */
  readonly sources?: readonly Cidr[];
}

/** The ordered TCP routes of one virtual service. */
export interface TcpChain {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly routes: readonly TcpRoute[];
  readonly origin: Origin;
}

export interface TcpRoute {
  readonly name: string;
  /** Any may hold; empty = everything. */
  readonly matches: readonly TcpMatch[];
  readonly destinations: readonly Destination[];
  readonly origin: Origin;
}

/** All conditions that are present must hold. */
export interface TcpMatch {
  readonly gateways?: readonly string[];
  readonly port?: number;
  /** The client's address; any may hold it. */
  readonly sources?: readonly Cidr[];
}
