/** Reading binary messages without ever running past their end, and joining pieces of them. */

/**
 * A cursor over a range of bytes that it neither copies nor changes. A read that would pass the end
 * returns undefined and leaves the cursor where it was, so a caller cannot forget a length check.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;

  /** Reads `bytes` from `start` up to, not including, `end`; both are clamped to what is there. */
  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#end = Math.min(end, bytes.length);
    this.#position = Math.min(start, this.#end);
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#position;
  }

  /** An 8-bit number, or undefined past the end. */
  readU8(): number | undefined {
    if (this.remaining < 1) return undefined;
    const value = this.#at(0);
    this.#position += 1;
    return value;
  }

  /** A 16-bit number in network order, or undefined past the end. */
  readU16(): number | undefined {
    if (this.remaining < 2) return undefined;
    const value = (this.#at(0) << 8) | this.#at(1);
    this.#position += 2;
    return value;
  }

  /** A 24-bit number in network order, or undefined past the end. */
  readU24(): number | undefined {
    if (this.remaining < 3) return undefined;
    const value = (this.#at(0) << 16) | (this.#at(1) << 8) | this.#at(2);
    this.#position += 3;
    return value;
  }

  /** A reader over the next `length` bytes, which count as read here; undefined past the end. */
  readSlice(length: number): ByteReader | undefined {
    if (this.remaining < length) return undefined;
    const start = this.#position;
    this.#position += length;
    return new ByteReader(this.#bytes, start, this.#position);
  }

  /** The contents of a vector with an 8-bit length before it (RFC 8446 §3.4), or undefined. */
  readVector8(): ByteReader | undefined {
    return this.#readVector(1, this.remaining < 1 ? 0 : this.#at(0));
  }

  /** The contents of a vector with a 16-bit length before it (RFC 8446 §3.4), or undefined. */
  readVector16(): ByteReader | undefined {
    return this.#readVector(2, this.remaining < 2 ? 0 : (this.#at(0) << 8) | this.#at(1));
  }

  /** Everything not read yet as text, one character a byte; it counts as read. */
  readLatin1(): string {
    let text = "";
    for (; this.#position < this.#end; this.#position += 1) {
      text += String.fromCharCode(this.#at(0));
    }
    return text;
  }

  #readVector(prefix: number, length: number): ByteReader | undefined {
    if (this.remaining < prefix + length) return undefined;
    const start = this.#position + prefix;
    this.#position = start + length;
    return new ByteReader(this.#bytes, start, this.#position);
  }

  /** The byte at an offset that the caller has checked. */
  #at(offset: number): number {
    return this.#bytes[this.#position + offset] ?? 0;
  }
}

/** What joining takes at first: room for a ClientHello with a post-quantum key share, so most never grow. */
const FIRST_CAPACITY_BYTES = 2048;
const EMPTY = new Uint8Array(0);

/**
 * Joins pieces of a message into memory of its own. The memory doubles as it fills, so all appends
 * together copy each byte at most three times, and what is held is bounded by twice what was really
 * received (but 2 KiB at first), never by what a sender merely announced.
 */
export class ByteJoiner {
  #bytes: Uint8Array = EMPTY;
  #length = 0;

  /** Bytes appended since it was made or cleared. */
  get length(): number {
    return this.#length;
  }

  /** Copies `chunk` from `start` up to, not including, `end` behind what is there. */
  append(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#length + end - start;
    if (needed > this.#bytes.length) this.#grow(needed);
    if (end - start === 1) this.#bytes[this.#length] = chunk[start] ?? 0;
    else this.#bytes.set(chunk.subarray(start, end), this.#length);
    this.#length = needed;
  }

  /** A reader over everything appended so far; valid until the next `append` or `clear`. */
  reader(): ByteReader {
    return new ByteReader(this.#bytes, 0, this.#length);
  }

  /** Gives the memory back. */
  clear(): void {
    this.#bytes = EMPTY;
    this.#length = 0;
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2, FIRST_CAPACITY_BYTES));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
