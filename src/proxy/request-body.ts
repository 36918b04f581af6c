/** A request on its way to the endpoint: its head, and its body in the framing that it came in. */
import type { Failure } from "../core/failure.ts";
import { ChunkedDecoder } from "../core/http1/chunked.ts";
import { BODY_CHUNKED, BODY_NONE } from "../core/http1/framing.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import { filterTrailers } from "../core/http1/trailers.ts";
import type { Socket } from "../transport/socket.ts";
import { type BodyPart, writeChunked } from "./body-writer.ts";

/** A trailer section is bounded like a small head. */
const TRAILER_BYTES_MAX = 8 * 1024;

/** Owned by one exchange. Bytes pass once; only a body that came whole with its head is kept, for a repetition. */
export class RequestBody {
  readonly #bytesMax: number;
  readonly #announcesTrailers: boolean;
  readonly #decoder: ChunkedDecoder | undefined;
  #left: number;
  #taken = 0;
  /** The head, until the first body bytes or `flush` take it along. */
  #head = "";
  #keeps = false;
  #kept: Buffer | undefined;
  /** All of it has been written. */
  done: boolean;
  /** Everything that was written can be written again. */
  repeatable = true;
  /** Set when it is malformed or too large; the request cannot be finished. */
  failure: Failure | undefined;

  /** `bytesMax` undefined = no limit. */
  constructor(head: RequestHead, bytesMax: number | undefined) {
    this.#bytesMax = bytesMax ?? Number.POSITIVE_INFINITY;
    this.#announcesTrailers = head.section.trailer !== undefined;
    this.#left = head.body;
    this.done = head.body === BODY_NONE;
    const chunked = head.body === BODY_CHUNKED;
    this.#decoder = chunked ? new ChunkedDecoder(TRAILER_BYTES_MAX) : undefined;
    if (head.body > this.#bytesMax) this.failure = tooLarge(this.#bytesMax);
  }

  /**
   * Begins on a connection, or again on another one; the head goes out with the first body bytes or with `flush`. `keeps`:
   * a body that comes whole with its head is kept, for a repetition.
   */
  begin(socket: Socket, head: string, keeps: boolean): void {
    const bytes = this.#kept;
    this.#keeps = keeps;
    if (bytes === undefined) this.#head = head;
    else socket.writeJoined(head, { bytes, start: 0, length: bytes.length }, "");
  }

  /**
   * Writes what of `bytes` belongs to the body; returns how many bytes that were. `bytes` is ours to overwrite, and valid
   * only during the call.
   */
  forward(socket: Socket, bytes: Buffer): number {
    const head = this.#head;
    this.#head = "";
    const decoder = this.#decoder;
    const used =
      decoder === undefined
        ? this.#forwardPlain(socket, head, bytes)
        : this.#forwardChunks(socket, head, { bytes, decoder });
    this.repeatable = this.#kept !== undefined;
    return used;
  }

  /** The head goes out alone if it still waits for body bytes. */
  flush(socket: Socket): void {
    if (this.#head === "") return;
    socket.write(this.#head);
    this.#head = "";
  }

  #forwardPlain(socket: Socket, head: string, bytes: Buffer): number {
    const length = Math.min(this.#left, bytes.length);
    this.#left -= length;
    this.done = this.#left === 0;
    if (head !== "" && this.done && this.#keeps)
      this.#kept = writeWhole(socket, head, bytes.subarray(0, length));
    else if (head !== "") socket.writeJoined(head, { bytes, start: 0, length }, "");
    else if (length > 0) socket.writeCopy(bytes.subarray(0, length));
    return length;
  }

  #forwardChunks(
    socket: Socket,
    head: string,
    { bytes, decoder }: { readonly bytes: Buffer; readonly decoder: ChunkedDecoder },
  ): number {
    const length = decoder.decode(bytes, 0, bytes.length);
    this.#taken += length;
    if (decoder.broken) {
      this.failure = { kind: "bad-request", detail: "malformed chunk (RFC 9112 §7.1)" };
    } else if (this.#taken > this.#bytesMax) this.failure = tooLarge(this.#bytesMax);
    if (this.failure !== undefined) return bytes.length;
    this.done = decoder.done;
    const part: BodyPart = {
      bytes,
      start: 0,
      length,
      trailers: this.#trailers(decoder),
    };
    writeChunked(socket, head, part);
    return decoder.consumed;
  }

  /** Passed on when the head announced them: who did not hear of them need not expect any. */
  #trailers(decoder: ChunkedDecoder): string | undefined {
    if (!decoder.done) return undefined;
    return this.#announcesTrailers ? filterTrailers(decoder.trailer) : "";
  }
}

/** Writes a request that is whole; returns its body, in the memory of the write. */
function writeWhole(socket: Socket, head: string, body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(head.length + body.length);
  out.write(head, 0, "latin1");
  body.copy(out, head.length);
  socket.write(out);
  return out.subarray(head.length);
}

function tooLarge(bytesMax: number): Failure {
  return { kind: "body-too-large", detail: `body over ${bytesMax} bytes` };
}
