import type { Clock } from "../../src/discovery/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that stands still until the test moves it. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #timers = new Set<Timer>();
  #waiting: { readonly delayMs: number; readonly resolve: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  set(callback: () => void, delayMs: number): unknown {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    const met = this.#waiting.filter((each) => each.delayMs === delayMs);
    this.#waiting = this.#waiting.filter((each) => each.delayMs !== delayMs);
    for (const each of met) each.resolve();
    return timer;
  }

  clear(handle: unknown): void {
    this.#timers.delete(handle as Timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Resolves when something waits for exactly this long from now on, at once if it does already. */
  async armed(delayMs: number): Promise<void> {
    if ([...this.#timers].some((timer) => timer.at === this.#now + delayMs)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ delayMs, resolve }));
  }

  /** Moves time on and calls back what is due, in order. */
  advance(byMs: number): void {
    const end = this.#now + byMs;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.at <= end);
      const [next] = due.toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }
}
