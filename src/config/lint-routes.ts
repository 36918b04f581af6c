/** Warnings about single HTTP routes: those that are never reached, and limits and addresses that are not what they seem. */
import { anyCidrHolds, parseCidr } from "../core/ip.ts";
import type { BoundVirtualService } from "./bind.ts";
import type { Path } from "./document.ts";
import type { Report } from "./report.ts";
import type { Config, HttpRouteConfig, ServiceConfig } from "./schema.ts";
import { TakenPaths } from "./taken-paths.ts";

/** Warns of the routes of one virtual service. The file must be free of errors. */
export function lintHttpRoutes(item: BoundVirtualService, config: Config, report: Report): void {
  const { http } = item.config;
  lintShadow(item, report);
  for (const [i, route] of http.entries()) {
    const path = [...item.path, "http", i];
    lintTimeouts(path, { route, services: config.service }, report);
  }
}

/** Warns of services that get requests in the clear over a public network, each once. */
export function lintPublicServices(config: Config, report: Report): void {
  const used = new Set<string>();
  for (const { http } of config.virtual_service) {
    for (const { route = [], mirror } of http) {
      for (const { to } of route) used.add(to);
      if (mirror !== undefined) used.add(mirror.to);
    }
  }
  for (const name of used) {
    const service = config.service[name];
    if (service === undefined || service.tls !== undefined) continue;
    for (const [i, { address }] of (service.endpoints ?? []).entries()) {
      if (address.kind !== "address" || anyCidrHolds(NOT_PUBLIC, address.host)) continue;
      const message = `requests go to ${address.host} in the clear, and it is a public address: give the service tls, or use an address of your own network or of a tunnel`;
      report.warning(["service", name, "endpoints", i], message);
    }
  }
}

/** Addresses of no public network (RFC 6890): private, shared, loopback, link-local and documentation. */
const NOT_PUBLIC = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "::/127",
  "fc00::/7",
  "fe80::/10",
  "2001:db8::/32",
].flatMap((text) => parseCidr(text) ?? []);

/** A route of which every match is within one match of an earlier route; whole catch-alls are said elsewhere. */
function lintShadow(item: BoundVirtualService, report: Report): void {
  const { http } = item.config;
  if (http.length < 2) return;
  const taken = new TakenPaths();
  for (const [i, { match = [] }] of http.entries()) {
    const takers = match.map((one) => taken.taker(one));
    for (const one of match) taken.add(one, i);
    const [first] = takers;
    if (first === undefined || takers.includes(undefined)) continue;
    const { line } = report.document.place([...item.path, "http", first]);
    const message = `never reached: the route in line ${line} takes all of it; move this one before it, or remove it`;
    report.warning([...item.path, "http", i], message);
  }
}

function lintTimeouts(
  path: Path,
  {
    route,
    services,
  }: {
    readonly route: HttpRouteConfig;
    readonly services: Readonly<Record<string, ServiceConfig>>;
  },
  report: Report,
): void {
  const { timeout, retries } = route;
  const perTry = retries?.per_try_timeout;
  if (timeout !== undefined && perTry !== undefined && perTry >= timeout) {
    const message = "never used: the timeout of the route ends the exchange first; make it shorter";
    report.warning([...path, "retries", "per_try_timeout"], message);
  }
  for (const { to } of route.route ?? []) {
    const response = services[to]?.timeouts.response;
    if (timeout === undefined || response === undefined || timeout <= response) continue;
    const message = `service "${to}" gives up after ${response / 1000}s without the head of an answer: raise its timeouts.response if answers may take longer`;
    report.warning([...path, "timeout"], message);
  }
}
