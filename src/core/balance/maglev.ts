/** Maglev: a table from hashes to endpoints that hardly changes when one of them comes or goes. */
import { hashText } from "../hash-text.ts";
import type { Endpoint } from "../service.ts";
import type { BalanceOptions, Balancer } from "./balancer.ts";
import { type Candidate, isTried } from "./candidate.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/** A prime, as the method demands; Envoy's default. 100 places each for 655 endpoints of one weight. */
const TABLE_SIZE = 65_537;
const OFFSET_SEED = 0x6d61676c;
const SKIP_SEED = 0x65762e31;
const FREE = -1;
/** Places that a retry looks at before the endpoints are looked through one by one. */
const WALK_MAX = 256;

/**
 * Maglev hashing (D. E. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, §3.4),
 * with weights as Envoy has them. The table follows from the endpoints' names and weights alone, in whatever order they
 * come, so all workers and boxes agree. Requests without a hash go by chance and weight.
 */
export class Maglev implements Balancer {
  readonly #candidates: readonly Candidate[];
  readonly #table: Int32Array;
  readonly #draw: WeightedDraw;

  /** Takes some milliseconds and 256 KiB. */
  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    const sorted = candidates.toSorted(byName);
    this.#candidates = sorted;
    this.#table = sorted.length < 2 ? new Int32Array(1) : fillTable(sorted);
    this.#draw = new WeightedDraw(sorted, { ...options, slowStartMs: 0 });
  }

  pick(tried: readonly Endpoint[], hash: number | undefined): Candidate | undefined {
    const table = this.#table;
    if (hash === undefined) return this.#candidates[this.#draw.draw(tried)];
    let place = (hash >>> 0) % table.length;
    const picked = this.#candidates[table[place] ?? 0];
    if (picked === undefined || tried.length === 0 || !isTried(tried, picked)) return picked;
    for (let i = 0; i < WALK_MAX; i += 1) {
      place = place + 1 < table.length ? place + 1 : 0;
      const other = this.#candidates[table[place] ?? 0];
      if (other !== undefined && !isTried(tried, other)) return other;
    }
    return this.#candidates.find((candidate) => !isTried(tried, candidate));
  }
}

function byName(one: Candidate, other: Candidate): number {
  return one.endpoint.name < other.endpoint.name ? -1 : 1;
}

/** Each candidate in turn takes the next free place of its own permutation, as often as its weight says. */
function fillTable(candidates: readonly Candidate[]): Int32Array {
  const table = new Int32Array(TABLE_SIZE).fill(FREE);
  const places = Int32Array.from(candidates, ({ endpoint }) => {
    return (hashText(endpoint.name, OFFSET_SEED) >>> 0) % TABLE_SIZE;
  });
  const skips = Int32Array.from(candidates, ({ endpoint }) => {
    return ((hashText(endpoint.name, SKIP_SEED) >>> 0) % (TABLE_SIZE - 1)) + 1;
  });
  const turns = new Turns(candidates.map(({ endpoint }) => endpoint.weight));
  for (let filled = 0; filled < TABLE_SIZE; filled += 1) {
    const index = turns.next();
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
