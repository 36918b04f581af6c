/** What a client sends before it has heard anything. */

const RECORD_HEADER_BYTES = 5;
/** Content types (RFC 8446 §5.1): those of a handshake. */
const CHANGE_CIPHER_SPEC = 20;
const HANDSHAKE = 22;

/**
 * Whether these bytes are whole records of a handshake and nothing else: then nothing was asked yet, and they may be sent
 * to another endpoint. Early data (RFC 8446 §2.3) are records of another type. Pure.
 */
export function isHandshakeOnly(bytes: Uint8Array): boolean {
  let at = 0;
  while (at + RECORD_HEADER_BYTES <= bytes.length) {
    const type = bytes[at];
    if (type !== HANDSHAKE && type !== CHANGE_CIPHER_SPEC) return false;
    at += RECORD_HEADER_BYTES + (bytes[at + 3] ?? 0) * 256 + (bytes[at + 4] ?? 0);
  }
  return at === bytes.length && at > 0;
}
