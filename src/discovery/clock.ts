/** Time as an argument: what discovery waits with. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls back once after `delayMs`; the handle is for `clear`. */
  set(callback: () => void, delayMs: number): unknown;
  clear(handle: unknown): void;
}

/** The real clock. Its timers do not keep the process alive: a box that only waits for a TTL may stop. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  set: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
  clear: (handle) => clearTimeout(handle as NodeJS.Timeout),
};
