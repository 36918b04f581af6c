/** Which TCP route takes a connection of which nothing was read. */
import { showCidr } from "../ip-address.ts";
import { anyCidrHolds } from "../ip.ts";
import type { TcpMatch, TcpRoute } from "../model.ts";

/** What a TCP match can look at. */
export interface TcpConnectionFacts {
  readonly port: number;
  readonly gateway: string;
  /** The client's address without port. */
  readonly source: string;
}

/** First route of which any match holds, in file order; one without matches takes everything. Pure. */
export function matchTcpRoute(
  routes: readonly TcpRoute[],
  facts: TcpConnectionFacts,
): TcpRoute | undefined {
  return routes.find(
    ({ matches }) =>
      matches.length === 0 ||
      matches.some((match) => failedTcpCondition(match, facts) === undefined),
  );
}

/** The first condition of a match that does not hold, and what there is instead, in words; undefined = all hold. Pure. */
export function failedTcpCondition(
  { port, gateways, sources }: TcpMatch,
  facts: TcpConnectionFacts,
): { readonly wanted: string; readonly found: string } | undefined {
  if (port !== undefined && port !== facts.port) {
    return { wanted: `port is ${port}`, found: String(facts.port) };
  }
  if (gateways !== undefined && !gateways.includes(facts.gateway)) {
    return { wanted: `gateway is ${gateways.join(" or ")}`, found: facts.gateway };
  }
  if (sources !== undefined && !anyCidrHolds(sources, facts.source)) {
    return { wanted: `source is in ${sources.map(showCidr).join(" or ")}`, found: facts.source };
  }
  return undefined;
}
