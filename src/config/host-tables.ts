/** Which virtual service a host leads to on each gateway. */
import type { HostTable } from "../core/model.ts";
import type { Bindings, BoundGateway, BoundVirtualService, Kind } from "./bind.ts";
import { isAddress } from "./host-name.ts";

/** One host that two virtual services route for the same kind on the same gateway. */
export interface HostConflict {
  readonly host: string;
  readonly first: BoundVirtualService;
  readonly second: BoundVirtualService;
  /** Index of the host in the second's list. */
  readonly hostIndex: number;
  readonly gateway: BoundGateway;
}

/** The routed hosts of one kind. */
export interface RoutedHosts {
  /** Virtual services with routes of this kind: what the tables' numbers count. */
  readonly routed: readonly BoundVirtualService[];
  /** By index of the served gateway; gateways with the same virtual services share one table. */
  readonly tables: readonly HostTable<number>[];
  readonly conflicts: readonly HostConflict[];
}

/** Builds a table from patterns; of two that are equal the first counts. Pure. */
export function buildHostTable<T>(
  entries: Iterable<readonly [pattern: string, value: T]>,
): HostTable<T> {
  const draft = createDraft<T>();
  for (const [pattern, value] of entries) addPattern(draft, pattern, value);
  return draft;
}

/** Pure. Cost grows with hosts times *different* sets of virtual services, not with gateways. */
export function buildRoutedHosts(bindings: Bindings, kind: Kind): RoutedHosts {
  const routed = bindings.virtualServices.filter(({ config }) => config[kind].length > 0);
  const everywhere: number[] = [];
  const named = new Map<BoundGateway, number[]>();
  for (const [number, { config, gateways }] of routed.entries()) {
    if (config.gateways === undefined) everywhere.push(number);
    else for (const gateway of gateways[kind]) append(named, gateway, number);
  }
  const builder = new TableBuilder(routed, kind);
  const tables = bindings.served.map((gateway) => {
    if (gateway.config.protocol !== kind) return builder.build([], gateway);
    const numbers = [...everywhere, ...(named.get(gateway) ?? [])];
    return builder.build(
      numbers.toSorted((a, b) => a - b),
      gateway,
    );
  });
  return { routed, tables, conflicts: builder.conflicts };
}

class TableBuilder {
  readonly conflicts: HostConflict[] = [];
  readonly #routed: readonly BoundVirtualService[];
  readonly #kind: Kind;
  readonly #tables = new Map<string, HostTable<number>>();
  readonly #reported = new Set<string>();

  constructor(routed: readonly BoundVirtualService[], kind: Kind) {
    this.#routed = routed;
    this.#kind = kind;
  }

  build(numbers: readonly number[], gateway: BoundGateway): HostTable<number> {
    const key = numbers.join();
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const draft = createDraft<number>();
    for (const number of numbers) this.#addHosts(draft, number, gateway);
    this.#tables.set(key, draft);
    return draft;
  }

  #addHosts(draft: Draft<number>, number: number, gateway: BoundGateway): void {
    const item = this.#routed[number];
    for (const [hostIndex, host] of (item?.config.hosts ?? []).entries()) {
      // A server name is never an address, and a virtual service may have both kinds of routes.
      if (this.#kind === "tls" && isAddress(host)) continue;
      const holder = addPattern(draft, host, number);
      const other = this.#routed[holder];
      if (item === undefined || other === undefined || other === item) continue;
      const conflict = { host, first: other, second: item, hostIndex, gateway };
      const key = `${holder} ${number} ${host}`;
      if (!this.#reported.has(key)) this.conflicts.push(conflict);
      this.#reported.add(key);
    }
  }
}

interface Draft<T> {
  readonly exact: Map<string, T>;
  readonly wildcard: Map<string, T>;
  any: T | undefined;
}

function createDraft<T>(): Draft<T> {
  return { exact: new Map(), wildcard: new Map(), any: undefined };
}

/** Adds a pattern unless it is there; returns whose it is. */
function addPattern<T>(draft: Draft<T>, pattern: string, value: T): T {
  if (pattern === "*") return (draft.any ??= value);
  const isWildcard = pattern.startsWith("*.");
  const names = isWildcard ? draft.wildcard : draft.exact;
  const name = isWildcard ? pattern.slice(2) : pattern;
  const known = names.get(name);
  if (known !== undefined) return known;
  names.set(name, value);
  return value;
}

function append(map: Map<BoundGateway, number[]>, gateway: BoundGateway, number: number): void {
  const known = map.get(gateway);
  if (known === undefined) map.set(gateway, [number]);
  else known.push(number);
}
