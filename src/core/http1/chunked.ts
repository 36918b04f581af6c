/** Chunked transfer coding (RFC 9112 §7.1): decoding, strict and incremental. */
import { parseFields } from "./fields.ts";

/** 52 bits: a size stays exact in a double. */
const SIZE_DIGITS_MAX = 13;
/** A chunk-size line with its extensions; they mean nothing to a proxy and are dropped. */
const EXTENSION_BYTES_MAX = 1024;
/** Trailer lines; the bytes of all together are bounded too. */
const TRAILER_COUNT_MAX = 100;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const TAB = 0x09;
const EMPTY_LINE_BYTES = 2;

const SIZE = 0;
const EXTENSION = 1;
const SIZE_LF = 2;
const DATA = 3;
const DATA_CR = 4;
const DATA_LF = 5;
const TRAILER = 6;
const DONE = 7;
const BROKEN = 8;

const HEX: Int8Array = buildHex();

/**
 * One chunked body. Owned by one exchange; `decode` is fed each read in turn and moves the data of that
 * read together at its front. Bounded: extension bytes a line, trailer bytes and lines in all.
 */
export class ChunkedDecoder {
  #state = SIZE;
  #size = 0;
  #digits = 0;
  #extension = 0;
  readonly #trailerBytes: number[] = [];
  #lineBytes = 0;
  #trailer = "";
  readonly #trailerBytesMax: number;
  /** After `decode`: index of the first byte that was not used; only `done` leaves any. */
  consumed = 0;

  /** `trailerBytesMax` bounds the trailer section. */
  constructor(trailerBytesMax: number) {
    this.#trailerBytesMax = trailerBytesMax;
  }

  /** The last chunk and the trailer section have been read. */
  get done(): boolean {
    return this.#state === DONE;
  }

  /** The coding was violated; the message has no end that anybody could agree on. */
  get broken(): boolean {
    return this.#state === BROKEN;
  }

  /**
   * The trailer section as latin1: field lines that obey the rules of a head (RFC 9110 §6.5.1), with their CRLF and the final CRLF.
   * Empty without trailers and before `done`. Which of them may be passed on is judged by whoever does.
   */
  get trailer(): string {
    return this.#trailer;
  }

  /**
   * Takes bytes[start, end). The body's data in it is moved to bytes[start, start + n); returns n.
   * Effect: overwrites that range; sets `consumed`. After `done` or `broken` nothing more is taken.
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    let read = start;
    let write = start;
    while (read < end && this.#state < DONE) {
      if (this.#state === DATA) {
        const length = Math.min(this.#size, end - read);
        if (write !== read) bytes.copyWithin(write, read, read + length);
        read += length;
        write += length;
        this.#size -= length;
        if (this.#size === 0) this.#state = DATA_CR;
      } else {
        this.#state = this.#step(bytes[read] ?? 0);
        read += 1;
      }
    }
    this.consumed = read;
    return write - start;
  }

  #step(byte: number): number {
    switch (this.#state) {
      case SIZE:
        return this.#stepSize(byte);
      case EXTENSION:
        return this.#stepExtension(byte);
      case SIZE_LF:
        return this.#stepSizeEnd(byte);
      case DATA_CR:
        return byte === CR ? DATA_LF : BROKEN;
      case DATA_LF:
        return byte === LF ? this.#startChunk() : BROKEN;
      case TRAILER:
        return this.#stepTrailer(byte);
      default:
        return BROKEN;
    }
  }

  #startChunk(): number {
    this.#size = 0;
    this.#digits = 0;
    this.#extension = 0;
    return SIZE;
  }

  /** Hex digits only: no sign, prefix, underscore or white space. */
  #stepSize(byte: number): number {
    const digit = HEX[byte] ?? -1;
    if (digit >= 0) {
      this.#digits += 1;
      this.#size = this.#size * 16 + digit;
      return this.#digits <= SIZE_DIGITS_MAX ? SIZE : BROKEN;
    }
    if (this.#digits === 0) return BROKEN;
    if (byte === CR) return SIZE_LF;
    return byte === SEMICOLON ? EXTENSION : BROKEN;
  }

  #stepExtension(byte: number): number {
    if (byte === CR) return SIZE_LF;
    this.#extension += 1;
    if (this.#extension > EXTENSION_BYTES_MAX) return BROKEN;
    return isText(byte) ? EXTENSION : BROKEN;
  }

  #stepSizeEnd(byte: number): number {
    if (byte !== LF) return BROKEN;
    return this.#size === 0 ? TRAILER : DATA;
  }

  /** Collects up to the empty line. */
  #stepTrailer(byte: number): number {
    const afterCr = this.#trailerBytes.at(-1) === CR;
    this.#trailerBytes.push(byte);
    if (this.#trailerBytes.length > this.#trailerBytesMax) return BROKEN;
    if (afterCr !== (byte === LF)) return BROKEN;
    if (byte === CR) return TRAILER;
    if (byte !== LF) {
      this.#lineBytes += 1;
      return isText(byte) ? TRAILER : BROKEN;
    }
    const ended = this.#lineBytes === 0;
    this.#lineBytes = 0;
    return ended ? this.#endTrailer() : TRAILER;
  }

  /** The lines obey the rules of a head and say nothing of framing or routing, or the message is refused. */
  #endTrailer(): number {
    if (this.#trailerBytes.length === EMPTY_LINE_BYTES) return DONE;
    const text = this.#trailerBytes.map((byte) => String.fromCharCode(byte)).join("");
    const fields = parseFields(text, 0, TRAILER_COUNT_MAX);
    if (!fields.ok) return BROKEN;
    const { contentLength, chunked, host } = fields.value;
    if (contentLength >= 0 || chunked || host !== undefined) return BROKEN;
    this.#trailer = text;
    return DONE;
  }
}

/** What a line may hold: no control character but TAB, no DEL (RFC 9110 §5.5). */
function isText(byte: number): boolean {
  return byte === TAB || (byte >= 0x20 && byte !== 0x7f);
}

function buildHex(): Int8Array {
  const table = new Int8Array(256).fill(-1);
  const digits = "0123456789abcdef";
  for (let i = 0; i < digits.length; i += 1) {
    table[digits.charCodeAt(i)] = i;
    table[digits.toUpperCase().charCodeAt(i)] = i;
  }
  return table;
}
