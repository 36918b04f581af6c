/** Time limits of many things at once: one timer a thread instead of one for each connection. */

/** Something with a time limit. */
export interface Deadlined {
  /** On `Deadlines.clock`; Infinity = none. May be changed at any time. */
  deadlineMs: number;
  /** The limit has passed. Is called once for each time that `deadlineMs` is set. */
  onDeadline(): void;
}

/** Limits are kept to this precision: at most two ticks late, and not early (but see `Deadlines.after`). */
const TICK_MS = 100;

/**
 * Watches limits with one interval that runs only while there is something to watch. Owned by a worker.
 * A tick looks at everything: 10,000 connections cost some 50 µs each tenth of a second, while setting a
 * limit on the hot path costs one store.
 */
export class Deadlines {
  /** The clock that all limits are on: monotonic, in milliseconds. */
  readonly clock: () => number;
  readonly #items = new Set<Deadlined>();
  #timer: NodeJS.Timeout | undefined;
  #now: number;

  /** `clock` is monotonic, in milliseconds and fractions. */
  constructor(clock: () => number) {
    this.clock = clock;
    this.#now = clock();
  }

  /** How many things are watched now. */
  get size(): number {
    return this.#items.size;
  }

  /** Starts watching. Effect: starts the timer with the first item. */
  add(item: Deadlined): void {
    this.#items.add(item);
    if (this.#timer !== undefined) return;
    this.#now = this.clock();
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** Stops watching; what was never added is no error. */
  delete(item: Deadlined): void {
    this.#items.delete(item);
  }

  /**
   * The instant `milliseconds` from now, for `deadlineMs`; not early, unless the thread was held up for longer than a
   * tick: then by what lies beyond. The clock is read only while nothing is watched: no tick has kept the time then.
   */
  after(milliseconds: number): number {
    if (this.#timer === undefined) this.#now = this.clock();
    return this.#now + milliseconds + TICK_MS;
  }

  /** Fires what is due. The timer calls it. */
  tick(): void {
    this.#now = this.clock();
    for (const item of this.#items) {
      if (item.deadlineMs > this.#now) continue;
      item.deadlineMs = Number.POSITIVE_INFINITY;
      item.onDeadline();
    }
    if (this.#items.size > 0 || this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
