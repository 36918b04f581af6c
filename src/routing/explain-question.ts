/** What `explain` is asked, from text to the head that the data plane would read. */
import { type RequestHead, parseRequestHead } from "../core/http1/request-head.ts";
import { foldAuthority, isAuthority } from "../core/http1/target.ts";
import { parseIpGroups } from "../core/ip.ts";
import { type Result, failed, success } from "../core/result.ts";

/** As the command line and the admin API take it. */
export interface AskedQuestion {
  /**
   * `http://a.com/x`, `tls://a.com:8443`, `tcp://10.0.0.1:22`; `https://` is TLS, since nothing is decrypted here. The
   * address may be left out: `tls://:443` has no server name, and `tcp://:22` is any address of the box.
   */
  readonly url: string;
  readonly method: string;
  /** `name: value`; a Host replaces that of the URL. */
  readonly headers: readonly string[];
  readonly alpn: readonly string[];
  /** The client's address; empty = one of nobody (RFC 5737). */
  readonly source: string;
}

/** A request over HTTP. */
export interface HttpQuestion {
  readonly kind: "http";
  readonly asked: string;
  readonly port: number;
  readonly head: RequestHead;
  /** Of the peer, which may be a proxy that is trusted. */
  readonly source: string;
}

/** A TLS connection. */
export interface TlsQuestion {
  readonly kind: "tls";
  readonly asked: string;
  readonly port: number;
  /** An IP address of the box; undefined = any. */
  readonly address: string | undefined;
  /** Folded; undefined = the hello has none, as with an address. */
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  readonly ech: boolean;
  readonly source: string;
}

/** A connection of which nothing is read. */
export interface TcpQuestion {
  readonly kind: "tcp";
  readonly asked: string;
  readonly port: number;
  /** An IP address of the box; undefined = any. */
  readonly address: string | undefined;
  readonly source: string;
}

/** One of them. */
export type Question = HttpQuestion | TlsQuestion | TcpQuestion;

const URL_PARTS = /^(http|https|tls|tcp):\/\/([^/?#]*)([^#]*)/;
const NO_HOST = /^:\d{1,5}$/;
const BRACKETS = /^\[(.*)\]$/;
const LINE = /^[\t\x20-\x7e]*$/;
const COUNT_MAX = 100;
const HTTP_PORT = 80;
const TLS_PORT = 443;
const PORT_MAX = 65_535;
const NOBODY = "192.0.2.1";

/** Reads a question; the error is a sentence. Pure. The head goes through the parser of the data plane. */
export function readQuestion(given: AskedQuestion): Result<Question, string> {
  const parts = URL_PARTS.exec(given.url);
  const [, scheme, authority = "", rest = ""] = parts ?? [];
  if (scheme === undefined || !(isAuthority(authority) || isPort(scheme, authority))) {
    return failed(
      "expected a URL such as http://example.com/path, tls://example.com:443 or tcp://10.0.0.1:22",
    );
  }
  const source = given.source === "" ? NOBODY : given.source;
  if (parseIpGroups(source) === undefined) return failed(`"${source}" is not an IP address`);
  if (scheme === "http") return readHttp(given, { authority, rest, source });
  if (scheme === "tcp") return readTcp(authority, source);
  const name = foldAuthority(authority);
  const address = addressOf(name);
  const isNamed = address === undefined && name !== "";
  return success({
    kind: "tls",
    asked: `tls://${authority}${isNamed ? "" : ", without a server name"}`,
    port: portOf(authority) ?? TLS_PORT,
    address,
    serverName: isNamed ? name : undefined,
    alpn: given.alpn,
    ech: false,
    source,
  });
}

/** Without a host it can be a connection, but no request. */
function isPort(scheme: string, authority: string): boolean {
  return scheme !== "http" && NO_HOST.test(authority) && (portOf(authority) ?? 0) <= PORT_MAX;
}

function readTcp(authority: string, source: string): Result<TcpQuestion, string> {
  const host = foldAuthority(authority);
  const address = addressOf(host);
  const port = portOf(authority);
  if (port === undefined) return failed("a tcp URL needs a port, as in tcp://:22");
  if (address === undefined && host !== "") {
    return failed(`a tcp connection has no name: ask for tcp://:${port}, or an address of the box`);
  }
  return success({ kind: "tcp", asked: `tcp://${authority}`, port, address, source });
}

/** The host itself if it is an IP literal, without brackets. */
function addressOf(host: string): string | undefined {
  const address = BRACKETS.exec(host)?.[1] ?? host;
  return parseIpGroups(address) === undefined ? undefined : address;
}

function readHttp(
  { method, headers }: AskedQuestion,
  {
    authority,
    rest,
    source,
  }: { readonly authority: string; readonly rest: string; readonly source: string },
): Result<Question, string> {
  const target = rest.startsWith("/") ? rest : `/${rest}`;
  const lines = headers.some((line) => /^host:/i.test(line))
    ? headers
    : [`Host: ${authority}`, ...headers];
  if (![method, target, ...lines].every((line) => LINE.test(line))) {
    return failed("a method, path or header holds a character that no request may have");
  }
  const text = [`${method} ${target} HTTP/1.1`, ...lines, "", ""].join("\r\n");
  const parsed = parseRequestHead(text, COUNT_MAX);
  if (!parsed.ok) return failed(`the request would be refused: ${parsed.error.detail}`);
  return success({
    kind: "http",
    asked: `${method} http://${authority}${target}`,
    port: portOf(authority) ?? HTTP_PORT,
    head: parsed.value,
    source,
  });
}

function portOf(authority: string): number | undefined {
  const port = /:(\d+)$/.exec(authority)?.[1];
  return port === undefined ? undefined : Number(port);
}
