/** Every route of a snapshot as its gateways have it, in words. Pure. */
import type { Gateway, HttpRoute, Snapshot, TcpRoute, TlsRoute } from "../core/model.ts";
import type { RoutesView, RouteView } from "../core/views.ts";
import {
  actionWords,
  forwardWords,
  hostsByValue,
  httpMatchWords,
  serviceName,
  tcpMatchWords,
  tlsMatchWords,
} from "./words.ts";

/** The routes of all gateways, in the order in which they are tried. */
export function routesView(snapshot: Snapshot): RoutesView {
  return {
    snapshot_version: snapshot.version,
    source: snapshot.source,
    routes: buildRoutes(snapshot),
  };
}

/** The rows of routesView. */
export function buildRoutes(snapshot: Snapshot): RouteView[] {
  return snapshot.gateways.flatMap((gateway) => [
    ...httpRoutes(snapshot, gateway),
    ...tlsRoutes(snapshot, gateway),
    ...namelessRoutes(snapshot, gateway),
    ...tcpRoutes(snapshot, gateway),
  ]);
}

function httpRoutes(snapshot: Snapshot, gateway: Gateway): RouteView[] {
  return [...hostsByValue(gateway.virtualHosts)].flatMap(([index, hosts]) => {
    const virtualHost = snapshot.virtualHosts[index];
    if (virtualHost === undefined) return [];
    return virtualHost.routes.flatMap((route) => {
      const matches = reachable(snapshot, gateway, route);
      if (matches === undefined) return [];
      const common = commonPart(gateway, route, hosts);
      return [
        { ...common, ...httpPart(snapshot, route, matches), virtual_service: virtualHost.name },
      ];
    });
  });
}

function tlsRoutes(snapshot: Snapshot, gateway: Gateway): RouteView[] {
  return [...hostsByValue(gateway.tlsChains)].flatMap(([index, hosts]) => {
    const chain = snapshot.tlsChains[index];
    if (chain === undefined) return [];
    return chain.routes.flatMap((route) => {
      const matches = reachable(snapshot, gateway, route);
      if (matches === undefined) return [];
      const common = commonPart(gateway, route, hosts);
      return [{ ...common, ...tlsPart(snapshot, route, matches), virtual_service: chain.name }];
    });
  });
}

function tcpRoutes(snapshot: Snapshot, gateway: Gateway): RouteView[] {
  return gateway.tcpChains.flatMap((index) => {
    const chain = snapshot.tcpChains[index];
    if (chain === undefined) return [];
    return chain.routes.flatMap((route) => {
      const matches = reachable(snapshot, gateway, route);
      if (matches === undefined) return [];
      const words = matches.map(tcpMatchWords);
      return {
        ...commonPart(gateway, route, chain.hosts),
        kind: "tcp" as const,
        match: words.includes("") ? [] : words,
        action: forwardWords(route.destinations, snapshot.services),
        services: route.destinations.map(({ service }) => serviceName(snapshot.services, service)),
        virtual_service: chain.name,
      };
    });
  });
}

/** Where a hello without a server name goes, past the routes. */
function namelessRoutes(snapshot: Snapshot, gateway: Gateway): RouteView[] {
  const listener = snapshot.listeners.find(({ id }) => id === gateway.listener);
  const nameless = listener?.noSni;
  if (nameless === undefined || snapshot.gateways[nameless.gateway] !== gateway) return [];
  const { destination } = nameless;
  return [
    {
      gateway: gateway.name,
      kind: "tls",
      hosts: [],
      virtual_service: "",
      route: "no_sni",
      match: ["no server name"],
      action: forwardWords([destination], snapshot.services),
      services: [serviceName(snapshot.services, destination.service)],
      line: gateway.origin.line,
    },
  ];
}

interface Condition {
  readonly gateways?: readonly string[];
  readonly port?: number;
}

/** The matches that can hold at this gateway; undefined when the route has some and none of them can. */
function reachable<M extends Condition>(
  snapshot: Snapshot,
  gateway: Gateway,
  route: { readonly matches: readonly M[] },
): readonly M[] | undefined {
  const port = snapshot.listeners.find(({ id }) => id === gateway.listener)?.address.port;
  const holding = route.matches.filter((match) => {
    const gatewayHolds = match.gateways?.includes(gateway.name) ?? true;
    return gatewayHolds && (match.port === undefined || match.port === port);
  });
  return holding.length === 0 && route.matches.length > 0 ? undefined : holding;
}

function commonPart(
  gateway: Gateway,
  route: HttpRoute | TcpRoute | TlsRoute,
  hosts: readonly string[],
) {
  return { gateway: gateway.name, hosts, route: route.name, line: route.origin.line };
}

function httpPart(snapshot: Snapshot, route: HttpRoute, matches: HttpRoute["matches"]) {
  const { action } = route;
  const destinations = action.kind === "forward" ? action.destinations : [];
  const words = matches.map(httpMatchWords);
  return {
    kind: "http" as const,
    // One alternative without a condition takes everything, whatever the others say.
    match: words.includes("") ? [] : words,
    action: actionWords(action, snapshot.services),
    services: destinations.map(({ service }) => serviceName(snapshot.services, service)),
  };
}

function tlsPart(snapshot: Snapshot, route: TlsRoute, matches: TlsRoute["matches"]) {
  return {
    kind: "tls" as const,
    match: matches.map(tlsMatchWords),
    action: forwardWords(route.destinations, snapshot.services),
    services: route.destinations.map(({ service }) => serviceName(snapshot.services, service)),
  };
}
