/** Host → gateway → virtual host → route → destination, for one request head. */
import { type ClientFacts, readClientFacts } from "../core/client-facts.ts";
import { pickWeighted } from "../core/balance/weighted.ts";
import type { Failure } from "../core/failure.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import type { Destination, Gateway, Listener, VirtualHost } from "../core/model.ts";
import { admitHost, isSentToHttps } from "../routing/admit.ts";
import { type Decision, decide } from "../routing/virtual-host.ts";
import type { ServiceState } from "../upstream/service-state.ts";
import type { ProxyContext } from "./context.ts";

/** Where a request goes. The snapshot that was asked stays with it to its end. */
export interface RoutedRequest {
  readonly kind: "routed";
  readonly gateway: Gateway;
  /** Index into `Snapshot.gateways`, which is also the index into a destination's slots. */
  readonly gatewayIndex: number;
  readonly virtualHost: VirtualHost;
  readonly decision: Decision;
  readonly client: ClientFacts;
  /** Undefined for a redirect or a direct response. */
  readonly destination: Destination | undefined;
  readonly service: ServiceState | undefined;
}

/** The gateway sends everything that did not come by https there. */
export interface HttpsRedirect {
  readonly kind: "https-redirect";
  readonly gateway: Gateway;
}

/** Why a request goes nowhere, and the gateway if one let it in. */
export interface UnroutedRequest {
  readonly kind: "failure";
  readonly gateway: Gateway | undefined;
  readonly failure: Failure;
}

/** Where a request came in, and the address that sent it. */
export interface RequestPlace {
  readonly listener: Listener;
  readonly peer: string;
}

/**
 * Routes by the worker's current snapshot; chance decides between weighted destinations. Failures:
 * no-virtual-host (no gateway lets the host in, or nothing is there for it), no-route, no-endpoint (all weights 0).
 */
export function routeRequest(
  context: ProxyContext,
  { listener, peer }: RequestPlace,
  head: RequestHead,
): RoutedRequest | UnroutedRequest | HttpsRedirect {
  const runtime = context.runtime();
  const { snapshot } = runtime;
  const admission = admitHost(snapshot, listener, head.host);
  if (admission === undefined) return unrouted(undefined, "no-virtual-host");
  const { gateway, gatewayIndex, hostIndex } = admission;
  const { port } = listener.address;
  const trusted = runtime.trustedProxies[gatewayIndex] ?? [];
  const client = readClientFacts(head, { peer, port }, trusted);
  if (isSentToHttps(gateway, client.scheme)) return { kind: "https-redirect", gateway };
  const virtualHost = hostIndex === undefined ? undefined : snapshot.virtualHosts[hostIndex];
  const app = hostIndex === undefined ? undefined : runtime.apps.get(hostIndex);
  if (virtualHost === undefined || app === undefined) return unrouted(gateway, "no-virtual-host");
  const decision = decide(app, {
    head,
    gateway: gateway.name,
    port,
    scheme: client.scheme,
    client: client.client,
  });
  if (decision === undefined) return unrouted(gateway, "no-route");
  const destination = chooseDestination(context, decision);
  const service = destination === undefined ? undefined : runtime.services[destination.service];
  if (decision.route.action.kind === "forward" && service === undefined)
    return unrouted(gateway, "no-endpoint");
  return {
    kind: "routed",
    gateway,
    gatewayIndex,
    virtualHost,
    decision,
    client,
    destination,
    service,
  };
}

/** Undefined where nothing is forwarded, or all weights are 0. */
function chooseDestination(context: ProxyContext, decision: Decision): Destination | undefined {
  const { action } = decision.route;
  if (action.kind !== "forward") return undefined;
  const { destinations } = action;
  const chance = destinations.length === 1 ? 0 : context.random();
  return destinations[pickWeighted(destinations, chance)];
}

function unrouted(gateway: Gateway | undefined, kind: Failure["kind"]): UnroutedRequest {
  return { kind: "failure", gateway, failure: { kind, detail: "" } };
}
