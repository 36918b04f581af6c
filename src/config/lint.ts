/** What is allowed and probably not meant. */
import { KINDS } from "./bind.ts";
import type { Bindings, BoundGateway, BoundVirtualService, Kind } from "./bind.ts";
import type { Path } from "./document.ts";
import { isAddress } from "./host-name.ts";
import { buildHostSet, contains, overlaps } from "./host-overlap.ts";
import type { HostSet } from "./host-overlap.ts";
import type { RoutedHosts } from "./host-tables.ts";
import { lintBalance } from "./lint-balance.ts";
import { lintEndpointFiles } from "./lint-endpoint-files.ts";
import { lintHealth } from "./lint-health.ts";
import { lintOverlaps } from "./lint-overlap.ts";
import { lintPools } from "./lint-pool.ts";
import { lintHttpRoutes, lintPublicServices } from "./lint-routes.ts";
import { lintSubsets } from "./lint-subsets.ts";
import type { Report } from "./report.ts";
import type { Config, HttpRouteConfig, TlsRouteConfig } from "./schema.ts";
import { hasMoreThanPath } from "./taken-paths.ts";

/**
 * Warns of what works and does nothing, or does more than it seems. The file must be free of errors. Effect: reads the
 * files of endpoints.
 */
export function lintConfig(
  config: Config,
  { bindings, hosts }: { bindings: Bindings; hosts: Readonly<Record<Kind, RoutedHosts>> },
  report: Report,
): void {
  for (const kind of KINDS) lintLetIn(bindings, { kind, hosts: hosts[kind] }, report);
  for (const item of bindings.virtualServices) {
    lintRouted(item, report);
    lintOrder(item, report);
    lintPrefixes(item, report);
    lintPorts(item, report);
    lintHttpRoutes(item, config, report);
  }
  lintServices(config, report);
  lintPublicServices(config, report);
  lintSubsets(config, report);
  lintBalance(config, report);
  lintHealth(config, report);
  lintPools(config, report);
  lintEndpointFiles(config, bindings, report);
  lintOverlaps(bindings, report);
}

/** Hosts that are let in and lead nowhere. Gateways with one table share one set. */
function lintLetIn(
  { served }: Bindings,
  { kind, hosts }: { kind: Kind; hosts: RoutedHosts },
  report: Report,
): void {
  const sets = new Map<object, HostSet>();
  for (const { config, index, path } of served) {
    const table = hosts.tables[index];
    if (config.protocol !== kind || table === undefined || config.https_redirect) continue;
    const wildcards = [...table.wildcard.keys()].map((name) => `*.${name}`);
    const any = table.any === undefined ? [] : ["*"];
    const set = sets.get(table) ?? buildHostSet([...table.exact.keys(), ...wildcards, ...any]);
    sets.set(table, set);
    for (const [i, host] of config.hosts.entries()) {
      if (overlaps(set, host)) continue;
      const message = `"${host}" is let in and routed nowhere: no virtual service of this gateway has ${kind} routes for it`;
      report.warning(said([...path, "hosts", i], report), message);
    }
  }
}

/** Hosts that are routed and can never arrive, on this or any other box. */
function lintRouted(item: BoundVirtualService, report: Report): void {
  const { config, path, gateways } = item;
  const kinds = KINDS.filter((kind) => config[kind].length > 0);
  if (kinds.length === 0) {
    report.warning(
      path,
      "has no routes: add [[virtual_service.http]], [[virtual_service.tls]] or [[virtual_service.tcp]]",
    );
    return;
  }
  const bound = kinds.flatMap((kind) => gateways[kind]);
  if (bound.length === 0) return;
  let arriving = 0;
  for (const [i, host] of config.hosts.entries()) {
    if (bound.some(({ letsIn }) => overlaps(letsIn, host))) arriving += 1;
    else {
      const message = `"${host}" is routed and let in nowhere: add it to the hosts of ${names(bound)}`;
      report.warning([...path, "hosts", i], message);
    }
  }
  if (arriving > 0) for (const kind of kinds) lintKind(item, kind, report);
}

/** Routes of a kind whose gateways let in none of the hosts, though gateways of the other kind do. */
function lintKind(
  { config, path, gateways }: BoundVirtualService,
  kind: Kind,
  report: Report,
): void {
  const bound = gateways[kind];
  const isReached = config.hosts.some((host) => bound.some(({ letsIn }) => overlaps(letsIn, host)));
  if (bound.length === 0 || isReached) return;
  const message = `never used: add a host of this virtual service to the hosts of ${names(bound)}`;
  report.warning([...path, kind, 0], message);
}

/** Routes behind one that takes everything. */
function lintOrder({ config, path }: BoundVirtualService, report: Report): void {
  const isCatchAll = {
    http: config.http.findIndex((route) => takesEveryRequest(route)),
    tls: config.tls.findIndex((route) => takesEveryName(route, config.hosts)),
    tcp: config.tcp.findIndex(({ match }) => match?.every(isEmptyMatch) ?? true),
  };
  for (const kind of KINDS) {
    const first = isCatchAll[kind];
    if (first < 0) continue;
    const { line } = report.document.place([...path, kind, first]);
    for (let i = first + 1; i < config[kind].length; i += 1) {
      const message = `never reached: the route in line ${line} takes everything; move this one before it`;
      report.warning([...path, kind, i], message);
    }
  }
}

function takesEveryRequest({ match }: HttpRouteConfig): boolean {
  if (match === undefined) return true;
  return match.some((one) => {
    const { path } = one;
    const isOpen = path === undefined || path.prefix === "/" || path.segment === "/";
    return isOpen && !hasMoreThanPath(one);
  });
}

function takesEveryName({ match }: TlsRouteConfig, hosts: readonly string[]): boolean {
  if (match === undefined) return true;
  return match.some(({ sni, ...others }) => {
    if (Object.values(others).some((condition) => condition !== undefined)) return false;
    if (sni === undefined) return true;
    const taken = buildHostSet(sni);
    return hosts.every((host) => isAddress(host) || contains(taken, host));
  });
}

function isEmptyMatch(match: object): boolean {
  return Object.values(match).every((condition) => condition === undefined);
}

function lintPrefixes({ config, path }: BoundVirtualService, report: Report): void {
  for (const [i, { match = [] }] of config.http.entries()) {
    for (const [j, { path: condition }] of match.entries()) {
      const prefix = condition?.prefix;
      if (prefix === undefined || prefix.endsWith("/")) continue;
      const message = `takes "${prefix}bar" too: write segment = "${prefix}" for "${prefix}" and "${prefix}/…"`;
      report.warning([...path, "http", i, "match", j, "path", "prefix"], message);
    }
  }
}

/** A port that none of the gateways listens on. */
function lintPorts({ config, path, gateways }: BoundVirtualService, report: Report): void {
  for (const kind of KINDS) {
    const routes: readonly { match?: readonly { port?: number | undefined }[] | undefined }[] =
      config[kind];
    for (const [i, { match = [] }] of routes.entries()) {
      for (const [j, { port }] of match.entries()) {
        if (port === undefined || gateways[kind].some((one) => listensOn(one, port))) continue;
        const message = `never holds: no ${kind} gateway of this virtual service listens on port ${port}`;
        report.warning([...path, kind, i, "match", j, "port"], message);
      }
    }
  }
}

function listensOn({ config }: BoundGateway, port: number): boolean {
  return config.listen.address.port === port;
}

function lintServices(config: Config, report: Report): void {
  const used = new Set<string>(config.gateway.map(({ no_sni: service }) => service));
  for (const { http, tls, tcp } of config.virtual_service) {
    for (const { route = [] } of [...http, ...tls, ...tcp])
      for (const { to } of route) used.add(to);
    for (const { mirror } of http) if (mirror !== undefined) used.add(mirror.to);
  }
  for (const name of Object.keys(config.service)) {
    if (used.has(name)) continue;
    report.warning(["service", name], "no route leads to this service: route to it or remove it");
  }
}

/** The place of an item, or of the table that leaves it to the default. */
function said(path: Path, report: Report): Path {
  return report.document.says(path) ? path : path.slice(0, -1);
}

function names(gateways: readonly BoundGateway[]): string {
  const [first, ...others] = [...new Set(gateways)];
  const more = others.length === 0 ? "" : ` or of one of ${others.length} other gateways`;
  return `gateway "${first?.config.name ?? ""}"${more}`;
}
