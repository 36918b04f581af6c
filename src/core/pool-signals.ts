/**
 * How the workers' pools wake each other: that a connection is wanted, and that one was closed for whoever waits. Shared
 * memory without a lock; one load says whether anybody waits at all.
 */

/** Counts up whenever a place for a connection becomes free while others wait. */
const FREED = 0;
/** Counts up whenever somebody waits for a place. */
const WANTED = 1;
/** How many wait, in all workers and for all services. */
const WAITING = 2;
/** How many of these wait in each worker: what is subtracted when it dies. */
const ROWS = 3;

/** The memory for so many workers, all zero. */
export function createSignalsMemory(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer((ROWS + workers) * Int32Array.BYTES_PER_ELEMENT);
}

/** Nobody waits in a dead worker any more, and its connections are closed. Effect: wakes those who wait. */
export function clearSignals(memory: SharedArrayBuffer, index: number): void {
  const ints = new Int32Array(memory);
  const waited = Atomics.exchange(ints, ROWS + index, 0);
  Atomics.sub(ints, WAITING, waited);
  bump(ints, FREED);
}

/** One worker's view. */
export class PoolSignals {
  /** Workers that share the memory. */
  readonly workers: number;
  readonly #ints: Int32Array;
  readonly #row: number;

  /** `index` is the worker's, 0-based. */
  constructor(memory: SharedArrayBuffer, index: number) {
    this.#ints = new Int32Array(memory);
    this.workers = this.#ints.length - ROWS;
    this.#row = ROWS + index;
  }

  /** Whether somebody waits in another worker, for whatever service: two loads. */
  get othersWait(): boolean {
    const all = Atomics.load(this.#ints, WAITING);
    return all > 0 && all > Atomics.load(this.#ints, this.#row);
  }

  /** One more waits here. Effect: asks the others for a place. */
  enter(): void {
    Atomics.add(this.#ints, this.#row, 1);
    Atomics.add(this.#ints, WAITING, 1);
    this.want();
  }

  /** One less waits here. */
  leave(): void {
    Atomics.sub(this.#ints, this.#row, 1);
    Atomics.sub(this.#ints, WAITING, 1);
  }

  /** Asks the others once more. */
  want(): void {
    bump(this.#ints, WANTED);
  }

  /** A place is free, and another worker may have it. */
  free(): void {
    bump(this.#ints, FREED);
  }

  /** Resolves when a place was given away after this call; it keeps no thread from ending. */
  async whenFreed(): Promise<void> {
    await change(this.#ints, FREED);
  }

  /** Resolves when somebody began to wait after this call. */
  async whenWanted(): Promise<void> {
    await change(this.#ints, WANTED);
  }
}

function bump(ints: Int32Array, word: number): void {
  Atomics.add(ints, word, 1);
  Atomics.notify(ints, word);
}

async function change(ints: Int32Array, word: number): Promise<void> {
  await Atomics.waitAsync(ints, word, Atomics.load(ints, word)).value;
}
