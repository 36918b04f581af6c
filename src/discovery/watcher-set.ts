import type { Refresher } from "./refresher.ts";

/** Something that keeps itself fresh. */
export interface Watcher {
  readonly refresher: Pick<Refresher<unknown>, "refresh" | "resume" | "pause" | "settled">;
}

/**
 * Watchers by key, started and stopped as they are needed. One generation of those that a reload dropped is remembered,
 * paused, so that a reload that is taken back finds them as they were; no more, so the map cannot grow over reloads.
 */
export class WatcherSet<W extends Watcher> {
  readonly #create: (key: string) => W;
  #active = new Map<string, W>();
  #retired = new Map<string, W>();

  constructor(create: (key: string) => W) {
    this.#create = create;
  }

  get size(): number {
    return this.#active.size;
  }

  get(key: string): W | undefined {
    return this.#active.get(key);
  }

  values(): IterableIterator<W> {
    return this.#active.values();
  }

  /** A reload: these keys are needed now. Gives those that were not needed before, paused. */
  replace(keys: ReadonlySet<string>): readonly W[] {
    const remembered = this.#retired;
    this.#retired = this.#dropAllBut(keys);
    return this.#startAll(keys, remembered);
  }

  /** Between reloads: as `replace`, but what is dropped is forgotten and what is remembered stays so. */
  update(keys: ReadonlySet<string>): readonly W[] {
    this.#dropAllBut(keys);
    return this.#startAll(keys, this.#retired);
  }

  #dropAllBut(keys: ReadonlySet<string>): Map<string, W> {
    const dropped = new Map([...this.#active].filter(([key]) => !keys.has(key)));
    for (const [key, watcher] of dropped) {
      watcher.refresher.pause();
      this.#active.delete(key);
    }
    return dropped;
  }

  #startAll(keys: ReadonlySet<string>, remembered: Map<string, W>): readonly W[] {
    const started: W[] = [];
    for (const key of keys) {
      if (this.#active.has(key)) continue;
      const watcher = remembered.get(key) ?? this.#create(key);
      remembered.delete(key);
      this.#active.set(key, watcher);
      started.push(watcher);
    }
    return started;
  }
}
