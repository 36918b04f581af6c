/** What a client has sent before there is an endpoint to send it to. */

/** What a client may send while the endpoint is being dialled: Node notices a closed socket only while it reads. */
const BYTES_MAX = 16 * 1024;
/** Pieces that are kept apart: bytes that come one by one must not cost a buffer each. */
const PIECES_MAX = 64;

/** Owned by one connection. What is read before it is routed is bounded by whoever reads it. */
export class EarlyBytes {
  #pieces: Buffer[] = [];
  /** Since it was routed. */
  #length = 0;

  /** Keeps a copy. */
  add(bytes: Buffer): void {
    this.#pieces.push(Buffer.from(bytes));
    this.#length += bytes.length;
    if (this.#pieces.length > PIECES_MAX) this.#pieces = [Buffer.concat(this.#pieces)];
  }

  /** It is routed: what comes from now on is bounded here. */
  bound(): void {
    this.#length = 0;
  }

  /** No more is to be read for now. */
  get isFull(): boolean {
    return this.#length >= BYTES_MAX;
  }

  /** All of it. Effect: joins the pieces. */
  get all(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }

  /** It has gone on its way. */
  clear(): void {
    this.#pieces = [];
  }
}
