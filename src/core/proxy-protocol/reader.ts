/**
 * Reads the PROXY header at the beginning of a connection, version 1 or 2, however it is cut. There is no guessing
 * whether there is one (§2 of the specification): whoever is asked to send it and does not is refused.
 */
import type { Result } from "../result.ts";
import { FIXED_BYTES, SIGNATURE, type ProxyHeader } from "./header.ts";
import { parseProxyV1 } from "./parse-v1.ts";
import { measureProxyV2, parseProxyV2 } from "./parse-v2.ts";

/** Why there will be no header. */
export interface ProxyHeaderRefused {
  readonly kind: "refused";
  /** `missing`: the connection begins with something else. */
  readonly reason: "missing" | "malformed";
  /** A sentence without its full stop for the log; never bytes from the network. */
  readonly detail: string;
}

/** What is known of the header so far. */
export type ProxyHeaderResult =
  | { readonly kind: "incomplete" }
  | {
      readonly kind: "header";
      readonly header: ProxyHeader;
      /** How many bytes it took in all. */
      readonly headerBytes: number;
      /** Where the stream begins in the chunk that completed the header; the chunk's length when it holds no more. */
      readonly streamStart: number;
    }
  | ProxyHeaderRefused;

/** §2.1: a line that has no CRLF within 107 bytes is invalid. */
const LINE_BYTES_MAX = 107;
/** `PROXY `. */
const LINE_START: readonly number[] = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
const CR = 0x0d;
const LF = 0x0a;

const INCOMPLETE: ProxyHeaderResult = { kind: "incomplete" };

/**
 * Takes the bytes of a connection as they come and says when the header is whole or cannot become one, which it says
 * as early as it can. Time and copying grow with the bytes of the header, whatever their cutting; after `push` it
 * holds no reference to the chunk, and at most `PROXY_HEADER_BYTES_MAX` bytes. The result, but for `streamStart`,
 * depends on the bytes only, not on how they were cut.
 */
export class ProxyHeaderReader {
  #result: ProxyHeaderResult = INCOMPLETE;
  /** What earlier chunks held of the header. */
  #held = new Uint8Array(0);
  #heldBytes = 0;
  /** How many bytes the header takes; 0 while unknown. */
  #end = 0;
  /** What the first byte promised. */
  #start = SIGNATURE;
  /** The four bytes behind the signature as one number. */
  #fixed = 0;
  #lastByte = 0;

  /**
   * Takes the next bytes, in order, and says what is known now. What stands behind the header is not looked at. A
   * result other than `incomplete` is final: it stays, and no further bytes are read.
   */
  push(chunk: Uint8Array): ProxyHeaderResult {
    if (this.#result.kind !== "incomplete") return this.#result;
    this.#result = this.#take(chunk);
    if (this.#result.kind !== "incomplete") this.#held = new Uint8Array(0);
    return this.#result;
  }

  #take(chunk: Uint8Array): ProxyHeaderResult {
    for (let i = 0; i < chunk.length && this.#end === 0; i += 1) {
      const refused = this.#takeByte(chunk[i] ?? 0, this.#heldBytes + i);
      if (refused !== undefined) return refused;
    }
    const missing = this.#end - this.#heldBytes;
    if (this.#end === 0 || missing > chunk.length) {
      this.#hold(chunk);
      return INCOMPLETE;
    }
    if (this.#heldBytes === 0) return this.#parse(chunk, missing);
    this.#hold(chunk.subarray(0, missing));
    return this.#parse(this.#held, missing);
  }

  /** Looks for the header's end; `index` counts from the beginning of the connection. */
  #takeByte(byte: number, index: number): ProxyHeaderRefused | undefined {
    if (index === 0 && byte === LINE_START[0]) this.#start = LINE_START;
    if (index < this.#start.length) {
      return byte === this.#start[index] ? undefined : refuseMissing();
    }
    return this.#start === LINE_START
      ? this.#takeOfLine(byte, index)
      : this.#takeOfFixed(byte, index);
  }

  #takeOfLine(byte: number, index: number): ProxyHeaderRefused | undefined {
    const isLineFeed = byte === LF;
    if (isLineFeed !== (this.#lastByte === CR)) {
      return refuseMalformed("the PROXY line has a CR or LF that is not part of a CRLF");
    }
    this.#lastByte = byte;
    if (isLineFeed) this.#end = index + 1;
    else if (index + 1 === LINE_BYTES_MAX) {
      return refuseMalformed(`the PROXY line has no CRLF within ${LINE_BYTES_MAX} bytes`);
    }
    return undefined;
  }

  #takeOfFixed(byte: number, index: number): ProxyHeaderRefused | undefined {
    this.#fixed = ((this.#fixed << 8) | byte) >>> 0;
    if (index + 1 < FIXED_BYTES) return undefined;
    const measured = measureProxyV2(this.#fixed);
    if (!measured.ok) return refuseMalformed(measured.error);
    this.#end = measured.value;
    return undefined;
  }

  /** The room is that of any line at first, and the header's exactly once its length is known. */
  #hold(bytes: Uint8Array): void {
    const needed = this.#heldBytes + bytes.length;
    if (needed > this.#held.length) {
      const grown = new Uint8Array(Math.max(this.#end, LINE_BYTES_MAX));
      grown.set(this.#held);
      this.#held = grown;
    }
    this.#held.set(bytes, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #parse(bytes: Uint8Array, streamStart: number): ProxyHeaderResult {
    const end = this.#end;
    const parsed: Result<ProxyHeader, string> =
      this.#start === LINE_START ? parseProxyV1(bytes, end) : parseProxyV2(bytes, end);
    if (!parsed.ok) return refuseMalformed(parsed.error);
    return { kind: "header", header: parsed.value, headerBytes: end, streamStart };
  }
}

function refuseMissing(): ProxyHeaderRefused {
  const detail = "the connection does not begin with a PROXY header";
  return { kind: "refused", reason: "missing", detail };
}

function refuseMalformed(detail: string): ProxyHeaderRefused {
  return { kind: "refused", reason: "malformed", detail };
}
