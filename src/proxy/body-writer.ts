/** Head and body bytes put together into one write. */
import type { Socket } from "node:net";

/** A range of body bytes; `last` = the body ends with it. */
export interface BodyPart {
  readonly bytes: Buffer;
  readonly start: number;
  readonly length: number;
  readonly last: boolean;
}

const LAST_CHUNK = "0\r\n\r\n";

/**
 * Writes `head` (latin1, may be empty) and the body bytes as they are. Copies them, so that the caller's buffer may
 * be reused; returns how many bytes were written.
 */
export function writePlain(socket: Socket, head: string, part: BodyPart): number {
  return writeJoined(socket, head, part, "");
}

/** The same with the body bytes as one chunk (RFC 9112 §7.1), and the last chunk where the body ends. */
export function writeChunked(socket: Socket, head: string, part: BodyPart): number {
  if (part.length === 0) return writeJoined(socket, head, part, part.last ? LAST_CHUNK : "");
  const prefix = `${head}${part.length.toString(16)}\r\n`;
  return writeJoined(socket, prefix, part, part.last ? `\r\n${LAST_CHUNK}` : "\r\n");
}

// oxlint-disable-next-line max-params -- called for each read on the hot path: no object for it
function writeJoined(socket: Socket, prefix: string, part: BodyPart, suffix: string): number {
  const { bytes, start, length } = part;
  if (length === 0) {
    const text = prefix + suffix;
    if (text !== "") socket.write(text, "latin1");
    return text.length;
  }
  const out = Buffer.allocUnsafe(prefix.length + length + suffix.length);
  out.write(prefix, 0, "latin1");
  bytes.copy(out, prefix.length, start, start + length);
  out.write(suffix, prefix.length + length, "latin1");
  socket.write(out);
  return out.length;
}
