/** Maglev: a table from hashes to endpoints that hardly changes when one of them comes or goes. */
import { hashText } from "../hash-text.ts";
import type { Endpoint } from "../service.ts";
import type { HashTable } from "./hash-balancer.ts";

/** A prime, as the method demands; Envoy's default. 100 places each for 655 endpoints of one weight. */
const TABLE_SIZE = 65_537;
const OFFSET_SEED = 0x6d61676c;
const SKIP_SEED = 0x65762e31;
const FREE = -1;

/**
 * Maglev hashing (D. E. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, §3.4),
 * with weights as Envoy has them: shares are exact to a place. When one of n endpoints leaves the set, its hashes move and
 * some more: a tenth of as many at 30 endpoints, half of as many at 100.
 */
export class MaglevTable implements HashTable {
  readonly #owners: Int32Array;

  /** Takes some milliseconds and 256 KiB. The order of the endpoints does not matter. */
  constructor(endpoints: readonly Endpoint[]) {
    this.#owners = endpoints.length < 2 ? new Int32Array(endpoints.length) : fillTable(endpoints);
  }

  get size(): number {
    return this.#owners.length;
  }

  place(hash: number): number {
    return (hash >>> 0) % this.#owners.length;
  }

  owner(place: number): number {
    return this.#owners[place] ?? 0;
  }
}

/** Each endpoint in turn takes the next free place of its own permutation, as often as its weight says. */
function fillTable(endpoints: readonly Endpoint[]): Int32Array {
  const table = new Int32Array(TABLE_SIZE).fill(FREE);
  const order = [...endpoints.keys()].toSorted((one, other) => {
    return (endpoints[one]?.name ?? "") < (endpoints[other]?.name ?? "") ? -1 : 1;
  });
  const places = Int32Array.from(endpoints, ({ name }) => {
    return (hashText(name, OFFSET_SEED) >>> 0) % TABLE_SIZE;
  });
  const skips = Int32Array.from(endpoints, ({ name }) => {
    return ((hashText(name, SKIP_SEED) >>> 0) % (TABLE_SIZE - 1)) + 1;
  });
  const turns = new Turns(order.map((index) => endpoints[index]?.weight ?? 1));
  for (let filled = 0; filled < TABLE_SIZE; filled += 1) {
    const index = order[turns.next()] ?? 0;
    const skip = skips[index] ?? 1;
    let place = places[index] ?? 0;
    while (table[place] !== FREE) place = (place + skip) % TABLE_SIZE;
    table[place] = index;
    places[index] = place;
  }
  return table;
}

/**
 * Whose turn it is: the heaviest in every round, one of half its weight in every second round. A calendar of the rounds to
 * come, so that those without a turn cost nothing however many they are.
 */
class Turns {
  readonly #gains: Float64Array;
  readonly #taken: Int32Array;
  /** The first of each round that is to come, and who follows whom in it. */
  readonly #heads = new Int32Array(TABLE_SIZE + 1).fill(FREE);
  readonly #followers: Int32Array;
  #round = 0;
  #current = FREE;

  constructor(weights: readonly number[]) {
    const heaviest = weights.reduce((most, weight) => Math.max(most, weight), 0);
    this.#gains = Float64Array.from(weights, (weight) => weight / heaviest);
    this.#taken = new Int32Array(weights.length);
    this.#followers = new Int32Array(weights.length).fill(FREE);
    for (let i = weights.length - 1; i >= 0; i -= 1) this.#enter(i);
    this.#current = this.#heads[0] ?? FREE;
  }

  next(): number {
    while (this.#current === FREE) {
      this.#round += 1;
      this.#current = this.#heads[this.#round] ?? FREE;
    }
    const index = this.#current;
    this.#current = this.#followers[index] ?? FREE;
    this.#taken[index] = (this.#taken[index] ?? 0) + 1;
    this.#enter(index);
    return index;
  }

  /** Its next turn is in the round in which its gains have paid for it; the heaviest gains one turn a round. */
  #enter(index: number): void {
    const due = Math.ceil((this.#taken[index] ?? 0) / (this.#gains[index] ?? 1));
    const round = Math.min(Math.max(due, this.#round), TABLE_SIZE);
    this.#followers[index] = this.#heads[round] ?? FREE;
    this.#heads[round] = index;
  }
}
