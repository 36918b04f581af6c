/** The same endpoint for the same hash, as long as it may be used. */
import type { Endpoint } from "../service.ts";
import type { BalanceOptions, Balancer } from "./balancer.ts";
import { type Candidate, isTried } from "./candidate.ts";
import type { Group } from "./tiers.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/** Whom hashes belong to. It follows from names and weights alone, so all workers and boxes have the same. Immutable. */
export interface HashTable {
  /** How many places it has; 0 = there is no endpoint. */
  readonly size: number;
  /** The place of a hash, any 32 bits. Pure. */
  place(hash: number): number;
  /** The endpoint at a place, as an index into those that the table was made of. Pure. */
  owner(place: number): number;
}

/** Places that are looked at before the endpoints are looked through one by one. */
const WALK_MAX = 256;

/**
 * The table knows all members of a group, so a change of health moves only the hashes of the endpoint that it is about:
 * they go to those behind it, in a table where neighbours are as good as drawn by lot. Retries go the same way. Requests
 * without a hash go by chance and weight. Slow start does not count: it would take hashes back and forth.
 */
export class HashBalancer implements Balancer {
  readonly #members: readonly Candidate[];
  readonly #usable: readonly Candidate[];
  readonly #isUsable: Uint8Array;
  readonly #table: HashTable;
  readonly #draw: WeightedDraw;

  /** The table is that of the group's members. */
  constructor({ members, usable }: Group, table: HashTable, options: BalanceOptions) {
    const usableSet = new Set(usable);
    this.#members = members;
    this.#usable = usable;
    this.#isUsable = Uint8Array.from(members, (member) => (usableSet.has(member) ? 1 : 0));
    this.#table = table;
    this.#draw = new WeightedDraw(usable, { ...options, slowStartMs: 0 });
  }

  pick(tried: readonly Endpoint[], hash: number | undefined): Candidate | undefined {
    const usable = this.#usable;
    if (hash === undefined || usable.length < 2) return usable[this.#draw.draw(tried)];
    const table = this.#table;
    let place = table.place(hash);
    for (let i = 0; i < WALK_MAX; i += 1) {
      const owner = table.owner(place);
      const candidate = this.#isUsable[owner] === 1 ? this.#members[owner] : undefined;
      if (candidate !== undefined && !isTried(tried, candidate)) return candidate;
      place = place + 1 < table.size ? place + 1 : 0;
    }
    return this.#search(tried, hash);
  }

  /** Nearly all are unusable or were tried: the others in turn, from a place that the hash says. */
  #search(tried: readonly Endpoint[], hash: number): Candidate | undefined {
    const usable = this.#usable;
    const start = (hash >>> 0) % usable.length;
    for (let i = 0; i < usable.length; i += 1) {
      const candidate = usable[(start + i) % usable.length];
      if (candidate !== undefined && !isTried(tried, candidate)) return candidate;
    }
    return undefined;
  }
}
