/** What must hold of virtual services: names, hosts and the gateways they refer to. */
import { KINDS } from "./bind.ts";
import type { Bindings, BoundVirtualService, Kind } from "./bind.ts";
import type { Path } from "./document.ts";
import { buildHostSet, contains } from "./host-overlap.ts";
import type { DeclaredNames } from "./parse.ts";
import type { Report } from "./report.ts";
import { validateHostList } from "./validate-gateways.ts";

/** What the checks below look things up in. */
interface Context {
  readonly bindings: Bindings;
  readonly declared: DeclaredNames;
  readonly report: Report;
}

/** Reports what is wrong with the virtual services, except what their routes do. */
export function validateVirtualServices(
  bindings: Bindings,
  declared: DeclaredNames,
  report: Report,
): void {
  const context = { bindings, declared, report };
  validateNames(bindings.virtualServices, report);
  for (const item of bindings.virtualServices) {
    const { config, path } = item;
    const onlyTls = config.tls.length > 0 && config.http.length === 0;
    validateHostList(config.hosts, { path: [...path, "hosts"], needsNames: onlyTls }, report);
    validateReferences([...path, "gateways"], config.gateways ?? [], context);
    for (const kind of KINDS) validateKind(item, kind, context);
    validateServerNames(item, report);
  }
}

/** Default names may be equal: one host may be routed for different kinds or on different gateways. */
function validateNames(items: readonly BoundVirtualService[], report: Report): void {
  const first = new Map<string, BoundVirtualService>();
  for (const item of items) {
    const other = first.get(item.name);
    if (other === undefined) {
      first.set(item.name, item);
    } else if (item.config.name !== undefined || other.config.name !== undefined) {
      const message = `the name "${item.name}" is taken by the virtual service in line ${other.origin.line}`;
      report.error([...item.path, "name"], message);
    }
  }
}

function validateReferences(path: Path, names: readonly string[], context: Context): void {
  const { declared, report } = context;
  const seen = new Set<string>();
  for (const [i, name] of names.entries()) {
    if (seen.has(name)) report.error([...path, i], `"${name}" stands in this list twice`);
    seen.add(name);
    if (declared.gateways.has(name)) continue;
    const hint = report.suggest(name, declared.gateways);
    report.error([...path, i], `there is no gateway "${name}"${hint}`);
  }
}

function validateKind(item: BoundVirtualService, kind: Kind, context: Context): void {
  const routes: readonly { readonly match?: readonly MatchConfig[] | undefined }[] =
    item.config[kind];
  if (routes.length === 0) return;
  const path = [...item.path, kind];
  if (item.config.gateways !== undefined) validateReach(item, kind, context);
  else if (item.gateways[kind].length === 0 && areAllRead(context)) {
    context.report.warning([...path, 0], `never used: no gateway of this file is ${kind}`);
  }
  for (const [i, route] of routes.entries()) {
    for (const [j, match] of (route.match ?? []).entries()) {
      const matchPath = [...path, i, "match", j, "gateways"];
      validateReferences(matchPath, match.gateways ?? [], context);
      for (const [k, name] of (match.gateways ?? []).entries()) {
        validateMatchGateway([...matchPath, k], { name, kind, item }, context);
      }
    }
  }
}

/** A gateway that was set aside for a mistake of its own may be of any kind. */
function areAllRead({ bindings, declared }: Context): boolean {
  return (
    bindings.byName.size > 0 && [...declared.gateways].every((name) => bindings.byName.has(name))
  );
}

interface MatchConfig {
  readonly gateways?: readonly string[] | undefined;
}

/** Routes of a kind that none of the named gateways speaks are a mistake. */
function validateReach(item: BoundVirtualService, kind: Kind, context: Context): void {
  const named = (item.config.gateways ?? []).map((name) => context.bindings.byName.get(name));
  const others = named.flatMap((gateway) => gateway ?? []);
  // A gateway that was set aside for a mistake of its own may be of any kind.
  if (item.gateways[kind].length > 0 || others.length < named.length) return;
  const first = others[0];
  if (first === undefined) return;
  const names = others.map(({ config }) => `"${config.name}"`).join(", ");
  const are = others.length === 1 ? `gateway ${names} is` : `gateways ${names} are`;
  const needed = kind === "http" ? "an http gateway" : `a ${kind} gateway`;
  const message = `${are} ${first.config.protocol}: ${kind} routes need ${needed} in gateways`;
  context.report.error([...item.path, kind, 0], message);
}

function validateMatchGateway(
  path: Path,
  { name, kind, item }: { name: string; kind: Kind; item: BoundVirtualService },
  { bindings, report }: Context,
): void {
  const gateway = bindings.byName.get(name);
  if (gateway === undefined) return;
  if (gateway.config.protocol !== kind) {
    report.error(
      path,
      `gateway "${name}" is ${gateway.config.protocol}: no ${kind} route sees its traffic`,
    );
  } else if (!item.gateways[kind].includes(gateway)) {
    report.warning(
      path,
      `never holds: gateway "${name}" is not in the gateways of this virtual service`,
    );
  }
}

/** As in Istio, an sni outside the virtual service's hosts is an error. */
function validateServerNames(item: BoundVirtualService, report: Report): void {
  if (item.config.tls.every(({ match }) => match === undefined)) return;
  const hosts = buildHostSet(item.config.hosts);
  for (const [i, route] of item.config.tls.entries()) {
    for (const [j, match] of (route.match ?? []).entries()) {
      for (const [k, sni] of (match.sni ?? []).entries()) {
        if (contains(hosts, sni)) continue;
        const path = [...item.path, "tls", i, "match", j, "sni", k];
        report.error(
          path,
          `"${sni}" is outside the hosts of this virtual service: add it to hosts`,
        );
      }
    }
  }
}
