/** Which TLS route of a chain takes a connection. */
import { showCidr } from "../ip-address.ts";
import { anyCidrHolds } from "../ip.ts";
import type { TlsChain, TlsMatch, TlsRoute } from "../model.ts";
import { hostPatternTakes } from "./host-table.ts";

/** What a TLS match can look at. */
export interface TlsConnectionFacts {
  readonly serverName: string;
  readonly alpn: readonly string[];
  readonly ech: boolean;
  readonly port: number;
  readonly gateway: string;
  /** The client's address without port. */
  readonly source: string;
}

/** First route of which any match holds, in file order. Pure. */
export function matchTlsRoute(chain: TlsChain, facts: TlsConnectionFacts): TlsRoute | undefined {
  return chain.routes.find((route) =>
    route.matches.some((match) => failedTlsCondition(match, facts) === undefined),
  );
}

/** The first condition of a match that does not hold, and what there is instead, in words; undefined = all hold. Pure. */
export function failedTlsCondition(
  match: TlsMatch,
  facts: TlsConnectionFacts,
): { readonly wanted: string; readonly found: string } | undefined {
  const { port, gateways, alpn, ech, sources, sni } = match;
  if (port !== undefined && port !== facts.port) {
    return { wanted: `port is ${port}`, found: String(facts.port) };
  }
  if (gateways !== undefined && !gateways.includes(facts.gateway)) {
    return { wanted: `gateway is ${gateways.join(" or ")}`, found: facts.gateway };
  }
  if (alpn !== undefined && !alpn.some((name) => facts.alpn.includes(name))) {
    const found = facts.alpn.length === 0 ? "none" : facts.alpn.join(", ");
    return { wanted: `alpn offers ${alpn.join(" or ")}`, found };
  }
  if (ech !== undefined && ech !== facts.ech) {
    return {
      wanted: ech ? "ech is offered" : "no ech is offered",
      found: facts.ech ? "ech" : "none",
    };
  }
  if (!sni.some((pattern) => hostPatternTakes(pattern, facts.serverName))) {
    return { wanted: `sni is ${sni.join(" or ")}`, found: facts.serverName };
  }
  if (sources !== undefined && !anyCidrHolds(sources, facts.source)) {
    return { wanted: `source is in ${sources.map(showCidr).join(" or ")}`, found: facts.source };
  }
  return undefined;
}
