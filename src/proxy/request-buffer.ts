/** What a client has sent and nobody has taken yet. */
import { SCAN_INCOMPLETE, resumeScan, scanHead } from "../core/http1/scan.ts";

const CR = 0x0d;
const LF = 0x0a;

/** Owned by one connection, which bounds it. Looks at no byte of an unfinished head twice. */
export class RequestBuffer {
  #bytes: Buffer | undefined;
  /** `#bytes` is the caller's memory. */
  #borrowed = false;
  #scanned = 0;

  /** Everything that waits, to be looked at; undefined when nothing does. */
  get bytes(): Buffer | undefined {
    return this.#bytes;
  }

  get length(): number {
    return this.#bytes === undefined ? 0 : this.#bytes.length;
  }

  /** Behind what waits. The chunk may change after the next call of `own`, not before. */
  append(chunk: Buffer): void {
    this.#borrowed = this.#bytes === undefined;
    this.#bytes = this.#bytes === undefined ? chunk : Buffer.concat([this.#bytes, chunk]);
  }

  /** Copies what still waits of a chunk: its memory is used again. */
  own(): void {
    if (this.#borrowed && this.#bytes !== undefined) this.#bytes = Buffer.from(this.#bytes);
    this.#borrowed = false;
  }

  /** The first `count` bytes have been used. */
  consume(count: number): void {
    if (this.#bytes === undefined || count === 0) return;
    this.#bytes = count < this.#bytes.length ? this.#bytes.subarray(count) : undefined;
    this.#scanned = 0;
  }

  /** Drops everything. */
  clear(): void {
    this.#bytes = undefined;
    this.#scanned = 0;
  }

  /** RFC 9112 §2.2: empty lines before a request are skipped. True when a request begins here. */
  skipEmptyLines(): boolean {
    const bytes = this.#bytes;
    if (bytes === undefined || this.#scanned > 0) return bytes !== undefined;
    let start = 0;
    while (bytes[start] === CR && bytes[start + 1] === LF) start += 2;
    if (start > 0) this.consume(start);
    // A CR alone may become one more empty line.
    return start < bytes.length && (bytes[start] !== CR || start + 1 < bytes.length);
  }

  /** Where the head at the beginning ends, SCAN_INCOMPLETE or SCAN_FORBIDDEN. */
  findHead(): number {
    const bytes = this.#bytes;
    if (bytes === undefined) return SCAN_INCOMPLETE;
    const end = scanHead(bytes, this.#scanned, bytes.length);
    if (end === SCAN_INCOMPLETE) this.#scanned = resumeScan(bytes, this.#scanned, bytes.length);
    return end;
  }

  /** The first `length` bytes as latin1 text; they are used. */
  takeText(length: number): string {
    const text = this.#bytes?.toString("latin1", 0, length) ?? "";
    this.consume(length);
    return text;
  }
}
