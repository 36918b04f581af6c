/** One line of the access log: a JSON object for each request and each connection, refused ones too. */
import type { FailureKind } from "../core/failure.ts";

/** What every line can say. Times in milliseconds, sizes in bytes; undefined = unknown, and then absent. */
export interface CommonRecord {
  /** When the request or the connection began: milliseconds since the epoch. */
  readonly time: number;
  readonly gateway: string | undefined;
  /** `ip:port`, v6 in brackets; undefined when it was reset before the box could ask. */
  readonly client: string | undefined;
  readonly durationMs: number;
  /** Read from the client. */
  readonly bytesIn: number;
  /** Written to the client. */
  readonly bytesOut: number;
  readonly service: string | undefined;
  /** `ip:port` of the endpoint that was used last. */
  readonly endpoint: string | undefined;
  /** Undefined when it was served. */
  readonly failure: FailureKind | undefined;
  /** How long it took to connect to the endpoint; undefined on a connection that was kept alive. */
  readonly connectMs: number | undefined;
}

/** One HTTP request, or what came instead of one. */
export interface HttpRecord extends CommonRecord {
  readonly method: string | undefined;
  readonly host: string | undefined;
  /** Without the query string, unless the configuration asks for it. */
  readonly path: string | undefined;
  /** `HTTP/1.1` */
  readonly protocol: string | undefined;
  /** Undefined when the connection was closed without an answer. */
  readonly status: number | undefined;
  readonly route: string | undefined;
  /** How many endpoints were tried. */
  readonly attempts: number | undefined;
  /** From the beginning to the first byte of the answer. */
  readonly firstByteMs: number | undefined;
  readonly userAgent: string | undefined;
  readonly referer: string | undefined;
  /** Without `"`, `\\` and control characters. */
  readonly requestId: string | undefined;
}

/** One connection that was, or should have been, joined to an endpoint. */
export interface TunnelRecord extends CommonRecord {
  readonly kind: "tls" | "tcp";
  readonly sni: string | undefined;
  /** What the client offered, in its order. */
  readonly alpn: readonly string[] | undefined;
  /** It offered an encrypted_client_hello, real or GREASE: `sni` is the outer name then. */
  readonly ech: boolean | undefined;
  /** The fingerprint of the client. */
  readonly ja4: string | undefined;
}

/**
 * The line of one request, line feed included. Pure but for a cache of the current second. ASCII only: whatever came
 * from the network as bytes ≥ 0x80, control characters or lone surrogates stands there as `\uXXXX`.
 */
export function formatHttpRecord(record: HttpRecord): string {
  return (
    '{"time":"' +
    CLOCK.format(record.time) +
    'Z","kind":"http"' +
    GATEWAY.field(record.gateway) +
    textField(',"client":"', record.client) +
    methodField(record.method) +
    textField(',"host":"', record.host) +
    textField(',"path":"', record.path) +
    PROTOCOL.field(record.protocol) +
    countField(',"status":', record.status) +
    ROUTE.field(record.route) +
    SERVICE.field(record.service) +
    ENDPOINT.field(record.endpoint) +
    countField(',"attempts":', record.attempts) +
    ',"duration_ms":' +
    formatMs(record.durationMs) +
    timeField(',"connect_ms":', record.connectMs) +
    timeField(',"first_byte_ms":', record.firstByteMs) +
    ',"bytes_in":' +
    record.bytesIn +
    ',"bytes_out":' +
    record.bytesOut +
    FAILURE.field(record.failure) +
    textField(',"user_agent":"', record.userAgent) +
    textField(',"referer":"', record.referer) +
    (record.requestId === undefined ? "}\n" : ',"request_id":"' + record.requestId + '"}\n')
  );
}

/** The line of one connection, line feed included; as formatHttpRecord. */
export function formatTunnelRecord(record: TunnelRecord): string {
  return (
    '{"time":"' +
    CLOCK.format(record.time) +
    'Z","kind":"' +
    record.kind +
    '"' +
    GATEWAY.field(record.gateway) +
    textField(',"client":"', record.client) +
    textField(',"sni":"', record.sni) +
    listField(',"alpn":[', record.alpn) +
    (record.ech === true ? ',"ech":true' : "") +
    plainField(',"ja4":"', record.ja4) +
    SERVICE.field(record.service) +
    ENDPOINT.field(record.endpoint) +
    ',"duration_ms":' +
    formatMs(record.durationMs) +
    timeField(',"connect_ms":', record.connectMs) +
    ',"bytes_in":' +
    record.bytesIn +
    ',"bytes_out":' +
    record.bytesOut +
    FAILURE.field(record.failure) +
    "}\n"
  );
}

/** Printable ASCII without `"` and `\`: what JSON takes as it is, and what is safe on a terminal. */
const PLAIN = /^[ !#-[\]-~]*$/;
const NOT_ASCII = /[\x7f-\uffff]/g;

/** `key` ends with the opening quote of the value. */
function textField(key: string, value: string | undefined): string {
  if (value === undefined) return "";
  return PLAIN.test(value) ? key + value + '"' : key + escape(value) + '"';
}

/** A value of our own making, which needs no look. */
function plainField(key: string, value: string | undefined): string {
  return value === undefined ? "" : key + value + '"';
}

/** More names than one box has; a DNS answer that keeps changing must not fill the memory. */
const NAMES_MAX = 4096;

/**
 * A field whose value is one of a few, such as a name of the configuration or an endpoint's address: each is looked at
 * once, and is one piece of the line. Owned by this module.
 */
class NameField {
  readonly #key: string;
  readonly #known = new Map<string, string>();

  constructor(key: string) {
    this.#key = key;
  }

  field(value: string | undefined): string {
    if (value === undefined) return "";
    return this.#known.get(value) ?? this.#remember(value);
  }

  #remember(value: string): string {
    if (this.#known.size >= NAMES_MAX) this.#known.clear();
    const text = [',"', this.#key, '":"', PLAIN.test(value) ? value : escape(value), '"'].join("");
    this.#known.set(value, text);
    return text;
  }
}

const GATEWAY = new NameField("gateway");
const ROUTE = new NameField("route");
const SERVICE = new NameField("service");
const ENDPOINT = new NameField("endpoint");
const PROTOCOL = new NameField("protocol");
const FAILURE = new NameField("failure");

/** The two methods that nearly all requests have; any other one is a client's own word. */
function methodField(method: string | undefined): string {
  if (method === "GET") return ',"method":"GET"';
  return method === "POST" ? ',"method":"POST"' : textField(',"method":"', method);
}

/** The inside of a JSON string, in ASCII. */
function escape(value: string): string {
  return JSON.stringify(value).slice(1, -1).replace(NOT_ASCII, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function listField(key: string, values: readonly string[] | undefined): string {
  if (values === undefined) return "";
  let list = key;
  for (let i = 0; i < values.length; i += 1) {
    list += textField(i === 0 ? '"' : ',"', values[i]);
  }
  return list + "]";
}

function countField(key: string, value: number | undefined): string {
  return value === undefined ? "" : key + value;
}

function timeField(key: string, value: number | undefined): string {
  return value === undefined ? "" : key + formatMs(value);
}

/** ".001" … ".999" without trailing zeros: several times faster than printing a double. */
const FRACTIONS: readonly string[] = Array.from({ length: 1000 }, (_, i) =>
  i === 0 ? "" : `.${String(i).padStart(3, "0").replace(/0+$/, "")}`,
);

/** Milliseconds with at most 3 decimals. A clock that went backwards is 0. */
function formatMs(ms: number): string {
  const micros = ms > 0 ? Math.round(ms * 1000) : 0;
  const whole = Math.floor(micros / 1000);
  return whole + (FRACTIONS[micros - whole * 1000] ?? "");
}

const MILLISECONDS: readonly string[] = Array.from({ length: 1000 }, (_, i) =>
  String(i).padStart(3, "0"),
);

/** RFC 3339 with milliseconds, but for the Z. Keeps the text of the last second that was asked for; owned by this module. */
class SecondClock {
  #second = Number.NaN;
  #text = "";

  format(time: number): string {
    const second = Math.floor(time / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toISOString().slice(0, -4);
    }
    return this.#text + (MILLISECONDS[Math.floor(time - second * 1000)] ?? "000");
  }
}

const CLOCK = new SecondClock();
