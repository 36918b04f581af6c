/** Whose turn it is, by weight and evenly spread. */

/**
 * Earliest deadline first, as Envoy schedules by weight: the k-th turn of an item of weight w is due at (k - ½) / w, so in
 * each unit of time, which is as many turns as the weights sum up to, every item has exactly its weight of turns. A binary
 * heap: the cost of a turn grows with the logarithm of the items. Of those due at once the first of the list comes first.
 */
export class WeightedTurns {
  readonly #weights: Float64Array;
  readonly #taken: Float64Array;
  readonly #due: Float64Array;
  /** Items by when they are due; none before the one above it. */
  readonly #heap: Int32Array;

  /** At least one weight, all above 0. */
  constructor(weights: readonly number[]) {
    this.#weights = Float64Array.from(weights);
    this.#taken = new Float64Array(weights.length);
    this.#due = Float64Array.from(weights, (weight) => 0.5 / weight);
    this.#heap = Int32Array.from(weights.keys());
    for (let i = (weights.length >> 1) - 1; i >= 0; i -= 1) this.#sink(i);
  }

  /** The index of the next item. Effect: its next turn is due later. */
  next(): number {
    const index = this.#heap[0] ?? 0;
    const taken = (this.#taken[index] ?? 0) + 1;
    this.#taken[index] = taken;
    this.#due[index] = (taken + 0.5) / (this.#weights[index] ?? 1);
    this.#sink(0);
    return index;
  }

  #sink(from: number): void {
    const heap = this.#heap;
    const item = heap[from] ?? 0;
    let at = from;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && this.#isFirst(heap[below + 1], heap[below])) below += 1;
      if (this.#isFirst(item, heap[below])) break;
      heap[at] = heap[below] ?? 0;
      at = below;
    }
    heap[at] = item;
  }

  #isFirst(one = 0, other = 0): boolean {
    const left = (this.#due[one] ?? 0) - (this.#due[other] ?? 0);
    return left < 0 || (left === 0 && one < other);
  }
}
