/** Something that is done for keys, for each of them not too often. */
import type { HealthClock } from "../health/clock.ts";

/** Owned by whoever calls it. */
export class Throttle {
  readonly #clock: HealthClock;
  readonly #intervalMs: number;
  readonly #act: (key: string) => void;
  readonly #lastMs = new Map<string, number>();
  readonly #timers = new Map<string, unknown>();

  constructor(clock: HealthClock, intervalMs: number, act: (key: string) => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#act = act;
  }

  /** At once after a quiet time, else at the end of the interval, and once for all calls until then. */
  soon(key: string): void {
    if (this.#timers.has(key)) return;
    const lastMs = this.#lastMs.get(key) ?? Number.NEGATIVE_INFINITY;
    const waitMs = lastMs + this.#intervalMs - this.#clock.monotonic();
    if (waitMs <= 0) this.now(key);
    else
      this.#timers.set(
        key,
        this.#clock.set(() => this.now(key), waitMs),
      );
  }

  /** At once. */
  now(key: string): void {
    this.#clear(key);
    this.#lastMs.set(key, this.#clock.monotonic());
    this.#act(key);
  }

  /** The key is gone. */
  forget(key: string): void {
    this.#clear(key);
    this.#lastMs.delete(key);
  }

  /** Nothing is done any more. */
  close(): void {
    for (const key of this.#timers.keys()) this.#clear(key);
  }

  #clear(key: string): void {
    this.#clock.clear(this.#timers.get(key));
    this.#timers.delete(key);
  }
}
