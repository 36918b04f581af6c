/** Server name → gateway → chain → route → destination, for one ClientHello. */
import { pickWeighted } from "../core/balance.ts";
import type { Failure } from "../core/failure.ts";
import { matchHost } from "../core/match/host-table.ts";
import { matchTlsRoute } from "../core/match/tls-route.ts";
import type { Destination, Gateway, Listener } from "../core/model.ts";
import type { ServiceState } from "../upstream/service-state.ts";
import type { ProxyContext } from "./context.ts";

/** Where a connection goes. */
export interface RoutedTls {
  readonly kind: "routed";
  readonly gateway: Gateway;
  /** Index into `Snapshot.gateways`, which is also the index into a destination's slots. */
  readonly gatewayIndex: number;
  readonly destination: Destination;
  readonly service: ServiceState;
}

/** Why a connection goes nowhere, and the gateway if one let it in. */
export interface UnroutedTls {
  readonly kind: "failure";
  readonly gateway: Gateway | undefined;
  readonly failure: Failure;
}

/** What of a ClientHello decides. */
export interface HelloFacts {
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  /** The client's address without port. */
  readonly source: string;
}

/**
 * Routes by the worker's current snapshot; chance decides between weighted destinations. Failures:
 * missing-server-name, unknown-server-name, no-route, no-endpoint (all weights 0).
 */
export function routeTls(
  context: ProxyContext,
  listener: Listener,
  hello: HelloFacts,
): RoutedTls | UnroutedTls {
  const { serverName, alpn, source } = hello;
  const { snapshot, services } = context.runtime();
  if (serverName === undefined) return unrouted(undefined, "missing-server-name");
  const gatewayIndex = matchHost(listener.hosts, serverName);
  const gateway = gatewayIndex === undefined ? undefined : snapshot.gateways[gatewayIndex];
  if (gateway === undefined || gatewayIndex === undefined) {
    return unrouted(undefined, "unknown-server-name");
  }
  const chainIndex = matchHost(gateway.tlsChains, serverName);
  const chain = chainIndex === undefined ? undefined : snapshot.tlsChains[chainIndex];
  if (chain === undefined) return unrouted(gateway, "unknown-server-name");
  const port = listener.address.port;
  const route = matchTlsRoute(chain, {
    serverName,
    alpn,
    source,
    port,
    gateway: gateway.name,
  });
  if (route === undefined) return unrouted(gateway, "no-route");
  const destination = route.destinations[pickWeighted(route.destinations, context.random())];
  const service = destination === undefined ? undefined : services[destination.service];
  if (destination === undefined || service === undefined) return unrouted(gateway, "no-endpoint");
  return { kind: "routed", gateway, gatewayIndex, destination, service };
}

function unrouted(gateway: Gateway | undefined, kind: Failure["kind"]): UnroutedTls {
  return { kind: "failure", gateway, failure: { kind, detail: "" } };
}
