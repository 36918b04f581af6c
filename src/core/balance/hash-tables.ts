/** Tables of hashing balancers, which outlive them: a change of health makes new balancers of the same tables. */
import type { BalancerKind } from "../service.ts";
import type { HashTable } from "./hash-balancer.ts";
import { MaglevTable } from "./maglev.ts";
import { HashRing } from "./ring-hash.ts";
import type { Group } from "./tiers.ts";

/** Those of one set of endpoints and one policy, by the names of the groups: when either changes, a new one is due. */
export class HashTables {
  readonly #tables = new Map<string, HashTable>();

  /** The table of a group's members. Effect: makes and keeps it when it is asked for first. */
  of(kind: Extract<BalancerKind, "ring_hash" | "maglev">, { name, members }: Group): HashTable {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const endpoints = members.map(({ endpoint }) => endpoint);
    const table = kind === "maglev" ? new MaglevTable(endpoints) : new HashRing(endpoints);
    this.#tables.set(name, table);
    return table;
  }
}
