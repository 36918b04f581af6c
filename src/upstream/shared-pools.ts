/** What the pools of one worker have in common with those of the others. */
import type { PoolSignals } from "../core/pool-signals.ts";
import type { SharedCounts } from "../core/shared-counts.ts";

/** A pool, for those who share its service's places. */
export interface SharingPool {
  /** Whoever waits tries to get a place. */
  serve(): void;
  /** A place was given away, here or in another worker. */
  onFreed(): void;
  /** Another worker wants a place of some service: what lies idle may be given up. */
  giveUpIdle(): void;
}

/** Owned by its worker. While nobody waits nothing of it is touched but one word, which is read. */
export class SharedPools {
  readonly counts: SharedCounts;
  readonly #signals: PoolSignals;
  readonly #waiting = new Set<SharingPool>();
  readonly #open = new Set<SharingPool>();
  #listensFreed = false;
  #listensWanted = false;

  constructor(counts: SharedCounts, signals: PoolSignals) {
    this.counts = counts;
    this.#signals = signals;
  }

  /** How many workers there are. */
  get workers(): number {
    return this.#signals.workers;
  }

  /** Whether anybody waits in another worker, for whatever service. */
  get othersWait(): boolean {
    return this.#signals.othersWait;
  }

  /** One more waits in this pool. Effect: the others are asked for a place, and the pool is told when one is free. */
  enter(pool: SharingPool): void {
    this.#waiting.add(pool);
    this.#signals.enter();
    if (!this.#listensFreed) void this.#listenFreed();
  }

  /** One less; `isLast` = nobody waits in this pool any more. */
  leave(pool: SharingPool, isLast: boolean): void {
    this.#signals.leave();
    if (isLast) this.#waiting.delete(pool);
  }

  /** Asks the others again. */
  want(): void {
    this.#signals.want();
  }

  /** A place is free that another worker may have. */
  free(): void {
    this.#signals.free();
  }

  /** The pool has connections: it is told when others want places. */
  opened(pool: SharingPool): void {
    this.#open.add(pool);
    if (!this.#listensWanted) void this.#listenWanted();
  }

  /** The pool has none any more. */
  emptied(pool: SharingPool): void {
    this.#open.delete(pool);
  }

  /** Listens on before it acts, so that nothing is missed between; acts only when whoever began this is done. */
  async #listenFreed(): Promise<void> {
    this.#listensFreed = true;
    while (this.#waiting.size > 0) {
      const next = this.#signals.whenFreed();
      await Promise.resolve();
      const pools = [...this.#waiting];
      for (const pool of pools) pool.onFreed();
      await next;
    }
    this.#listensFreed = false;
  }

  async #listenWanted(): Promise<void> {
    this.#listensWanted = true;
    while (this.#open.size > 0) {
      const next = this.#signals.whenWanted();
      await Promise.resolve();
      const pools = this.othersWait ? [...this.#open] : [];
      for (const pool of pools) pool.giveUpIdle();
      await next;
    }
    this.#listensWanted = false;
  }
}
