/** Gives memory back after a wave of connections: V8 alone keeps what it once had until it needs more. */
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Fewer closed ones are not worth a pause: at some 8 KiB each it frees less than 8 MiB. */
const CLOSED_MIN = 1000;
/** Share of the time in which the thread may be busy: traffic must not wait for a collection that it did not ask for. */
const BUSY_MAX = 0.1;
const LOOK_MS = 1000;
/** Attempts to find the collector before it is given up for this time. */
const FLAG_TRIES = 4;

type Collector = (options: { readonly type: string; readonly flavor: string }) => unknown;

/** What is looked at, and what is done; tests put their own in. */
export interface HeapTrimOptions {
  /** Connections open now. */
  readonly active: () => number;
  /** Share of the time since the last call in which the thread was busy, 0 to 1. */
  readonly busy?: () => number;
  readonly collect?: () => void;
}

/**
 * One a worker. The collection takes 25 to 50 ms, and is the kind that gives pages back: after the ordinary one, 9,000
 * connections opened and closed time and again took 150 MiB at first and 300 in the end, with this one 150 every time.
 */
export class HeapTrim {
  readonly #active: () => number;
  readonly #busy: () => number;
  readonly #collect: () => void;
  /** The most connections since the last collection. */
  #peak = 0;

  constructor({ active, busy = busyShare(), collect = createCollector() }: HeapTrimOptions) {
    this.#active = active;
    this.#busy = busy;
    this.#collect = collect;
  }

  /** Effect: looks once a second, without keeping the thread alive. */
  start(): void {
    setInterval(() => this.look(), LOOK_MS).unref();
  }

  /** Collects when many connections are gone and the thread has time. */
  look(): void {
    const active = this.#active();
    const busy = this.#busy();
    this.#peak = Math.max(this.#peak, active);
    if (this.#peak - active < CLOSED_MIN || busy > BUSY_MAX) return;
    this.#peak = active;
    this.#collect();
  }
}

function busyShare(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/**
 * The collector is behind a flag of V8 that a new context looks at. It is set only for a moment, and not from the start:
 * any flag makes V8 refuse the code that is compiled into the executable. The flag is one for all threads, and another one
 * may take it back in that moment: then it is tried again, and without a collector the next wave has to do.
 */
function createCollector(): () => void {
  let collect: Collector | undefined;
  return () => {
    for (let i = 0; i < FLAG_TRIES && collect === undefined; i += 1) collect = findCollector();
    collect?.({ type: "major", flavor: "last-resort" });
  };
}

function findCollector(): Collector | undefined {
  setFlagsFromString("--expose-gc");
  // As a property: a name that does not exist would throw.
  const collect = runInNewContext("globalThis.gc") as Collector | undefined;
  setFlagsFromString("--no-expose-gc");
  return collect;
}
