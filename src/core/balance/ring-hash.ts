/** Consistent hashing on a ring: each endpoint owns the stretches before its points. */
import { hashText, mixHash } from "../hash-text.ts";
import type { Endpoint } from "../service.ts";
import type { BalanceOptions, Balancer } from "./balancer.ts";
import { type Candidate, isTried } from "./candidate.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/** Points of an endpoint of average weight: their shares differ by a twentieth or so then. */
const POINTS_EACH = 512;
/** Points of all: 1 MiB and a dozen milliseconds. With more than 256 endpoints each gets fewer. */
const POINTS_MAX = 131_072;
/** Points that a retry looks at before the endpoints are looked through one by one. */
const WALK_MAX = 256;
/** So many endpoints can stand beside 32 bits of position in the 53 bits of a number. */
const INDEX_RANGE = 2 ** 21;

/**
 * A ring as ketama has it (R. Jones, libketama, 2007; D. Karger et al., "Consistent hashing and random trees", 1997): when
 * an endpoint goes, only what it had moves, to its neighbours. The ring follows from names and weights alone, so all
 * workers and boxes agree. Requests without a hash go by chance and weight.
 */
export class RingHash implements Balancer {
  readonly #candidates: readonly Candidate[];
  /** In order of position. */
  readonly #positions: Uint32Array;
  readonly #owners: Int32Array;
  readonly #draw: WeightedDraw;

  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    const points = candidates.length < 2 ? new Float64Array(0) : buildPoints(candidates);
    this.#candidates = candidates;
    this.#positions = Uint32Array.from(points, (point) => Math.floor(point / INDEX_RANGE));
    this.#owners = Int32Array.from(points, (point) => point % INDEX_RANGE);
    this.#draw = new WeightedDraw(candidates, { ...options, slowStartMs: 0 });
  }

  pick(tried: readonly Endpoint[], hash: number | undefined): Candidate | undefined {
    const candidates = this.#candidates;
    if (hash === undefined || candidates.length < 2) return candidates[this.#draw.draw(tried)];
    const owners = this.#owners;
    let point = this.#find(hash >>> 0);
    const picked = candidates[owners[point] ?? 0];
    if (picked === undefined || tried.length === 0 || !isTried(tried, picked)) return picked;
    for (let i = 0; i < WALK_MAX; i += 1) {
      point = point + 1 < owners.length ? point + 1 : 0;
      const other = candidates[owners[point] ?? 0];
      if (other !== undefined && !isTried(tried, other)) return other;
    }
    return candidates.find((candidate) => !isTried(tried, candidate));
  }

  /** The first point at or behind a position; behind the last one comes the first. */
  #find(position: number): number {
    const positions = this.#positions;
    let low = 0;
    let high = positions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((positions[middle] ?? 0) < position) low = middle + 1;
      else high = middle;
    }
    return low < positions.length ? low : 0;
  }
}

/** Position and owner of each point in one number, sorted: of two owners of one position the first by name counts. */
function buildPoints(candidates: readonly Candidate[]): Float64Array {
  const total = candidates.reduce((sum, { endpoint }) => sum + endpoint.weight, 0);
  const each = Math.min(POINTS_EACH, POINTS_MAX / candidates.length);
  const counts = candidates.map(({ endpoint }) => {
    return Math.max(1, Math.round((endpoint.weight / total) * candidates.length * each));
  });
  const points = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let next = 0;
  for (const [index, { endpoint }] of candidates.entries()) {
    const seed = hashText(endpoint.name, 0);
    for (let i = 0; i < (counts[index] ?? 0); i += 1) {
      const position = mixHash(seed ^ mixHash(i)) >>> 0;
      points[next] = position * INDEX_RANGE + index;
      next += 1;
    }
  }
  return points.toSorted();
}
