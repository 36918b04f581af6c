/**
 * Counts that all workers share without a lock: each worker writes a region of its own and reads everybody's. When one
 * dies its region is cleared, and with it all that it had counted.
 */

/** Key, key, count. */
const SLOT_INTS = 3;
const BUCKET_SLOTS = 8;
/** 131,072 keys a worker, 1.5 MiB of which only what is used is resident. */
const BUCKETS = 2 ** 14;
const REGION_INTS = BUCKETS * BUCKET_SLOTS * SLOT_INTS;

/** Whose region is written, and what makes hashes differ from process to process. */
export interface CountsPlace {
  /** 0-based. */
  readonly index: number;
  readonly workers: number;
  /** Secret: who knows it could choose addresses whose counts meet. */
  readonly seed: string;
}

/** What is counted, ready to be found: 64 bits of hash. */
export interface CountKey {
  readonly first: number;
  readonly second: number;
}

/** Keys that begin alike and end in a name, hashed once each. */
export class CountKeys {
  readonly #counts: SharedCounts;
  readonly #prefix: string;
  readonly #known = new Map<string, CountKey>();

  constructor(counts: SharedCounts, prefix: string) {
    this.#counts = counts;
    this.#prefix = prefix;
  }

  of(name: string): CountKey {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= KEYS_MAX) this.#known.clear();
    const key = this.#counts.keyOf(this.#prefix + name);
    this.#known.set(name, key);
    return key;
  }
}

/** More names than are in use at once; a DNS answer or a file that keeps changing must not fill the memory. */
const KEYS_MAX = 4096;

/** The memory for so many workers, all zero. */
export function createCountsMemory(workers: number): SharedArrayBuffer {
  return new SharedArrayBuffer(workers * REGION_INTS * Int32Array.BYTES_PER_ELEMENT);
}

/** What a dead worker had counted is forgotten. Effect: writes its region. */
export function clearCounts(memory: SharedArrayBuffer, index: number): void {
  const bytes = Int32Array.BYTES_PER_ELEMENT;
  new Int32Array(memory, index * REGION_INTS * bytes, REGION_INTS).fill(0);
}

/**
 * One worker's view. A key lives in one of the eight slots of one of two buckets; when both are full, which random keys
 * hardly ever bring about before four fifths of all slots are taken, it is not counted. Two keys are one only when 64
 * bits of hash agree.
 */
export class SharedCounts {
  readonly #ints: Int32Array;
  readonly #own: number;
  readonly #end: number;
  readonly #seed: string;
  /** Of the key that was looked at last. */
  #first = 0;
  #second = 0;

  constructor(memory: SharedArrayBuffer, { index, workers, seed }: CountsPlace) {
    this.#ints = new Int32Array(memory);
    this.#own = index * REGION_INTS;
    this.#end = workers * REGION_INTS;
    this.#seed = seed;
  }

  /** A key that is used often, hashed once. */
  keyOf(key: string): CountKey {
    this.#hash(key);
    return { first: this.#first, second: this.#second };
  }

  /** Counts one more, and returns how many all workers have now. */
  add(key: CountKey | string): number {
    this.#choose(key);
    const slot = this.#find(this.#own) ?? this.#findEmpty();
    if (slot !== undefined) {
      Atomics.store(this.#ints, slot, this.#first);
      Atomics.store(this.#ints, slot + 1, this.#second);
      Atomics.add(this.#ints, slot + 2, 1);
    }
    return this.#sum();
  }

  /** Counts one less of what this worker has added. */
  remove(key: CountKey | string): void {
    this.#choose(key);
    const slot = this.#find(this.#own);
    if (slot !== undefined) Atomics.sub(this.#ints, slot + 2, 1);
  }

  /** How many all workers have. */
  total(key: CountKey | string): number {
    this.#choose(key);
    return this.#sum();
  }

  #choose(key: CountKey | string): void {
    if (typeof key === "string") return this.#hash(key);
    this.#first = key.first;
    this.#second = key.second;
  }

  #sum(): number {
    let sum = 0;
    for (let region = 0; region < this.#end; region += REGION_INTS) {
      const slot = this.#find(region);
      if (slot !== undefined) sum += Atomics.load(this.#ints, slot + 2);
    }
    return sum;
  }

  #find(region: number): number | undefined {
    return this.#search(region, this.#first) ?? this.#search(region, this.#second);
  }

  #search(region: number, hash: number): number | undefined {
    const ints = this.#ints;
    const start = region + bucketOf(hash);
    for (let slot = start; slot < start + BUCKET_SLOTS * SLOT_INTS; slot += SLOT_INTS) {
      if (Atomics.load(ints, slot) !== this.#first || ints[slot + 1] !== this.#second) continue;
      if (Atomics.load(ints, slot + 2) > 0) return slot;
    }
    return undefined;
  }

  /** In the bucket that has more room: so both are full only when nearly all are. */
  #findEmpty(): number | undefined {
    const one = this.#room(this.#own + bucketOf(this.#first));
    const other = this.#room(this.#own + bucketOf(this.#second));
    return one.free >= other.free ? one.slot : other.slot;
  }

  #room(start: number): { readonly free: number; readonly slot: number | undefined } {
    let free = 0;
    let empty: number | undefined;
    for (let slot = start; slot < start + BUCKET_SLOTS * SLOT_INTS; slot += SLOT_INTS) {
      if (this.#ints[slot + 2] !== 0) continue;
      free += 1;
      empty = slot;
    }
    return { free, slot: empty };
  }

  /** Two multiplicative hashes side by side, mixed at the end (cyrb53, public domain). */
  #hash(key: string): void {
    const text = this.#seed + key;
    let first = 0xdeadbeef;
    let second = 0x41c6ce57;
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      first = Math.imul(first ^ unit, 2_654_435_761);
      second = Math.imul(second ^ unit, 1_597_334_677);
    }
    first =
      Math.imul(first ^ (first >>> 16), 2_246_822_507) ^
      Math.imul(second ^ (second >>> 13), 3_266_489_909);
    second =
      Math.imul(second ^ (second >>> 16), 2_246_822_507) ^
      Math.imul(first ^ (first >>> 13), 3_266_489_909);
    this.#first = first | 0;
    this.#second = second | 0;
  }
}

/** Where the bucket begins within a region. */
function bucketOf(hash: number): number {
  return (hash & (BUCKETS - 1)) * BUCKET_SLOTS * SLOT_INTS;
}
