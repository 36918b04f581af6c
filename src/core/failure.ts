/**
 * Why something could not be served, as data. One table says what each kind means to the client,
 * the log, the metrics and the retry: nothing else in the program branches on a kind to find that out.
 */

/** Whose doing a failure is: the client's, the endpoint's, or the box's own. */
export type FailureSide = "downstream" | "upstream" | "local";

/** What one failure kind means everywhere. */
export interface FailureRow {
  /** HTTP status sent when nothing of a response has gone out yet; 0 = close without a word. */
  readonly status: number;
  /** TLS alert description (RFC 8446 §6.2) sent to a client whose ClientHello was read; 0 = none. */
  readonly alert: number;
  readonly side: FailureSide;
  /** True when the endpoint cannot have acted on the request, so another one may be tried. */
  readonly retryable: boolean;
  /** Level of the program's log; the access log always has a line. "off" = access log only. */
  readonly level: "off" | "debug" | "warning" | "error";
  /** What a person is told: the reason phrase of the short answer. Carries no internals. */
  readonly text: string;
}

/*
 * What clients print of an alert, as tried with curl and openssl (OpenSSL 3.0): 109 "tlsv13 alert missing extension",
 * 112 "tlsv1 unrecognized name", 80 "tlsv1 alert internal error", 40 "sslv3 alert handshake failure". So a hello
 * without a server name is told 109, which names what is missing. A failure behind the box is told 80: it says that the
 * fault is not the client's, while 40 sends people looking for ciphers and versions.
 */
const ALERT_UNEXPECTED_MESSAGE = 10;
const ALERT_DECODE_ERROR = 50;
const ALERT_INTERNAL_ERROR = 80;
const ALERT_MISSING_EXTENSION = 109;
const ALERT_UNRECOGNIZED_NAME = 112;

type Row = readonly [
  status: number,
  alert: number,
  side: FailureSide,
  retryable: boolean,
  level: FailureRow["level"],
  text: string,
];

/* prettier-ignore */
const ROWS = {
  // Downstream, before anything is known of the request.
  "connection-empty":     [0, 0, "downstream", false, "off", "The client closed without sending a byte"],
  "proxy-untrusted":      [0, 0, "downstream", false, "off", "This address may not send a PROXY header"],
  "proxy-header-missing": [0, 0, "downstream", false, "warning", "No PROXY header"],
  "proxy-header-malformed": [0, 0, "downstream", false, "warning", "The PROXY header is malformed"],
  "proxy-header-timeout": [0, 0, "downstream", false, "off", "No complete PROXY header in time"],
  "hello-timeout":        [0, 0, "downstream", false, "off", "No complete ClientHello in time"],
  "hello-too-large":      [0, ALERT_DECODE_ERROR, "downstream", false, "off", "The ClientHello is too large"],
  "hello-malformed":      [0, ALERT_DECODE_ERROR, "downstream", false, "off", "The ClientHello is malformed"],
  "hello-truncated":      [0, 0, "downstream", false, "off", "The client closed inside its ClientHello"],
  "not-tls":              [400, ALERT_UNEXPECTED_MESSAGE, "downstream", false, "off", "This is the TLS port"],
  "missing-server-name":  [0, ALERT_MISSING_EXTENSION, "downstream", false, "off", "The ClientHello has no server name"],
  "unknown-server-name":  [0, ALERT_UNRECOGNIZED_NAME, "downstream", false, "off", "No route for this server name"],
  "not-http":             [400, 0, "downstream", false, "off", "This port speaks plain HTTP"],
  "bad-request":          [400, 0, "downstream", false, "off", "Bad request"],
  "head-too-large":       [431, 0, "downstream", false, "off", "Request header fields too large"],
  "header-timeout":       [408, 0, "downstream", false, "off", "Request timeout"],
  "body-timeout":         [408, 0, "downstream", false, "off", "Request timeout"],
  "not-implemented":      [501, 0, "downstream", false, "off", "Not implemented"],
  "body-too-large":       [413, 0, "downstream", false, "off", "Content too large"],
  "expectation-failed":   [417, 0, "downstream", false, "off", "Expectation failed"],
  "uri-too-long":         [414, 0, "downstream", false, "off", "URI too long"],
  "version-not-supported":[505, 0, "downstream", false, "off", "HTTP version not supported"],
  "method-not-allowed":   [405, 0, "downstream", false, "off", "Method not allowed"],
  "client-closed":        [0, 0, "downstream", false, "off", "The client went away"],
  "client-stalled":       [0, 0, "downstream", false, "off", "The client stopped reading"],
  // Routing.
  "no-virtual-host":      [404, ALERT_UNRECOGNIZED_NAME, "downstream", false, "off", "Not found"],
  "no-route":             [404, ALERT_UNRECOGNIZED_NAME, "downstream", false, "off", "Not found"],
  "misdirected":          [421, 0, "downstream", false, "off", "Misdirected request"],
  "loop":                 [508, ALERT_INTERNAL_ERROR, "downstream", false, "warning", "Loop detected"],
  // Upstream.
  "no-endpoint":          [503, ALERT_INTERNAL_ERROR, "upstream", true, "warning", "Service unavailable"],
  "connect-refused":      [502, ALERT_INTERNAL_ERROR, "upstream", true, "warning", "Bad gateway"],
  "connect-failed":       [502, ALERT_INTERNAL_ERROR, "upstream", true, "warning", "Bad gateway"],
  "connect-timeout":      [504, ALERT_INTERNAL_ERROR, "upstream", true, "warning", "Gateway timeout"],
  "connect-tls":          [502, ALERT_INTERNAL_ERROR, "upstream", true, "warning", "Bad gateway"],
  "connect-certificate":  [502, ALERT_INTERNAL_ERROR, "upstream", true, "warning", "Bad gateway"],
  "upstream-reset":       [502, 0, "upstream", false, "warning", "Bad gateway"],
  "response-timeout":     [504, 0, "upstream", false, "warning", "Gateway timeout"],
  "response-malformed":   [502, 0, "upstream", false, "warning", "Bad gateway"],
  // Either way.
  "tunnel-idle":          [0, 0, "local", false, "off", "No byte in either direction for too long"],
  "overflow":             [503, ALERT_INTERNAL_ERROR, "local", false, "warning", "Service unavailable"],
  "draining":             [503, ALERT_INTERNAL_ERROR, "local", false, "off", "Service unavailable"],
  "internal":             [500, ALERT_INTERNAL_ERROR, "local", false, "error", "Internal error"],
} as const satisfies Record<string, Row>;

/** The name of a row: what the access log's `failure` and the metrics' `kind` say. */
export type FailureKind = keyof typeof ROWS;

/** Every kind, in a fixed order: a kind's index is its offset in a block of counters. */
export const FAILURE_KINDS = Object.keys(ROWS) as readonly FailureKind[];

/** The one table. */
export const FAILURES: Readonly<Record<FailureKind, FailureRow>> = buildTable();

const OFFSETS: ReadonlyMap<FailureKind, number> = new Map(
  FAILURE_KINDS.map((kind, i) => [kind, i]),
);

/** Where a kind's counter stands within a block of FAILURE_KINDS.length counters. Pure. */
export function failureOffset(kind: FailureKind): number {
  return OFFSETS.get(kind) ?? 0;
}

/** One failure: its kind, and for the log a detail that may name addresses and errno codes. */
export interface Failure {
  readonly kind: FailureKind;
  readonly detail: string;
}

function buildTable(): Record<FailureKind, FailureRow> {
  const table: Partial<Record<FailureKind, FailureRow>> = {};
  for (const kind of FAILURE_KINDS) {
    const [status, alert, side, retryable, level, text] = ROWS[kind] as Row;
    table[kind] = { status, alert, side, retryable, level, text };
  }
  return table as Record<FailureKind, FailureRow>;
}
