/** Drawing by weight at a cost that does not grow with the number of items. */

/**
 * Walker's alias method as Vose builds it (M. D. Vose, "A linear algorithm for generating random numbers with a given
 * distribution", 1991): n columns of equal width, each shared by at most two items. Immutable.
 */
export class AliasTable {
  readonly #size: number;
  /** The part of a column that is its own; the rest is its alias's. */
  readonly #own: Float64Array;
  readonly #alias: Int32Array;

  /** Weights above 0, as many as one likes; takes time and memory in proportion to them. */
  constructor(weights: readonly number[]) {
    this.#size = weights.length;
    this.#own = new Float64Array(weights.length).fill(1);
    this.#alias = Int32Array.from(weights.keys());
    this.#fill(weights);
  }

  /** Index of an item; `chance` in [0, 1). Pure. Of an empty table -1. */
  draw(chance: number): number {
    const scaled = chance * this.#size;
    const column = Math.min(Math.trunc(scaled), this.#size - 1);
    return scaled - column < (this.#own[column] ?? 0) ? column : (this.#alias[column] ?? -1);
  }

  #fill(weights: readonly number[]): void {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const left = Float64Array.from(weights, (weight) => (weight * weights.length) / total);
    const poor: number[] = [];
    const rich: number[] = [];
    for (const [i, share] of left.entries()) (share < 1 ? poor : rich).push(i);
    let low = poor.pop();
    let high = rich.at(-1);
    while (low !== undefined && high !== undefined) {
      const need = left[low] ?? 0;
      this.#own[low] = need;
      this.#alias[low] = high;
      // In this order the rounding errors of the sum stay small, as Vose has it.
      left[high] = (left[high] ?? 0) + need - 1;
      if ((left[high] ?? 0) < 1) {
        poor.push(high);
        rich.pop();
      }
      low = poor.pop();
      high = rich.at(-1);
    }
    // What is left over is 1 but for rounding, and keeps its whole column.
  }
}
