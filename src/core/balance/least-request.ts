/** Of two endpoints by chance and weight, the one with less to do. */
import type { Endpoint } from "../service.ts";
import type { BalanceOptions, Balancer } from "./balancer.ts";
import type { Candidate } from "./candidate.ts";
import { WeightedDraw } from "./weighted-draw.ts";

/**
 * The power of two choices (M. Mitzenmacher, 2001), as Envoy's LEAST_REQUEST: nearly as even as looking at all, at a cost
 * that does not grow with them, and a slow endpoint is not overrun by everybody at once. Of equal weights the two
 * differ; of others both are drawn by weight, so that an idle endpoint of little weight cannot take every second
 * request. With nothing to do anywhere, shares are those of the weights.
 */
export class LeastRequest implements Balancer {
  readonly #candidates: readonly Candidate[];
  readonly #draw: WeightedDraw;

  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    this.#candidates = candidates;
    this.#draw = new WeightedDraw(candidates, options);
  }

  pick(tried: readonly Endpoint[]): Candidate | undefined {
    const draw = this.#draw;
    const index = draw.draw(tried);
    const first = this.#candidates[index];
    if (draw.size < 2 || first === undefined) return first;
    const other = draw.equal ? draw.drawOther(index, tried) : draw.draw(tried);
    const second = this.#candidates[other];
    return second !== undefined && isLessBusy(second, first) ? second : first;
  }
}

/** By requests for each unit of weight. */
function isLessBusy(one: Candidate, other: Candidate): boolean {
  return one.active * other.endpoint.weight < other.active * one.endpoint.weight;
}
