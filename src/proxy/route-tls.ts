/** Server name → gateway → chain → route → destination, for one ClientHello. */
import { pickWeighted } from "../core/balance/weighted.ts";
import type { FailureKind } from "../core/failure.ts";
import { matchHost } from "../core/match/host-table.ts";
import { matchTlsRoute } from "../core/match/tls-route.ts";
import type { Destination, Gateway, Listener } from "../core/model.ts";
import type { ProxyContext } from "./context.ts";
import type { RoutedStream, UnroutedStream } from "./routed-stream.ts";

/** What of a ClientHello decides. */
export interface HelloFacts {
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  /** Has an encrypted_client_hello; `serverName` is then the outer one. */
  readonly ech: boolean;
  /** The client's address without port. */
  readonly source: string;
}

/**
 * Routes by the worker's current snapshot; chance decides between weighted destinations. A hello without a server name
 * goes where the listener's `no_sni` says, past all routes. Failures: missing-server-name, unknown-server-name, no-route,
 * no-endpoint (all weights 0).
 */
export function routeTls(
  context: ProxyContext,
  listener: Listener,
  hello: HelloFacts,
): RoutedStream | UnroutedStream {
  const { serverName } = hello;
  const { snapshot } = context.runtime();
  if (serverName === undefined) return routeNameless(context, listener);
  const gatewayIndex = matchHost(listener.hosts, serverName);
  const gateway = gatewayIndex === undefined ? undefined : snapshot.gateways[gatewayIndex];
  if (gateway === undefined || gatewayIndex === undefined) {
    return unrouted(undefined, "unknown-server-name");
  }
  const chainIndex = matchHost(gateway.tlsChains, serverName);
  const chain = chainIndex === undefined ? undefined : snapshot.tlsChains[chainIndex];
  if (chain === undefined) return unrouted(gateway, "unknown-server-name");
  const { port } = listener.address;
  const route = matchTlsRoute(chain, { ...hello, serverName, port, gateway: gateway.name });
  if (route === undefined) return unrouted(gateway, "no-route");
  return routeTo(context, gatewayIndex, route.destinations);
}

/** One of the destinations of a route of this gateway, by their weights. */
export function routeTo(
  context: ProxyContext,
  gatewayIndex: number,
  destinations: readonly Destination[],
): RoutedStream | UnroutedStream {
  const { snapshot, services } = context.runtime();
  const gateway = snapshot.gateways[gatewayIndex];
  const chance = destinations.length === 1 ? 0 : context.random();
  const index = pickWeighted(destinations, chance);
  const destination = destinations[index];
  const service = destination === undefined ? undefined : services[destination.service];
  if (gateway === undefined || destination === undefined || service === undefined) {
    return unrouted(gateway, "no-endpoint");
  }
  return { kind: "routed", gateway, gatewayIndex, destination, service };
}

/** The answer for what goes nowhere. Pure. */
export function unrouted(gateway: Gateway | undefined, kind: FailureKind): UnroutedStream {
  return { kind: "failure", gateway, failure: { kind, detail: "" } };
}

function routeNameless(context: ProxyContext, { noSni }: Listener): RoutedStream | UnroutedStream {
  if (noSni === undefined) return unrouted(undefined, "missing-server-name");
  return routeTo(context, noSni.gateway, [noSni.destination]);
}
