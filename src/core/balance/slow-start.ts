/** A growing share for endpoints that are new or well again: what they keep in memory is cold still. */
import type { BalanceOptions } from "./balancer.ts";
import type { Candidate } from "./candidate.ts";

/** The share that it begins with, of its full one; as Envoy's `min_weight_percent`. */
const SHARE_MIN = 0.1;

/** Which draws are refused, so that an endpoint gets less than its weight says. Ends by itself. */
export class SlowStart {
  readonly #options: BalanceOptions;
  /** When the last of the candidates has its full share. */
  #endMs: number;

  constructor(candidates: readonly Candidate[], options: BalanceOptions) {
    this.#options = options;
    this.#endMs = Number.NEGATIVE_INFINITY;
    if (options.slowStartMs === 0) return;
    for (const { sinceMs } of candidates) {
      this.#endMs = Math.max(this.#endMs, sinceMs + options.slowStartMs);
    }
  }

  /** Some candidate may have less than its full share. Asks the clock only then. */
  get isUnderWay(): boolean {
    if (this.#endMs === Number.NEGATIVE_INFINITY) return false;
    if (this.#options.wallClock() < this.#endMs) return true;
    this.#endMs = Number.NEGATIVE_INFINITY;
    return false;
  }

  /** Whether a draw of this candidate counts. Effect: draws chance for a slow one. */
  admits(candidate: Candidate | undefined): boolean {
    if (candidate === undefined) return false;
    if (this.#endMs === Number.NEGATIVE_INFINITY) return true;
    const { random, wallClock, slowStartMs } = this.#options;
    const share = slowStartShare(wallClock() - candidate.sinceMs, slowStartMs);
    return share >= 1 || random() < share;
  }
}

/** From 0.1 at the start to 1 after `slowStartMs`, in a straight line; 1 when the clock was set back before it. Pure. */
export function slowStartShare(passedMs: number, slowStartMs: number): number {
  if (passedMs < 0 || passedMs >= slowStartMs) return 1;
  return Math.max(SHARE_MIN, passedMs / slowStartMs);
}
