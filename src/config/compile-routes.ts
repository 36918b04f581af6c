/** From virtual services to virtual hosts and TLS chains. */
import type {
  Destination,
  HttpAction,
  HttpRoute,
  TcpChain,
  TcpRoute,
  TlsChain,
  TlsRoute,
  VirtualHost,
} from "../core/model.ts";
import type { BoundVirtualService, Kind } from "./bind.ts";
import { compileHttpMatch, compileTcpMatch, compileTlsMatch } from "./compile-match.ts";
import { compileHeaders, compilePolicy, compileRetries, compileRewrite } from "./compile-policy.ts";
import type { TomlDocument } from "./document.ts";
import { isAddress } from "./host-name.ts";
import { overlaps } from "./host-overlap.ts";
import type { HttpRouteConfig, TlsRouteConfig } from "./schema.ts";
import { createReach } from "./slots.ts";
import type { Reach, SlotArrays } from "./slots.ts";

/** What routes are compiled against. */
export interface RouteContext {
  readonly document: TomlDocument;
  /** Service name → index into `Snapshot.services`. */
  readonly services: ReadonlyMap<string, number>;
  readonly slots: SlotArrays;
}

/** One virtual service's HTTP routes. Pure but for the slots it asks for. */
export function compileVirtualHost(item: BoundVirtualService, context: RouteContext): VirtualHost {
  const { config, name, origin } = item;
  const whole = reachable(item, "http");
  const routes = config.http.map((route, i): HttpRoute => {
    const routeName = route.name ?? `${name}/http[${i}]`;
    const reach = narrow(whole, route.match);
    const labels = { virtual_host: name, route: routeName };
    return {
      name: routeName,
      matches: (route.match ?? []).map(compileHttpMatch),
      action: compileAction(route, { labels, reach, context }),
      ...compilePolicy(route),
      origin: context.document.place([...item.path, "http", i]),
    };
  });
  return { name, hosts: config.hosts, routes, origin };
}

/** One virtual service's TLS routes. Pure but for the slots it asks for. */
export function compileTlsChain(item: BoundVirtualService, context: RouteContext): TlsChain {
  const { config, name, origin } = item;
  const whole = reachable(item, "tls");
  const hosts = config.hosts.filter((host) => !isAddress(host));
  const routes = config.tls.map((route, i): TlsRoute => {
    const reach = narrow(whole, route.match);
    return {
      name: route.name ?? `${name}/tls[${i}]`,
      matches: (route.match ?? [{}]).map((match) => compileTlsMatch(match, hosts)),
      destinations: route.route.map((part) => streamDestination(part, reach, context)),
      origin: context.document.place([...item.path, "tls", i]),
    };
  });
  return { name, hosts, routes, origin };
}

/** One virtual service's TCP routes. Pure but for the slots it asks for. */
export function compileTcpChain(item: BoundVirtualService, context: RouteContext): TcpChain {
  const { config, name, origin } = item;
  const whole = reachable(item, "tcp");
  const routes = config.tcp.map((route, i): TcpRoute => {
    const reach = narrow(whole, route.match);
    return {
      name: route.name ?? `${name}/tcp[${i}]`,
      matches: (route.match ?? []).map(compileTcpMatch),
      destinations: route.route.map((part) => streamDestination(part, reach, context)),
      origin: context.document.place([...item.path, "tcp", i]),
    };
  });
  return { name, hosts: config.hosts, routes, origin };
}

interface ActionContext {
  readonly labels: Readonly<Record<"virtual_host" | "route", string>>;
  readonly reach: Reach;
  readonly context: RouteContext;
}

function compileAction(config: HttpRouteConfig, action: ActionContext): HttpAction {
  const { route, redirect, respond } = config;
  if (route !== undefined) return compileForward(config, route, action);
  const { labels, reach, context } = action;
  const requestSlots = context.slots.perRoute(
    "gatehouse_requests_total",
    { ...labels, service: "" },
    reach,
  );
  if (redirect !== undefined) {
    const { status, scheme, host, port, path } = redirect;
    return { kind: "redirect", status, scheme, host, port, path, requestSlots };
  }
  const { status = 404, body = "", headers = {} } = respond ?? {};
  return { kind: "respond", status, body, headers: Object.entries(headers).flat(), requestSlots };
}

type DestinationConfig = NonNullable<HttpRouteConfig["route"]>[number];

function compileForward(
  { upgrade, rewrite, timeout, retries, mirror }: HttpRouteConfig,
  route: readonly DestinationConfig[],
  action: ActionContext,
): HttpAction {
  return {
    kind: "forward",
    destinations: route.map((part) => httpDestination(part, action)),
    upgrade,
    ...(rewrite === undefined ? {} : { rewrite: compileRewrite(rewrite) }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(retries === undefined ? {} : { retry: compileRetries(retries) }),
    ...(mirror === undefined
      ? {}
      : {
          mirror: {
            service: action.context.services.get(mirror.to) ?? 0,
            percent: mirror.percent,
          },
        }),
  };
}

function httpDestination(
  { to, subset, weight, headers }: DestinationConfig,
  action: ActionContext,
): Destination {
  const { labels, reach, context } = action;
  const { slots, services } = context;
  return {
    service: services.get(to) ?? 0,
    ...(subset === undefined ? {} : { subset }),
    weight,
    ...(headers === undefined ? {} : { headers: compileHeaders(headers) }),
    requestSlots: slots.perRoute("gatehouse_requests_total", { ...labels, service: to }, reach),
    durationSlots: slots.perService("gatehouse_request_duration_seconds", to, reach),
    tunnelSlots: slots.none,
    tunnelActiveSlots: slots.none,
    byteSlots: slots.perService("gatehouse_bytes_total", to, reach),
  };
}

/** Where a passed-through connection goes, with the counters of the gateways in `reach`. Pure but for the slots. */
export function streamDestination(
  { to, subset, weight }: TlsRouteConfig["route"][number],
  reach: Reach,
  { slots, services }: RouteContext,
): Destination {
  return {
    service: services.get(to) ?? 0,
    ...(subset === undefined ? {} : { subset }),
    weight,
    requestSlots: slots.none,
    durationSlots: slots.none,
    tunnelSlots: slots.perService("gatehouse_tunnels_total", to, reach),
    tunnelActiveSlots: slots.perService("gatehouse_tunnels_active", to, reach),
    byteSlots: slots.perService("gatehouse_bytes_total", to, reach),
  };
}

/** Served gateways that let in at least one of the hosts: a counter for any other would never count. */
function reachable({ config, gateways }: BoundVirtualService, kind: Kind): Reach {
  return createReach(
    gateways[kind].filter(
      ({ index, letsIn }) => index >= 0 && config.hosts.some((host) => overlaps(letsIn, host)),
    ),
  );
}

/** Of these, the ones through which some match can hold. */
function narrow(
  whole: Reach,
  matches: readonly { port?: number | undefined; gateways?: string[] | undefined }[] = [{}],
): Reach {
  if (matches.some(({ port, gateways }) => port === undefined && gateways === undefined)) {
    return whole;
  }
  return createReach(
    whole.gateways.filter(({ config }) =>
      matches.some(
        (match) =>
          (match.port === undefined || match.port === config.listen.address.port) &&
          (match.gateways === undefined || match.gateways.includes(config.name)),
      ),
    ),
  );
}
