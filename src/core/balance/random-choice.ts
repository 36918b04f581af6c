/** One endpoint by chance and weight. */
import type { Endpoint } from "../service.ts";
import type { BalanceOptions, Balancer } from "./balancer.ts";
import type { Candidate } from "./candidate.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/** See Balancer. The cost does not grow with the candidates. */
export class RandomChoice implements Balancer {
  readonly #candidates: readonly Candidate[];
  readonly #draw: WeightedDraw;

  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    this.#candidates = candidates;
    this.#draw = new WeightedDraw(candidates, options);
  }

  pick(tried: readonly Endpoint[]): Candidate | undefined {
    return this.#candidates[this.#draw.draw(tried)];
  }
}
