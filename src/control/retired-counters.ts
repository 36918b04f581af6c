/** What workers counted before they died. */
import { METRICS, type MetricLayout, blockWidth } from "../core/metric-layout.ts";

/** Keeps counters from falling when a worker dies; gauges of what was open in it end with it. */
export class RetiredCounters {
  readonly #layout: MetricLayout;
  #sum = new Float64Array(0);

  constructor(layout: MetricLayout) {
    this.#layout = layout;
  }

  /** Takes over the counters of a dead worker. */
  add(memory: SharedArrayBuffer): void {
    const counters = new Float64Array(memory);
    const sum = this.copy(this.#layout.size);
    for (const block of this.#layout.blocks()) {
      if (METRICS[block.metric].type === "gauge") continue;
      const end = Math.min(block.slot + blockWidth(block.metric), counters.length);
      for (let slot = block.slot; slot < end; slot += 1) {
        sum[slot] = (sum[slot] ?? 0) + (counters[slot] ?? 0);
      }
    }
    this.#sum = sum;
  }

  /** A copy with room for so many slots. */
  copy(slots: number): Float64Array<ArrayBuffer> {
    const copy = new Float64Array(slots);
    copy.set(this.#sum.subarray(0, slots));
    return copy;
  }
}
