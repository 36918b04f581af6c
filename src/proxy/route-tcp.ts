/** Gateway → chains → route → destination, for a connection of which nothing is read. */
import { matchTcpRoute } from "../core/match/tcp-route.ts";
import type { Listener } from "../core/model.ts";
import type { ProxyContext } from "./context.ts";
import { routeTo, unrouted } from "./route-tls.ts";
import type { RoutedStream, UnroutedStream } from "./routed-stream.ts";

/**
 * Routes by the worker's current snapshot; chance decides between weighted destinations. A tcp listener has one gateway,
 * whose virtual services are tried in the order of the file. Failures: no-route, no-endpoint (all weights 0).
 */
export function routeTcp(
  context: ProxyContext,
  listener: Listener,
  source: string,
): RoutedStream | UnroutedStream {
  const { snapshot } = context.runtime();
  const { any } = listener.hosts;
  const gatewayIndex = any ?? snapshot.gateways.findIndex((one) => one.listener === listener.id);
  const gateway = snapshot.gateways[gatewayIndex];
  if (gateway === undefined) return unrouted(undefined, "no-route");
  const facts = { port: listener.address.port, gateway: gateway.name, source };
  for (const index of gateway.tcpChains) {
    const route = matchTcpRoute(snapshot.tcpChains[index]?.routes ?? [], facts);
    if (route !== undefined) return routeTo(context, gatewayIndex, route.destinations);
  }
  return unrouted(gateway, "no-route");
}
