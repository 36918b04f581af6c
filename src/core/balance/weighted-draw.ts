/** Drawing candidates by weight, with less for those that are slow to start. */
import type { Endpoint } from "../service.ts";
import { AliasTable } from "./alias-table.ts";
import type { BalanceOptions } from "./balancer.ts";
import { type Candidate, isTried } from "./candidate.ts";
import { SlowStart } from "./slow-start.ts";

/** Draws that may be refused before the rest is looked through one by one. */
const DRAWS_MAX = 8;

/** Immutable but for chance. */
export class WeightedDraw {
  readonly size: number;
  /** All weights are the same. */
  readonly equal: boolean;
  readonly #candidates: readonly Candidate[];
  readonly #random: () => number;
  readonly #table: AliasTable | undefined;
  readonly #slowStart: SlowStart;

  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    const weights = candidates.map(({ endpoint }) => endpoint.weight);
    this.size = candidates.length;
    this.equal = weights.every((weight) => weight === weights[0]);
    this.#candidates = candidates;
    this.#random = options.random;
    this.#table = this.equal ? undefined : new AliasTable(weights);
    this.#slowStart = new SlowStart(candidates, options);
  }

  /** Index of a candidate that was not tried yet; -1 when there is none. */
  draw(tried: readonly Endpoint[]): number {
    if (tried.length === 0 && !this.#slowStart.isUnderWay) return this.#drawAny();
    return this.#drawFresh(tried);
  }

  /** As `draw`, but never this one; -1 when chance or `tried` leave none. All others are equally likely. */
  drawOther(index: number, tried: readonly Endpoint[]): number {
    const step = 1 + Math.trunc(this.#random() * (this.size - 1));
    const other = index + step < this.size ? index + step : index + step - this.size;
    if (tried.length === 0 && !this.#slowStart.isUnderWay) return other;
    return this.#isFresh(other, tried) && this.#slowStart.admits(this.#candidates[other])
      ? other
      : -1;
  }

  #drawAny(): number {
    if (this.#table !== undefined) return this.#table.draw(this.#random());
    return this.size < 2 ? this.size - 1 : Math.trunc(this.#random() * this.size);
  }

  /** A slow one that is refused so often stands alone, or all are slow: then the last draw counts. */
  #drawFresh(tried: readonly Endpoint[]): number {
    let last = -1;
    for (let i = 0; i < DRAWS_MAX; i += 1) {
      const index = this.#drawAny();
      if (!this.#isFresh(index, tried)) continue;
      if (this.#slowStart.admits(this.#candidates[index])) return index;
      last = index;
    }
    return last >= 0 ? last : this.#search(tried);
  }

  /** The heavy ones were tried: the others in turn, from anywhere. */
  #search(tried: readonly Endpoint[]): number {
    const start = Math.trunc(this.#random() * this.size);
    for (let i = 0; i < this.size; i += 1) {
      const index = (start + i) % this.size;
      if (this.#isFresh(index, tried)) return index;
    }
    return -1;
  }

  #isFresh(index: number, tried: readonly Endpoint[]): boolean {
    const candidate = this.#candidates[index];
    return candidate !== undefined && !isTried(tried, candidate);
  }
}
