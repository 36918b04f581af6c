/** What `explain` is asked, from text to the head that the data plane would read. */
import { type RequestHead, parseRequestHead } from "../core/http1/request-head.ts";
import { foldAuthority, isAuthority } from "../core/http1/target.ts";
import { parseIpGroups } from "../core/ip.ts";
import { type Result, failed, success } from "../core/result.ts";

/** As the command line and the admin API take it. */
export interface AskedQuestion {
  /** `http://a.com/x`, `tls://a.com:8443`; `https://` is TLS, since nothing is decrypted here. */
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
  readonly source: string;
  readonly scheme: string;
}

/** A TLS connection. */
export interface TlsQuestion {
  readonly kind: "tls";
  readonly asked: string;
  readonly port: number;
  /** Folded. */
  readonly serverName: string;
  readonly alpn: readonly string[];
  readonly ech: boolean;
  readonly source: string;
}

/** One of them. */
export type Question = HttpQuestion | TlsQuestion;

const URL_PARTS = /^(http|https|tls):\/\/([^/?#]+)([^#]*)/;
const LINE = /^[\t\x20-\x7e]*$/;
const COUNT_MAX = 100;
const HTTP_PORT = 80;
const TLS_PORT = 443;
const NOBODY = "192.0.2.1";

/** Reads a question; the error is a sentence. Pure. The head goes through the parser of the data plane. */
export function readQuestion(given: AskedQuestion): Result<Question, string> {
  const parts = URL_PARTS.exec(given.url);
  const [, scheme, authority = "", rest = ""] = parts ?? [];
  if (scheme === undefined || !isAuthority(authority)) {
    return failed("expected a URL such as http://example.com/path or tls://example.com:443");
  }
  const source = given.source === "" ? NOBODY : given.source;
  if (parseIpGroups(source) === undefined) return failed(`"${source}" is not an IP address`);
  if (scheme === "http") return readHttp(given, { authority, rest, source });
  const serverName = foldAuthority(authority);
  return success({
    kind: "tls",
    asked: `tls://${authority}`,
    port: portOf(authority) ?? TLS_PORT,
    serverName,
    alpn: given.alpn,
    ech: false,
    source,
  });
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
    scheme: "http",
  });
}

function portOf(authority: string): number | undefined {
  const port = /:(\d+)$/.exec(authority)?.[1];
  return port === undefined ? undefined : Number(port);
}
