/** What the edge says of the client to the endpoint: overwritten for strangers, appended to for trusted proxies. */
import { type Cidr, anyCidrHolds } from "./ip.ts";

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
 * walks the addresses from right to left: the first that is not trusted is the client. Pure.
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
  const saidProto = listOf(forwarding, "x-forwarded-proto")[0] ?? "";
  const saidHost = listOf(forwarding, "x-forwarded-host")[0] ?? "";
  const saidPort = listOf(forwarding, "x-forwarded-port")[0] ?? "";
  return {
    client: hops.findLast((hop) => !anyCidrHolds(trusted, hop)) ?? hops[0] ?? peer,
    earlier: hops.join(", "),
    proto: SCHEME.test(saidProto) ? saidProto.toLowerCase() : proto,
    host: saidHost === "" ? host : saidHost,
    port: PORT.test(saidPort) ? saidPort : port,
  };
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

/** All values of one field, split at commas, in order; empty members dropped (RFC 9110 §5.6.1). Pure. */
export function listOf(fields: readonly string[], folded: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() !== folded) continue;
    for (const member of (fields[i + 1] ?? "").split(",")) {
      const value = member.trim();
      if (value !== "") values.push(value);
    }
  }
  return values;
}
