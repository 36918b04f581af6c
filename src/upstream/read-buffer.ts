/** The memory into which a thread's upstream sockets read. */

/** What one read takes at most: more brings nothing on loopback or a fast network. */
const READ_BYTES = 64 * 1024;

/**
 * One buffer for all upstream sockets of a thread. It is overwritten by the next read of any socket, so what is
 * in it must be used or copied before the handler returns, and never be handed to a write: a write that stays in
 * flight would send another connection's bytes.
 */
export function createReadBuffer(): Buffer {
  return Buffer.allocUnsafeSlow(READ_BYTES);
}
