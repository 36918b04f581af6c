import type { Clock } from "../../src/discovery/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Time that stands still until the test moves it. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #timers = new Set<Timer>();
  #waiting: { readonly isMet: () => boolean; readonly resolve: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  set(callback: () => void, delayMs: number): unknown {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    const { met = [], unmet = [] } = Object.groupBy(this.#waiting, (each) =>
      each.isMet() ? "met" : "unmet",
    );
    this.#waiting = unmet;
    for (const each of met) each.resolve();
    return timer;
  }

  clear(handle: unknown): void {
    this.#timers.delete(handle as Timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Resolves when so many things wait for exactly this long from now on, at once if they do already. */
  async armed(delayMs: number, count = 1): Promise<void> {
    const isMet = (): boolean =>
      [...this.#timers].filter((timer) => timer.at === this.#now + delayMs).length >= count;
    if (isMet()) return;
    await new Promise<void>((resolve) => this.#waiting.push({ isMet, resolve }));
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
