/** What the edge says of the client to the endpoint: overwritten for strangers, appended to for trusted proxies. */
import { isAuthority } from "./http1/target.ts";
import { type Cidr, anyCidrHolds, parseIpGroups } from "./ip.ts";

/** What earlier proxies said, as far as it is believed; and who the client is. */
export interface ForwardedChain {
  /** The rightmost address that is not a trusted proxy: the client for logs, predicates and hashing. */
  readonly client: string;
  /** The X-Forwarded-For value before our peer's address; empty = none. */
  readonly earlier: string;
  readonly proto: string;
  readonly host: string;
  readonly port: string;
}

/** What the connection itself shows. */
export interface ConnectionFacts {
  /** The peer's address without port. */
  readonly peer: string;
  readonly proto: string;
  /** Host as the client sent it. */
  readonly host: string;
  /** The listener's port. */
  readonly port: number;
}

/** More hops than any real chain; the rest is cut so that a client cannot make heads grow from proxy to proxy. */
const HOPS_MAX = 32;
const SCHEME = /^https?$/i;
const PORT = /^\d{1,5}$/;

/**
 * Believes `forwarding` (X-Forwarded-… name, value, name, value … as sent) only when the peer is a trusted proxy, and then
 * walks the addresses from right to left: the first that is not trusted is the client. What is no address ends the walk,
 * and of several values of the other fields the last one counts, which the nearest proxy wrote. Pure.
 */
export function readForwarded(
  facts: ConnectionFacts,
  forwarding: readonly string[],
  trusted: readonly Cidr[],
): ForwardedChain {
  const { peer, proto, host } = facts;
  const port = String(facts.port);
  if (trusted.length === 0 || !anyCidrHolds(trusted, peer)) {
    return { client: peer, earlier: "", proto, host, port };
  }
  const hops = listOf(forwarding, "x-forwarded-for").slice(-HOPS_MAX);
  const saidProto = listOf(forwarding, "x-forwarded-proto").at(-1) ?? "";
  const saidHost = listOf(forwarding, "x-forwarded-host").at(-1) ?? "";
  const saidPort = listOf(forwarding, "x-forwarded-port").at(-1) ?? "";
  return {
    client: walkToClient(peer, hops, trusted),
    earlier: hops.join(", "),
    proto: SCHEME.test(saidProto) ? saidProto.toLowerCase() : proto,
    host: isAuthority(saidHost) ? saidHost : host,
    port: PORT.test(saidPort) ? saidPort : port,
  };
}

function walkToClient(peer: string, hops: readonly string[], trusted: readonly Cidr[]): string {
  let client = peer;
  for (const hop of hops.toReversed()) {
    const address = withoutPort(hop);
    if (parseIpGroups(address) === undefined) return client;
    client = address;
    if (!anyCidrHolds(trusted, address)) return client;
  }
  return client;
}

/** Some proxies write `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  if (hop.startsWith("[")) return hop.slice(1, hop.indexOf("]"));
  return hop.replace(/^([\d.]+):\d+$/, "$1");
}

/** The X-Forwarded-… lines with CRLF. Pure. */
export function forwardedLines(chain: ForwardedChain, peer: string): string {
  const addresses = chain.earlier === "" ? peer : `${chain.earlier}, ${peer}`;
  const host = chain.host === "" ? "" : `X-Forwarded-Host: ${chain.host}\r\n`;
  return (
    `X-Forwarded-For: ${addresses}\r\nX-Forwarded-Proto: ${chain.proto}\r\n` +
    `X-Forwarded-Port: ${chain.port}\r\n${host}`
  );
}

/** The Forwarded line with CRLF (RFC 7239 §4), after what a trusted proxy said under that name. Pure. */
export function forwardedElement(chain: ForwardedChain, peer: string, earlier: string): string {
  const address = peer.includes(":") ? `"[${peer}]"` : peer;
  const host = chain.host === "" ? "" : `;host="${chain.host}"`;
  const element = `for=${address}${host};proto=${chain.proto}`;
  return `Forwarded: ${earlier === "" ? element : `${earlier}, ${element}`}\r\n`;
}

/** All values of one field in order, as sent. Pure. */
export function valuesOf(fields: readonly string[], folded: string): readonly string[] {
  return fields.filter((_, i) => i % 2 === 1 && fields[i - 1]?.toLowerCase() === folded);
}

/** All values of a field without quoted strings, split at commas; empty members dropped (RFC 9110 §5.6.1). */
function listOf(fields: readonly string[], folded: string): readonly string[] {
  return valuesOf(fields, folded)
    .flatMap((value) => value.split(","))
    .map((member) => member.trim())
    .filter((member) => member !== "");
}
