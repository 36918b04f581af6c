/** One endpoint after the other. */
import type { Endpoint } from "../service.ts";
import type { BalanceOptions, Balancer } from "./balancer.ts";
import { type Candidate, isTried } from "./candidate.ts";
import { SlowStart } from "./slow-start.ts";

/** Steps of a weighted rotation that are made ahead; each costs a look at all candidates. */
const STEPS_AHEAD_MAX = 64;

/**
 * Smooth weighted round robin, as nginx has it: in each step every candidate gains its weight, the richest
 * is taken and pays the sum. Equal weights take a plain rotation, whose cost does not grow with the candidates.
 */
export class RoundRobin implements Balancer {
  readonly #candidates: readonly Candidate[];
  readonly #weights: Float64Array;
  readonly #credit: Float64Array;
  readonly #equal: boolean;
  readonly #total: number;
  readonly #slowStart: SlowStart;
  #next = 0;

  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    const weights = candidates.map(({ endpoint }) => endpoint.weight);
    this.#candidates = candidates;
    this.#weights = Float64Array.from(weights);
    this.#credit = new Float64Array(weights.length);
    this.#equal = weights.every((weight) => weight === weights[0]);
    this.#total = weights.reduce((sum, weight) => sum + weight, 0);
    this.#slowStart = new SlowStart(candidates, options);
    const ahead = candidates.length === 0 ? 0 : options.start % candidates.length;
    if (this.#equal) this.#next = ahead;
    else for (let i = Math.min(ahead, STEPS_AHEAD_MAX); i > 0; i -= 1) this.#step();
  }

  pick(tried: readonly Endpoint[]): Candidate | undefined {
    const candidates = this.#candidates;
    const mayRefuse = this.#slowStart.isUnderWay;
    let refused: Candidate | undefined;
    for (let i = 0; i < candidates.length; i += 1) {
      const candidate = candidates[this.#step()];
      if (candidate === undefined || isTried(tried, candidate)) continue;
      if (!mayRefuse || this.#slowStart.admits(candidate)) return candidate;
      refused ??= candidate;
    }
    return refused ?? candidates.find((candidate) => !isTried(tried, candidate));
  }

  #step(): number {
    return this.#equal ? this.#rotate() : this.#richest();
  }

  #rotate(): number {
    const index = this.#next;
    this.#next = index + 1 < this.#candidates.length ? index + 1 : 0;
    return index;
  }

  #richest(): number {
    const credit = this.#credit;
    const weights = this.#weights;
    let best = 0;
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < credit.length; i += 1) {
      const has = (credit[i] ?? 0) + (weights[i] ?? 0);
      credit[i] = has;
      if (has > most) {
        most = has;
        best = i;
      }
    }
    credit[best] = most - this.#total;
    return best;
  }
}
