/** Requests that must be refused, each by the rule that it breaks, one character a byte (latin1). */
import type { FailureKind } from "../../../src/core/failure.ts";

/** One rule and one request that breaks it. */
export interface Refused {
  readonly name: string;
  /** Where the rule stands. */
  readonly source: string;
  readonly bytes: string;
  readonly kind: FailureKind;
}

const head = (lines: string): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`;
const line = (start: string): string => `${start}\r\nHost: a\r\n\r\n`;
const length = (value: string): string => `${head(`Content-Length: ${value}\r\n`)}0123456789`;
const coding = (value: string): string =>
  `${head(`Transfer-Encoding: ${value}\r\n`)}3\r\nabc\r\n0\r\n\r\n`;
const chunks = (body: string): string => `${head("Transfer-Encoding: chunked\r\n")}${body}`;
const path = (target: string): string => line(`GET ${target} HTTP/1.1`);

type Row = readonly [name: string, bytes: string, kind?: FailureKind];

const HOST: readonly Row[] = [
  ["no Host", "GET / HTTP/1.1\r\nAccept: */*\r\n\r\n"],
  ["no Host with an absolute form", "GET http://a/ HTTP/1.1\r\n\r\n"],
  ["two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
  ["two equal Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"],
  ["two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"],
];

const HOST_VALUES: readonly string[] = [
  "",
  "a b",
  "a,b",
  "a/b",
  "a\\b",
  "a?b",
  "a#b",
  "u@a",
  "u:p@a",
  "http://a",
  "a:80:80",
  "a:http",
  "a:-1",
  "a:65536",
  "a:999999",
  ":80",
  "::1",
  "[::1",
  "[::1]x",
  "[]",
  "[1]",
  "[a.b]",
  "[fe80::1%eth0]",
  "a%2eb",
  "a\tb",
  "\xe4",
  "*",
  "<a>",
];

const AUTHORITIES: readonly string[] = ["", "u@a", "u:p@a", "a:65536", "a%2e", "a:b", "[x]", "a,b"];

const LENGTHS: readonly Row[] = [
  ["a sign before the length", length("+5")],
  ["a negative length", length("-5")],
  ["a hexadecimal length", length("0x5")],
  ["a length with letters", length("5a")],
  ["a length with an exponent", length("1e1")],
  ["a fraction as length", length("5.0")],
  ["a length with an underscore", length("1_0")],
  ["a length with a space inside", length("1 0")],
  ["a quoted length", length('"5"')],
  ["a list of equal lengths", length("5, 5")],
  ["a list of different lengths", length("5, 6")],
  ["a list with an empty member", length("5,")],
  ["an empty length", length("")],
  ["a length of 16 digits", length("1000000000000000")],
  ["a length over 2^64", length("18446744073709551621")],
  ["a length of full-width digits", length("\xef\xbc\x95")],
  ["two equal Content-Lengths", head("Content-Length: 5\r\nContent-Length: 5\r\n")],
  ["two different Content-Lengths", head("Content-Length: 5\r\nContent-Length: 6\r\n")],
  ["two Content-Lengths in other case", head("Content-Length: 5\r\ncontent-length: 6\r\n")],
];

const BOTH: readonly Row[] = [
  [
    "Content-Length with Transfer-Encoding",
    `${head("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n`,
  ],
  [
    "Transfer-Encoding with Content-Length",
    `${head("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n")}0\r\n\r\n`,
  ],
  [
    "Transfer-Encoding in HTTP/1.0",
    "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  [
    "two Transfer-Encodings",
    `${head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n`,
  ],
  [
    "a second Transfer-Encoding: identity",
    `${head("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")}0\r\n\r\n`,
  ],
];

const CODINGS: readonly string[] = [
  "",
  "identity",
  "gzip",
  "gzip, chunked",
  "chunked, gzip",
  "chunked, chunked",
  "chunked,",
  ",chunked",
  "xchunked",
  "chunkedx",
  "chunked;q=1",
  '"chunked"',
  "'chunked'",
  "chun ked",
  "chunked\xa0",
  "\xa0chunked",
  "c\xadhunked",
];

const LINES: readonly Row[] = [
  ["a bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
  ["a bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n"],
  ["a bare LF as empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n"],
  ["a bare LF before the request", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a bare LF inside a value", head("X: a\nContent-Length: 5\r\n")],
  ["a bare CR inside a value", head("X: a\rContent-Length: 5\r\n")],
  ["a bare CR after the request line", "GET / HTTP/1.1\rHost: a\r\n\r\n"],
  ["a bare CR inside the target", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["CR CR LF", "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"],
  ["CR CR LF as end of the head", "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"],
];

const FOLDS: readonly Row[] = [
  ["a folded line", head("X: a\r\n b\r\n")],
  ["a line folded by TAB", head("X: a\r\n\tb\r\n")],
  ["a folded Content-Length", head("Content-Length:\r\n 5\r\n")],
  ["a folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"],
  ["white space before the first field", "GET / HTTP/1.1\r\n X: b\r\nHost: a\r\n\r\n"],
  ["a line of white space", head(" \r\n")],
];

const NAMES: readonly Row[] = [
  ["a space before the colon", head("X : 1\r\n")],
  ["a TAB before the colon", head("X\t: 1\r\n")],
  ["a space before the colon of Content-Length", head("Content-Length : 5\r\n")],
  ["a space before the colon of Transfer-Encoding", head("Transfer-Encoding : chunked\r\n")],
  ["an empty name", head(": 1\r\n")],
  ["a line without a colon", head("X\r\n")],
  ["a colon only in the next line", head("X\r\nY: 1\r\n")],
  ["a space inside a name", head("Content Length: 5\r\n")],
  ["a name in parentheses", head("(X): 1\r\n")],
  ["a name with a slash", head("X/Y: 1\r\n")],
  ["a name with a non-ASCII character", head("X\xe4: 1\r\n")],
  ["a name with a no-break space", head("Content-Length\xa0: 5\r\n")],
  ["a name with a quote", head('"X": 1\r\n')],
];

const LOOKALIKES: readonly string[] = [
  "Content_Length",
  "content_length",
  "Transfer_Encoding",
  "TRANSFER_ENCODING",
  "X_Forwarded_For",
  "X-Forwarded_For",
  "X_Forwarded-Proto",
  "X_Real_IP",
  "X_Request_Id",
  "Proxy_Connection",
  "Keep_Alive",
];

const REQUEST_LINES: readonly Row[] = [
  ["two spaces after the method", line("GET  / HTTP/1.1")],
  ["two spaces before the version", line("GET /  HTTP/1.1")],
  ["a space before the method", line(" GET / HTTP/1.1")],
  ["a space after the version", line("GET / HTTP/1.1 ")],
  ["a TAB after the method", line("GET\t/ HTTP/1.1")],
  ["a TAB before the version", line("GET /\tHTTP/1.1")],
  ["a space in the target", line("GET /a b HTTP/1.1")],
  ["a TAB in the target", line("GET /a\tb HTTP/1.1")],
  ["a no-break space after the method", line("GET\xa0/ HTTP/1.1")],
  ["no target", line("GET HTTP/1.1")],
  ["an empty target", line("GET  HTTP/1.1")],
  ["no version (HTTP/0.9)", line("GET /")],
  ["a method alone", line("GET")],
  ["two requests in one line", line("GET / HTTP/1.1 GET / HTTP/1.1")],
  ["a comma in the method", line("GET,POST / HTTP/1.1")],
  ["a colon in the method", line("GET: / HTTP/1.1")],
  ["a non-ASCII method", line("G\xc4T / HTTP/1.1")],
];

const VERSIONS: readonly Row[] = [
  ["HTTP/2.0", line("GET / HTTP/2.0"), "version-not-supported"],
  ["HTTP/1.2", line("GET / HTTP/1.2"), "version-not-supported"],
  ["HTTP/0.9", line("GET / HTTP/0.9"), "version-not-supported"],
  ["a version in lower case", line("GET / http/1.1")],
  ["a version without minor", line("GET / HTTP/1")],
  ["a version of two digits", line("GET / HTTP/1.10")],
  ["a version with a comma", line("GET / HTTP/1,1")],
  ["a version with a sign", line("GET / HTTP/+1.1")],
  ["another protocol", line("GET / HTCP/1.1")],
];

const TARGETS: readonly Row[] = [
  ["a fragment", path("/a#b")],
  ["a backslash", path("/a\\b")],
  ["a non-ASCII byte", path("/\xe4")],
  ["a target without a slash", path("a")],
  ["a relative path", path("../a")],
  ["* with GET", path("*")],
  ["** with OPTIONS", line("OPTIONS ** HTTP/1.1")],
  ["authority form with GET", path("a:80")],
  ["another scheme", path("ftp://a/")],
  ["https over clear text", path("https://a/")],
  ["a scheme without authority", path("http:/a")],
  ["an absolute form that begins with a query", path("?http://a/")],
];

const PATHS: readonly string[] = [
  "/%",
  "/%4",
  "/%4g",
  "/%-1",
  "/% 1",
  "/%00",
  "/a%00b",
  "/..",
  "/../a",
  "/a/../../b",
  "/%2e%2e/a",
  "/.%2E/a",
  "/a/..%2fb",
  "/a%2F..%2Fb",
  "/a/..%5cb",
  "/a/%2e%2e%2fb",
  "/a/..;/b",
  "/a/..;x=1/b",
  "/a/.;/b",
];

const CHUNKS: readonly Row[] = [
  ["a sign before a chunk size", chunks("+3\r\nabc\r\n0\r\n\r\n")],
  ["a negative chunk size", chunks("-3\r\nabc\r\n0\r\n\r\n")],
  ["a prefix before a chunk size", chunks("0x3\r\nabc\r\n0\r\n\r\n")],
  ["an underscore in a chunk size", chunks("0_3\r\nabc\r\n0\r\n\r\n")],
  ["a chunk size over 52 bits", chunks("10000000000000\r\nabc\r\n0\r\n\r\n")],
  ["a chunk size that overflows 64 bits to 3", chunks("10000000000000003\r\nabc\r\n0\r\n\r\n")],
  ["an empty chunk size", chunks("\r\nabc\r\n0\r\n\r\n")],
  ["an empty chunk size as the last", chunks("\r\n\r\n")],
  ["an extension without a size as the last", chunks(";a\r\n\r\n")],
  ["CR and another byte after a chunk size", chunks("3\rXabc\r\n0\r\n\r\n")],
  ["CR and another byte after the data", chunks("3\r\nabc\rX0\r\n\r\n")],
  ["another byte and LF after the data", chunks("3\r\nabcX\n0\r\n\r\n")],
  ["an extension without a size", chunks(";a=b\r\nabc\r\n0\r\n\r\n")],
  ["a letter that is no hex digit", chunks("3g\r\nabc\r\n0\r\n\r\n")],
  ["a space before a chunk size", chunks(" 3\r\nabc\r\n0\r\n\r\n")],
  ["a space after a chunk size", chunks("3 \r\nabc\r\n0\r\n\r\n")],
  ["a TAB after a chunk size", chunks("3\t\r\nabc\r\n0\r\n\r\n")],
  ["a bare LF after a chunk size", chunks("3\nabc\r\n0\r\n\r\n")],
  ["a bare CR after a chunk size", chunks("3\rabc\r\n0\r\n\r\n")],
  ["a bare LF in an extension", chunks("3;a\nabc\r\n0\r\n\r\n")],
  ["a bare CR in an extension", chunks("3;a\rb\r\nabc\r\n0\r\n\r\n")],
  ["NUL in an extension", chunks("3;a\x00\r\nabc\r\n0\r\n\r\n")],
  ["no CRLF after the data", chunks("3\r\nabc0\r\n\r\n")],
  ["a bare LF after the data", chunks("3\r\nabc\n0\r\n\r\n")],
  ["a bare CR after the data", chunks("3\r\nabc\r0\r\n\r\n")],
  ["more data than the size says", chunks("3\r\nabcd\r\n0\r\n\r\n")],
  ["an extension over 1 KiB", chunks(`3;${"a".repeat(1025)}\r\nabc\r\n0\r\n\r\n`)],
];

const TRAILERS: readonly Row[] = [
  ["a bare LF after a trailer", chunks("0\r\nX: 1\n\r\n")],
  ["a bare LF instead of the last CRLF", chunks("0\r\n\n")],
  ["a bare CR in a trailer", chunks("0\r\nX: 1\rY: 2\r\n\r\n")],
  ["NUL in a trailer", chunks("0\r\nX: \x00\r\n\r\n")],
  ["DEL in a trailer", chunks("0\r\nX: \x7f\r\n\r\n")],
  ["a folded trailer", chunks("0\r\nX: 1\r\n 2\r\n\r\n")],
  ["a space before the colon of a trailer", chunks("0\r\nX : 1\r\n\r\n")],
  ["a trailer without a colon", chunks("0\r\nX\r\n\r\n")],
  ["a request instead of trailers", chunks("0\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")],
  ["Content-Length as trailer", chunks("0\r\nContent-Length: 3\r\n\r\n")],
  ["Transfer-Encoding as trailer", chunks("0\r\nTransfer-Encoding: chunked\r\n\r\n")],
  ["Host as trailer", chunks("0\r\nHost: b\r\n\r\n")],
  ["a trailer section over its limit", chunks(`0\r\nX: ${"a".repeat(9000)}\r\n\r\n`)],
];

const OTHER: readonly Row[] = [
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "method-not-allowed"],
  ["an unknown Expect", head("Expect: 200-maybe\r\nContent-Length: 0\r\n"), "expectation-failed"],
  ["101 fields", head(Array.from({ length: 100 }, () => "X: 1\r\n").join("")), "head-too-large"],
];

/** Every control character but TAB, CR and LF, and DEL. */
const CONTROLS = [...Array.from({ length: 0x20 }, (_, i) => i), 0x7f]
  .filter((code) => code !== 0x09 && code !== 0x0a && code !== 0x0d)
  .map((code) => ({ hex: code.toString(16).padStart(2, "0"), text: String.fromCharCode(code) }));

/** All of them. */
export const REFUSED: readonly Refused[] = [
  ...rows("RFC 9112 §3.2", HOST),
  ...values("RFC 9110 §7.2", "Host", HOST_VALUES, (v) => `GET / HTTP/1.1\r\nHost: ${v}\r\n\r\n`),
  ...values("RFC 9112 §3.2.2", "authority", AUTHORITIES, (v) => path(`http://${v}/`)),
  ...values("RFC 9112 §3.2.2", "authority in HTTP/1.0", AUTHORITIES, (v) => {
    return `GET http://${v}/ HTTP/1.0\r\n\r\n`;
  }),
  ...rows("RFC 9112 §6.3", LENGTHS),
  ...rows("RFC 9112 §6.1", BOTH),
  ...values("RFC 9112 §6.1", "Transfer-Encoding", CODINGS, coding),
  ...rows("RFC 9112 §2.2", LINES),
  ...rows("RFC 9112 §5.2", FOLDS),
  ...rows("RFC 9112 §5.1", NAMES),
  ...values("RFC 9110 §5.1", "name", LOOKALIKES, (name) => head(`${name}: 5\r\n`)),
  ...rows("RFC 9112 §3", REQUEST_LINES),
  ...rows("RFC 9112 §2.3", VERSIONS),
  ...rows("RFC 9112 §3.2", TARGETS),
  ...values("RFC 3986 §6.2.2", "path", PATHS, path),
  ...rows("RFC 9112 §7.1", CHUNKS),
  ...rows("RFC 9112 §7.1.2, RFC 9110 §6.5.1", TRAILERS),
  ...rows("RFC 9110 §9.3.6, §10.1.1, RFC 6585 §5", OTHER),
  ...CONTROLS.flatMap(({ hex, text }) =>
    rows("RFC 9110 §5.5", [
      [`character ${hex} in a value`, head(`X: a${text}b\r\n`)],
      [`character ${hex} in a name`, head(`X${text}: a\r\n`)],
      [`character ${hex} in a target`, path(`/a${text}b`)],
      [`character ${hex} in a method`, line(`G${text}ET / HTTP/1.1`)],
      [`character ${hex} in Transfer-Encoding`, head(`Transfer-Encoding: ${text}chunked\r\n`)],
    ]),
  ),
];

function rows(source: string, list: readonly Row[]): readonly Refused[] {
  return list.map(([name, bytes, kind = "bad-request"]) => ({ name, source, bytes, kind }));
}

// oxlint-disable-next-line max-params -- one call a table
function values(
  source: string,
  field: string,
  list: readonly string[],
  build: (value: string) => string,
): readonly Refused[] {
  return rows(
    source,
    list.map((value) => [`${field} ${JSON.stringify(value)}`, build(value)]),
  );
}
