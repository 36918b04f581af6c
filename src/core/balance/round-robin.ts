/** One endpoint after the other. */
import type { Endpoint } from "../service.ts";
import type { BalanceOptions, Balancer } from "./balancer.ts";
import { type Candidate, isTried } from "./candidate.ts";
import { SlowStart } from "./slow-start.ts";
import { WeightedTurns } from "./weighted-turns.ts";

/**
 * Equal weights take a plain rotation, whose cost does not grow with the candidates; others take turns by weight, whose
 * cost grows with the logarithm of their number.
 */
export class RoundRobin implements Balancer {
  readonly #candidates: readonly Candidate[];
  readonly #turns: WeightedTurns | undefined;
  readonly #slowStart: SlowStart;
  #next = 0;

  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    const weights = candidates.map(({ endpoint }) => endpoint.weight);
    const isEqual = weights.every((weight) => weight === weights[0]);
    this.#candidates = candidates;
    this.#turns = isEqual ? undefined : new WeightedTurns(weights);
    this.#slowStart = new SlowStart(candidates, options);
    const ahead = candidates.length === 0 ? 0 : options.start % candidates.length;
    if (this.#turns === undefined) this.#next = ahead;
    else for (let i = 0; i < ahead; i += 1) this.#turns.next();
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
    if (this.#turns !== undefined) return this.#turns.next();
    const index = this.#next;
    this.#next = index + 1 < this.#candidates.length ? index + 1 : 0;
    return index;
  }
}
