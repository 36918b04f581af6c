/** Consistent hashing on a ring: each endpoint owns the stretches before its points. */
import { hashText, mixHash } from "../hash-text.ts";
import type { Endpoint } from "../service.ts";
import type { HashTable } from "./hash-balancer.ts";

/** Points of an endpoint of average weight: their shares differ by a twentieth or so then. */
const POINTS_EACH = 512;
/** Points of all: 1 MiB and a dozen milliseconds. With more than 256 endpoints each gets fewer. */
const POINTS_MAX = 131_072;
/** So many endpoints can stand beside 32 bits of position in the 53 bits of a number. */
const INDEX_RANGE = 2 ** 21;

/**
 * A ring as ketama has it (R. Jones, libketama, 2007; D. Karger et al., "Consistent hashing and random trees", 1997): when
 * an endpoint leaves the set, only what it had moves, to its neighbours.
 */
export class HashRing implements HashTable {
  /** In order. */
  readonly #positions: Uint32Array;
  readonly #owners: Int32Array;
  /** For each stretch of equal length, about as many as there are points: its first point. */
  readonly #starts: Int32Array;
  /** By how much a position is shifted to become the number of its stretch. */
  readonly #shift: number;

  /** The order of the endpoints does not matter but where two have a point at the same position. */
  constructor(endpoints: readonly Endpoint[]) {
    const points = buildPoints(endpoints);
    this.#positions = Uint32Array.from(points, (point) => Math.floor(point / INDEX_RANGE));
    this.#owners = Int32Array.from(points, (point) => point % INDEX_RANGE);
    this.#shift = Math.clz32(points.length);
    this.#starts = buildStarts(this.#positions, this.#shift);
  }

  get size(): number {
    return this.#owners.length;
  }

  /** The first point at or behind a position; behind the last one comes the first. */
  place(hash: number): number {
    const position = hash >>> 0;
    const positions = this.#positions;
    let place = this.#starts[position >>> this.#shift] ?? 0;
    while (place < positions.length && (positions[place] ?? 0) < position) place += 1;
    return place < positions.length ? place : 0;
  }

  owner(place: number): number {
    return this.#owners[place] ?? 0;
  }
}

/** Position and owner of each point in one number, sorted. */
function buildPoints(endpoints: readonly Endpoint[]): Float64Array {
  const total = endpoints.reduce((sum, { weight }) => sum + weight, 0);
  const each = Math.min(POINTS_EACH, POINTS_MAX / endpoints.length);
  const counts = endpoints.map(({ weight }) => {
    return Math.max(1, Math.round((weight / total) * endpoints.length * each));
  });
  const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let next = 0;
  for (const [index, { name }] of endpoints.entries()) {
    const seed = hashText(name, 0);
    for (let i = 0; i < (counts[index] ?? 0); i += 1) {
      const position = mixHash(seed ^ mixHash(i)) >>> 0;
      points[next] = position * INDEX_RANGE + index;
      next += 1;
    }
  }
  return points.toSorted();
}

function buildStarts(positions: Uint32Array, shift: number): Int32Array {
  const starts = new Int32Array(2 ** (32 - shift));
  let place = 0;
  for (let stretch = 0; stretch < starts.length; stretch += 1) {
    while (place < positions.length && (positions[place] ?? 0) >>> shift < stretch) place += 1;
    starts[stretch] = place;
  }
  return starts;
}
