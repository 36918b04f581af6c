/** What must hold of single routes: the services they name and the answers they give. */
import type { Bindings } from "./bind.ts";
import type { Path } from "./document.ts";
import type { Report } from "./report.ts";
import { validatePolicy } from "./validate-policy.ts";
import type { HttpRouteConfig, ServiceConfig, TlsRouteConfig } from "./schema.ts";

/** The services of the file. */
export interface ServiceList {
  /** All that it gives, also those that are wrong. */
  readonly names: ReadonlySet<string>;
  /** Those that could be read. */
  readonly configs: Readonly<Record<string, ServiceConfig>>;
}

/** Reports what is wrong inside routes. */
export function validateRoutes(bindings: Bindings, list: ServiceList, report: Report): void {
  const services = list.names;
  const context = { services, configs: list.configs, report };
  for (const { config, path } of bindings.gateways) {
    const { no_sni: service } = config;
    if (service === "reject" || services.has(service)) continue;
    const hint = report.suggest(service, services);
    report.error([...path, "no_sni"], `there is no service "${service}"${hint}`);
  }
  for (const { config, path } of bindings.virtualServices) {
    for (const [i, route] of config.http.entries()) {
      validateHttpRoute([...path, "http", i], route, context);
    }
    for (const kind of ["tls", "tcp"] as const) {
      for (const [i, { route }] of config[kind].entries()) {
        validateDestinations([...path, kind, i, "route"], route, context);
      }
    }
  }
}

/** A message stays one readable line. */
const SUBSETS_SHOWN = 10;

interface Context {
  readonly services: ReadonlySet<string>;
  readonly configs: Readonly<Record<string, ServiceConfig>>;
  readonly report: Report;
}

function validateHttpRoute(path: Path, config: HttpRouteConfig, context: Context): void {
  const { route, redirect, respond } = config;
  if (route !== undefined) validateDestinations([...path, "route"], route, context);
  if (redirect !== undefined) validateRedirect([...path, "redirect"], redirect, context.report);
  if (respond !== undefined) validateRespond([...path, "respond"], respond, context.report);
  validateUpgrade([...path, "upgrade"], config, context.report);
  validatePolicy(path, config, context.report);
  if (config.mirror !== undefined && !context.services.has(config.mirror.to)) {
    const hint = context.report.suggest(config.mirror.to, context.services);
    const message = `there is no service "${config.mirror.to}"${hint}`;
    context.report.error([...path, "mirror", "to"], message);
  }
}

function validateUpgrade(path: Path, { route, upgrade }: HttpRouteConfig, report: Report): void {
  if (route === undefined && report.document.says(path)) {
    report.error(path, "only together with route: nothing else passes an upgrade on");
  }
  const seen = new Set<string>();
  for (const [i, protocol] of upgrade.entries()) {
    if (seen.has(protocol)) report.error([...path, i], `"${protocol}" stands in this list twice`);
    seen.add(protocol);
  }
}

function validateDestinations(path: Path, route: TlsRouteConfig["route"], context: Context): void {
  const { services, report } = context;
  for (const [i, { to, subset }] of route.entries()) {
    if (subset !== undefined) validateSubset([...path, i, "subset"], { to, subset }, context);
    if (services.has(to)) continue;
    const long = [...path, i, "to"];
    const hint = report.suggest(to, services);
    report.error(report.document.says(long) ? long : path, `there is no service "${to}"${hint}`);
  }
  if (route.every(({ weight }) => weight === 0)) {
    report.warning(path, "every weight is 0, so all of it is refused: give one of them a weight");
  }
}

/** Of a service that is wrong itself nothing is said. */
function validateSubset(
  path: Path,
  { to, subset }: { readonly to: string; readonly subset: string },
  { configs, report }: Context,
): void {
  const service = Object.hasOwn(configs, to) ? configs[to] : undefined;
  if (service === undefined || Object.hasOwn(service.subsets, subset)) return;
  const known = Object.keys(service.subsets);
  const shown = known.slice(0, SUBSETS_SHOWN).map((name) => JSON.stringify(name));
  if (known.length > SUBSETS_SHOWN) shown.push("…");
  const hint =
    known.length === 0
      ? `: add subsets = { ${JSON.stringify(subset)} = { label = "value" } } to it`
      : `, expected one of ${shown.join(", ")}${report.suggest(subset, known)}`;
  report.error(path, `service "${to}" has no subset "${subset}"${hint}`);
}

function validateRedirect(
  path: Path,
  redirect: NonNullable<HttpRouteConfig["redirect"]>,
  report: Report,
): void {
  const { host, path: newPath, scheme, port } = redirect;
  if (host !== undefined || newPath !== undefined || scheme !== undefined || port !== undefined)
    return;
  report.error(path, "redirects to itself: say host, path, scheme or port");
}

function validateRespond(
  path: Path,
  { status, body, headers }: NonNullable<HttpRouteConfig["respond"]>,
  report: Report,
): void {
  // RFC 9110 §15.3.5, §15.3.6, §15.4.5: these have no content.
  const isEmpty = status === 204 || status === 205 || status === 304;
  if (isEmpty && body !== "") report.error([...path, "body"], `status ${status} has no body`);
  const seen = new Map<string, string>();
  for (const name of Object.keys(headers)) {
    const first = seen.get(name.toLowerCase());
    seen.set(name.toLowerCase(), name);
    if (first === undefined) continue;
    report.error([...path, "headers", name], `is the same header as "${first}"`);
  }
}
