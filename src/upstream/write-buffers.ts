/** Memory for large writes, used again when the kernel has taken it. */
import type { Socket } from "node:net";

/** One read of an upstream socket with what frames it. */
const BUFFER_BYTES = 64 * 1024 + 1024;
/** Smaller writes come from Node's own pool. */
const LARGE_BYTES = 4096;
const HALF_BYTES = BUFFER_BYTES / 2;
/** 2 MiB a thread; more writes than that in flight are garbage afterwards. */
const FREE_MAX = 32;

/**
 * A free list, owned by one worker. Each large write would otherwise leave 64 KiB of garbage outside V8's heap, which it
 * collects late: a stream of 1 GiB cost 80 MiB of memory. A buffer is free again only after its write has ended well.
 */
export class WriteBuffers {
  readonly #free: Buffer[] = [];

  /**
   * A buffer of at least so many bytes, its content undefined; give it to `write` for this socket. Behind others that
   * wait there it is not much larger: a peer that sends small pieces to one that reads none must not cost many times
   * what waits.
   */
  take(length: number, { writableLength }: Pick<Socket, "writableLength">): Buffer {
    const isSmall = length <= (writableLength > 0 ? HALF_BYTES : LARGE_BYTES);
    if (isSmall || length > BUFFER_BYTES) return Buffer.allocUnsafe(length);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  }

  /** Writes the first `length` bytes of a buffer that was taken. False when the socket wants a pause. */
  write(socket: Socket, buffer: Buffer, length: number): boolean {
    if (buffer.length !== BUFFER_BYTES) return socket.write(buffer);
    return socket.write(buffer.subarray(0, length), (error) => {
      if (!(error instanceof Error) && this.#free.length < FREE_MAX) this.#free.push(buffer);
    });
  }

  /** Copies bytes that are valid only now, and writes them. False when the socket wants a pause. */
  writeCopy(socket: Socket, bytes: Buffer): boolean {
    const buffer = this.take(bytes.length, socket);
    bytes.copy(buffer);
    return this.write(socket, buffer, bytes.length);
  }
}
