/** The single values of the file: what they look like, their bounds, and what they become. */
import * as v from "valibot";
import {
  CDN_LOOP,
  classifyFieldName,
  HOST,
  INVALID,
  isToken,
  LOOKALIKE,
  ORDINARY,
  REFERER,
  USER_AGENT,
} from "../core/http1/field-names.ts";
import { parseTemplate } from "../core/headers-template.ts";
import { isAuthority, normalisePath } from "../core/http1/target.ts";
import { checkRegex } from "../core/match/regex-subset.ts";
import type { AccessLogSettings, RetryCondition } from "../core/model.ts";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import { parseAdminAddress, parseDnsServer, parseListen, parsePeer } from "./address.ts";
import { isAddress, parseHost, parseHostPattern } from "./host-name.ts";
import { parseNetwork } from "./network.ts";
import { integer, list, text, words } from "./schema-build.ts";
import { DURATION_MAX, parseDuration, parseSize } from "./units.ts";

/** Names go into log lines, metric labels and tables, so they are one visible word. */
const NAME = /^[^\s\p{C}"\\]{1,253}$/u;
const METHOD = /^[A-Z][A-Z0-9_-]{0,31}$/;
/** RFC 9110 §5.5 without obs-text: what every recipient reads the same. */
const FIELD_VALUE = /^(?:[!-~](?:[ \t!-~]*[!-~])?)?$/;
/** What a path may hold on the wire; the program refuses requests with anything else. */
const PATH = /^\/[!"$->@-[\]-~]*$/;
const HEADER_VALUE_RULE =
  "a header value is printable ASCII without line breaks or spaces at its ends, at most 8 KiB";
const BODY_LENGTH_MAX = 65_536;
const VALUE_LENGTH_MAX = 8192;
/** PATH_MAX of Linux. */
const FILE_PATH_LENGTH_MAX = 4095;
const PATH_LENGTH_MAX = 2048;

/** A name that the user gives to something. */
export const name = text('expected a name such as "web"', (value) =>
  NAME.test(value)
    ? success(value)
    : failed("a name has 1 to 253 visible characters without spaces, quotes and backslashes"),
);

/** A label's key or value. */
export const label = text("expected text", (value) =>
  /^[^\p{C}]{1,253}$/u.test(value)
    ? success(value)
    : failed("expected 1 to 253 visible characters"),
);

const hostPattern = text('expected a host such as "example.com"', parseHostPattern);

/** A server name; it is never an address (RFC 6066 §3). */
export const sniPattern = text('expected a server name such as "example.com"', (value) => {
  const host = parseHostPattern(value);
  return host.ok && isAddress(host.value) ? failed("a server name is never an address") : host;
});

/** One server name, without wildcards (RFC 6066 §3). */
export const serverName = text('expected a server name such as "example.com"', (value) => {
  const host = parseHost(value);
  return host.ok && isAddress(host.value) ? failed("a server name is never an address") : host;
});

/** A file that is read together with the configuration. */
export const filePath = text('expected the path of a file such as "/etc/ssl/a.pem"', parseFilePath);

/** Where a gateway listens. */
export const listen = text('expected an address such as ":80"', parseListen);

/** One endpoint. */
export const peer = text('expected an address such as "10.0.0.1:80"', parsePeer);

/** A name whose addresses are the endpoints. */
export const dnsName = text('expected a name and port such as "example.com:443"', (value) => {
  const parsed = parsePeer(value);
  if (!parsed.ok || parsed.value.kind === "name") return parsed;
  return failed("this is an address: write it in endpoints");
});

/** A name whose SRV records say where the endpoints are (RFC 2782). */
export const srvName = text('expected a name such as "_http._tcp.example.com"', (value) => {
  if (/:\d+$/.test(value)) return failed("expected a name without a port: SRV records bring it");
  const host = parseHost(value);
  return host.ok && isAddress(host.value) ? failed("an address has no SRV records") : host;
});

/** A file that is read again and again. */
export const endpointsPath = text('expected a path such as "/etc/web.json"', parseFilePath);

/** A DNS server. */
export const dnsServer = text(
  'expected the address of a DNS server such as "127.0.0.1:53"',
  parseDnsServer,
);

/** Where the admin API listens. */
export const adminAddress = text(
  'expected "127.0.0.1:9901", "unix:/path" or "off"',
  parseAdminAddress,
);

/** Where access-log lines go. */
export const logPath = text('expected "stdout", "off" or a path', parseLogPath);

/** A duration within bounds, in milliseconds. */
export function duration(min = "1ms", max = DURATION_MAX) {
  const parse = (value: string) => bounded(parseDuration, value, [min, max]);
  return text('expected a duration such as "5s"', parse, "^\\d+(ms|s|m|h)$");
}

/** A duration within bounds, in milliseconds, or `"off"`: then undefined. */
export function durationOrOff(min: string, max = DURATION_MAX) {
  const parse = (value: string): Result<number | undefined, string> => {
    if (value === "off") return success(undefined);
    const parsed = bounded(parseDuration, value, [min, max]);
    return parsed.ok ? parsed : failed(`${parsed.error}, or "off"`);
  };
  return text('expected a duration such as "30s", or "off"', parse, "^(\\d+(ms|s|m|h)|off)$");
}

/** A size within bounds, in bytes. */
export function size(min: string, max: string) {
  const parse = (value: string) => bounded(parseSize, value, [min, max]);
  return text('expected a size such as "64KiB"', parse, "^\\d+(B|KiB|MiB)$");
}

/** A size within bounds, in bytes, or `"off"`: then undefined. */
export function sizeOrOff(min: string, max: string) {
  const parse = (value: string): Result<number | undefined, string> => {
    if (value === "off") return success(undefined);
    const parsed = bounded(parseSize, value, [min, max]);
    return parsed.ok ? parsed : failed(`${parsed.error}, or "off"`);
  };
  return text('expected a size such as "10MiB", or "off"', parse, "^(\\d+(B|[KMGT]iB)|off)$");
}

/** A network or a single address, as `parseNetwork` writes it. */
export const network = text('expected a network such as "10.0.0.0/8"', parseNetwork);

/** What Upgrade may name, in lower case (RFC 9110 §7.8). */
export const upgradeProtocol = text(
  'expected a protocol such as "websocket"',
  parseUpgradeProtocol,
);

/** A TCP port. */
export const port = integer(1, 65_535);

/** A path that is compared as it stands; escapes and dot segments must be in normal form (RFC 3986 §6.2.2). */
export const path = text('expected a path such as "/app"', parsePath);

/** As `path`; a final slash says nothing for a segment. */
export const segmentPath = text('expected a path such as "/app"', (value) => {
  const parsed = parsePath(value);
  if (!parsed.ok || parsed.value === "/") return parsed;
  return success(parsed.value.replace(/\/$/, ""));
});

/** A regular expression that matches the whole text and cannot be made slow; see `checkRegex`. */
export const regex = text('expected a regex such as "/v[0-9]+/.*"', (value) => {
  const checked = checkRegex(value);
  return checked.ok
    ? checked
    : failed(`this regex is outside the subset that is surely fast: ${checked.error}`);
});

/** The name of a header that a match may look at; becomes lower-case (RFC 9110 §5.1). */
export const matchHeaderName = text("expected a header name", (value) => {
  const folded = value.toLowerCase();
  if (folded === "host" || folded === "upgrade") return success(folded);
  const kind = classifyFieldName(value);
  if (kind === INVALID) return failed("this is not a header name (RFC 9110 §5.1)");
  return kind === ORDINARY || kind === USER_AGENT || kind === REFERER || kind === CDN_LOOP
    ? success(folded)
    : failed(
        "this header belongs to the connection or is written by proxies: routes do not see it",
      );
});

/** The name of a cookie (RFC 6265 §4.1.1). */
export const cookieName = text('expected the name of a cookie such as "session"', (value) =>
  isToken(value) ? success(value) : failed("this is not the name of a cookie (RFC 6265 §4.1.1)"),
);

/** The name of a query parameter, decoded. */
export const queryName = text("expected the name of a query parameter", (value) =>
  /^[^\p{C}]{1,253}$/u.test(value)
    ? success(value)
    : failed("expected 1 to 253 visible characters"),
);

/** What a header or query parameter is compared with. */
export const matchText = text("expected text", (value) =>
  value.length <= VALUE_LENGTH_MAX && !/\p{Cc}/u.test(value)
    ? success(value)
    : failed("expected text without control characters, at most 8 KiB"),
);

/** A request method (RFC 9110 §9.1: case-sensitive). */
export const method = text('expected a method such as "GET"', (value) =>
  METHOD.test(value) ? success(value) : failed('expected an upper-case method such as "GET"'),
);

/** An ALPN protocol name (RFC 7301 §3.1). */
export const alpn = text('expected a protocol such as "h2"', (value) =>
  /^[!-~]{1,255}$/.test(value) ? success(value) : failed('expected a protocol such as "h2"'),
);

/** A host to redirect to. */
export const redirectHost = text('expected a host such as "www.example.com"', parseHost);

/** The name of a header that a fixed answer may carry; `Date` is always sent. */
export const headerName = text("expected a header name", (value) => {
  const kind = classifyFieldName(value);
  if (kind === INVALID) return failed("this is not a header name (RFC 9110 §5.1)");
  if (kind === LOOKALIKE) return failed("some programs take this header for another one");
  return kind === ORDINARY && value.toLowerCase() !== "date"
    ? success(value)
    : failed("this header belongs to the connection or to requests and cannot be set");
});

/** The name of a header that a route may set, add or remove. */
export const editedHeaderName = text("expected a header name", (value) => {
  const kind = classifyFieldName(value);
  if (kind === INVALID) return failed("this is not a header name (RFC 9110 §5.1)");
  if (kind === LOOKALIKE) return failed("some programs take this header for another one");
  if (kind === HOST) return failed("Host is changed with rewrite = { host = … }");
  return kind === ORDINARY || kind === USER_AGENT || kind === REFERER
    ? success(value)
    : failed("this header frames the message or says who forwarded it: routes cannot change it");
});

/** The value of a header with placeholders: text, placeholder, text … */
export const headerTemplate = text("expected text", (value) =>
  value.length <= VALUE_LENGTH_MAX && FIELD_VALUE.test(value)
    ? parseTemplate(value)
    : failed(HEADER_VALUE_RULE),
);

/** The name of a header in a list that CORS speaks of; `*` for all. */
export const corsHeaderName = text("expected a header name", (value) =>
  isToken(value) ? success(value) : failed("this is not a header name (RFC 9110 §5.1)"),
);

/** An origin, or how it begins. */
export const corsText = text('expected an origin such as "https://example.com"', (value) =>
  /^[!-~]{1,1024}$/.test(value)
    ? success(value)
    : failed('expected an origin such as "https://example.com"'),
);

/** A Host: a name or an address, with or without a port. */
export const authority = text('expected a host such as "example.com"', (value) =>
  isAuthority(value) ? success(value) : failed('expected a host such as "example.com"'),
);

/** The value of a header. */
export const headerValue = text("expected text", (value) =>
  value.length <= VALUE_LENGTH_MAX && FIELD_VALUE.test(value)
    ? success(value)
    : failed(HEADER_VALUE_RULE),
);

/** The body of a fixed answer. */
export const body = text("expected text", (value) =>
  value.length <= BODY_LENGTH_MAX ? success(value) : failed("a fixed body has at most 64 KiB"),
);

/** Status codes that redirect (RFC 9110 §15.4). */
export const redirectStatus = v.picklist(
  [301, 302, 303, 307, 308],
  ({ input }) => `expected one of 301, 302, 303, 307, 308, found ${String(input)}`,
);

/** Final status codes; 1xx are interim (RFC 9110 §15.2). */
export const responseStatus = integer(200, 599);

const RETRY_CONDITIONS: readonly RetryCondition[] = [
  "connect-failure",
  "refused-stream",
  "reset",
  "5xx",
  "gateway-error",
];

/** After what a request is sent again: a word, or a status of its own. */
export const retryCondition = text<RetryCondition | number>(
  'expected a condition such as "5xx"',
  (value) => {
    const word = RETRY_CONDITIONS.find((one) => one === value);
    if (word !== undefined) return success(word);
    const status = /^retriable-status:([2-5]\d\d)$/.exec(value)?.[1];
    return status === undefined
      ? failed(`expected one of ${RETRY_CONDITIONS.join(", ")}, or retriable-status:503`)
      : success(Number(status));
  },
);

/** Hosts in a list. */
export const hosts = list(hostPattern, 10_000, '["example.com"]');

/** Names of gateways. */
export const gatewayNames = list(name, 1000, '["web"]');

/** http or https. */
export const scheme = words(["http", "https"]);

function bounded(
  parse: (text: string) => Result<number, string>,
  value: string,
  [min, max]: readonly [string, string],
): Result<number, string> {
  const parsed = parse(value);
  if (!parsed.ok) return parsed;
  const [least, most] = [parse(min), parse(max)];
  const isInside = least.ok && most.ok && parsed.value >= least.value && parsed.value <= most.value;
  return isInside ? parsed : failed(`expected ${min} to ${max}`);
}

function parseUpgradeProtocol(value: string): Result<string, string> {
  const [name = "", version, ...more] = value.split("/");
  const isProtocol = isToken(name) && (version === undefined || isToken(version));
  if (!isProtocol || more.length > 0) return failed('expected a protocol such as "websocket"');
  if (name.toLowerCase() === "h2c") {
    return failed("HTTP/2 in cleartext is not passed on: its requests would escape the routes");
  }
  return success(value.toLowerCase());
}

function parseFilePath(value: string): Result<string, string> {
  return value.startsWith("/") && value.length <= FILE_PATH_LENGTH_MAX && !/\p{Cc}/u.test(value)
    ? success(value)
    : failed("expected an absolute path");
}

function parseLogPath(value: string): Result<AccessLogSettings["destination"], string> {
  if (value === "stdout" || value === "off") return success({ kind: value });
  const isPath = value.startsWith("/") && value.length <= FILE_PATH_LENGTH_MAX;
  return isPath && !/\p{Cc}/u.test(value)
    ? success({ kind: "file", path: value })
    : failed('expected "stdout", "off" or an absolute path');
}

function parsePath(value: string): Result<string, string> {
  if (!value.startsWith("/")) return failed('a path begins with "/"');
  if (value.length > PATH_LENGTH_MAX)
    return failed(`a path has at most ${PATH_LENGTH_MAX} characters`);
  if (!PATH.test(value)) {
    return failed("a path has only visible ASCII characters without ? and #; escape others with %");
  }
  const normal = normalisePath(value);
  if (normal === undefined) return failed("this path has a broken escape or climbs over its root");
  return normal === value
    ? success(value)
    : failed(`write it as requests are compared: "${normal}"`);
}
