/** Time as an argument: what checks wait with. */
export interface HealthClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that never go back, from any moment on. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the handle is for `clear`. */
  set(callback: () => void, delayMs: number): unknown;
  clear(handle: unknown): void;
}
