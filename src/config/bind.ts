/** Which gateways this box serves, and which virtual services are bound to which of them. */
import type { Origin } from "../core/model.ts";
import type { Path, TomlDocument } from "./document.ts";
import { buildHostSet } from "./host-overlap.ts";
import type { HostSet } from "./host-overlap.ts";
import type { Config, GatewayConfig, VirtualServiceConfig } from "./schema.ts";

/** The kinds of routes that this version knows. */
export const KINDS = ["http", "tls", "tcp"] as const;
/** A kind of route, and the protocol of the gateways that it is for. */
export type Kind = (typeof KINDS)[number];

/** One `[[gateway]]` and what became of it. */
export interface BoundGateway {
  readonly config: GatewayConfig;
  readonly path: Path;
  readonly origin: Origin;
  /** Index into `Snapshot.gateways`; -1 when it is not served here. */
  readonly index: number;
  /** Why it is not served here: a sentence. */
  readonly unserved: string | undefined;
  readonly letsIn: HostSet;
}

/** One `[[virtual_service]]` and the gateways it is bound to, by kind, the ones not served here included. */
export interface BoundVirtualService {
  readonly config: VirtualServiceConfig;
  readonly path: Path;
  readonly origin: Origin;
  readonly name: string;
  readonly gateways: Readonly<Record<Kind, readonly BoundGateway[]>>;
}

/** The file's gateways and virtual services, in file order. */
export interface Bindings {
  readonly gateways: readonly BoundGateway[];
  /** Those of this box. */
  readonly served: readonly BoundGateway[];
  readonly byName: ReadonlyMap<string, BoundGateway>;
  readonly virtualServices: readonly BoundVirtualService[];
}

/** Pure. Of two gateways with one name the first counts; names that do not exist bind nothing. */
export function bindConfig(config: Config, document: TomlDocument): Bindings {
  const gateways: BoundGateway[] = [];
  const served: BoundGateway[] = [];
  const byName = new Map<string, BoundGateway>();
  for (const [i, gateway] of config.gateway.entries()) {
    const path = ["gateway", i];
    const unserved = whyUnserved(gateway.selector, config.labels);
    const index = unserved === undefined ? served.length : -1;
    const origin = document.place(path);
    const letsIn = buildHostSet(gateway.hosts);
    const bound = { config: gateway, path, origin, index, unserved, letsIn };
    gateways.push(bound);
    if (unserved === undefined) served.push(bound);
    if (!byName.has(gateway.name)) byName.set(gateway.name, bound);
  }
  const all = byKind(gateways);
  const virtualServices = config.virtual_service.map((item, i) => {
    const path = ["virtual_service", i];
    const named = item.gateways?.flatMap((name) => byName.get(name) ?? []);
    return {
      config: item,
      path,
      origin: document.place(path),
      name: item.name ?? item.hosts[0] ?? "",
      gateways: named === undefined ? all : byKind([...new Set(named)]),
    };
  });
  return { gateways, served, byName, virtualServices };
}

function byKind(gateways: readonly BoundGateway[]): Readonly<Record<Kind, BoundGateway[]>> {
  return {
    http: gateways.filter(({ config }) => config.protocol === "http"),
    tls: gateways.filter(({ config }) => config.protocol === "tls"),
    tcp: gateways.filter(({ config }) => config.protocol === "tcp"),
  };
}

/** The first label that does not fit, in words. */
function whyUnserved(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): string | undefined {
  for (const [key, wanted] of Object.entries(selector)) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (value === wanted) continue;
    return value === undefined
      ? `this box has no label ${JSON.stringify(key)}, the selector wants ${JSON.stringify(wanted)}`
      : `label ${key} is ${JSON.stringify(value)}, the selector wants ${JSON.stringify(wanted)}`;
  }
  return undefined;
}
