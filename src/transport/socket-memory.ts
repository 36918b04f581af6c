/** The memory that the sockets of one thread share. */
import { type WriteRequest, createWriteRequest } from "./runtime-handles.ts";

/** What one read takes at most: more brings nothing on loopback or a fast network. */
const READ_BYTES = 64 * 1024;
/** One read with what frames it. */
const LARGE_BYTES = READ_BYTES + 1024;
/** What is no longer than that goes out of a smaller buffer: a write that waits must not hold many times its size. */
const MIDDLE_BYTES = 16 * 1024;
const SMALL_BYTES = 4 * 1024;
/** 2 MiB a thread; more that were in flight at once are garbage afterwards. */
const FREE_MAX = 32;

/**
 * Owned by one worker. Reads of all sockets go to one buffer, so what is in it must be used or copied before the handler
 * returns, and never be handed to a write that may stay in flight: it would send another connection's bytes. Writes are
 * copied to a buffer that is used again at once unless the kernel did not take all of it; then the write keeps it.
 */
export class SocketMemory {
  readonly readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  /** For the next write. */
  request: WriteRequest = createWriteRequest();
  #large: Buffer = Buffer.allocUnsafeSlow(LARGE_BYTES);
  #middle: Buffer = Buffer.allocUnsafeSlow(MIDDLE_BYTES);
  #small: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);
  readonly #free: Buffer[] = [];
  /** Those that writes in flight keep: no other memory may get among the free. */
  readonly #lent = new Set<string | Uint8Array>();

  /** A buffer for a write of so many bytes, its content undefined; undefined when there is none that large. */
  bufferFor(length: number): Buffer | undefined {
    if (length <= SMALL_BYTES) return this.#small;
    if (length <= MIDDLE_BYTES) return this.#middle;
    return length <= LARGE_BYTES ? this.#large : undefined;
  }

  /** The request is in flight. */
  requestTaken(): void {
    this.request = createWriteRequest();
  }

  /** A write in flight keeps this buffer. */
  bufferTaken(buffer: Buffer): void {
    if (buffer === this.#small) this.#small = Buffer.allocUnsafeSlow(SMALL_BYTES);
    else if (buffer === this.#middle) this.#middle = Buffer.allocUnsafeSlow(MIDDLE_BYTES);
    else {
      this.#lent.add(buffer);
      this.#large = this.#free.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
    }
  }

  /** A write is over; what it kept may be memory of others, which stays theirs. */
  bufferDone(kept: string | Uint8Array | undefined): void {
    if (kept === undefined || !this.#lent.delete(kept)) return;
    if (this.#free.length < FREE_MAX) this.#free.push(kept as Buffer);
  }
}
