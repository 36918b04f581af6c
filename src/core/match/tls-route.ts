/** Which TLS route of a chain takes a connection. */
import type { TlsChain, TlsMatch, TlsRoute } from "../model.ts";
import { hostPatternTakes } from "./host-table.ts";

/** What a TLS match can look at. */
export interface TlsConnectionFacts {
  readonly serverName: string;
  readonly alpn: readonly string[];
  readonly port: number;
  readonly gateway: string;
}

/** First route of which any match holds, in file order. Pure. */
export function matchTlsRoute(chain: TlsChain, facts: TlsConnectionFacts): TlsRoute | undefined {
  return chain.routes.find((route) => route.matches.some((match) => holds(match, facts)));
}

function holds(match: TlsMatch, facts: TlsConnectionFacts): boolean {
  if (match.port !== undefined && match.port !== facts.port) return false;
  if (match.gateways !== undefined && !match.gateways.includes(facts.gateway)) return false;
  if (match.alpn !== undefined && !match.alpn.some((name) => facts.alpn.includes(name)))
    return false;
  return match.sni.some((pattern) => hostPatternTakes(pattern, facts.serverName));
}
