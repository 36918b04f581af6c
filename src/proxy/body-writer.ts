/** Head and body bytes put together into one write. */
import type { Socket } from "node:net";
import type { WriteBuffers } from "../upstream/write-buffers.ts";

/** A range of body bytes. */
export interface BodyPart {
  readonly bytes: Buffer;
  readonly start: number;
  readonly length: number;
  /** The body ends with it: trailer lines with CRLF, or nothing; undefined = more is to come. */
  readonly trailers: string | undefined;
  readonly buffers: WriteBuffers;
}

/** Node sends a short text from the stack; a Buffer must be made and kept until the write is over. */
const TEXT_BYTES_MAX = 768;

/**
 * Writes `head` (latin1, may be empty) and the body bytes as they are. Copies them, so that the caller's buffer may
 * be reused; returns how many bytes were written.
 */
export function writePlain(socket: Socket, head: string, part: BodyPart): number {
  return writeJoined(socket, head, part, "");
}

/** The same with the body bytes as one chunk (RFC 9112 §7.1), and the last chunk where the body ends. */
export function writeChunked(socket: Socket, head: string, part: BodyPart): number {
  const { length, trailers } = part;
  const ending = trailers === undefined ? "" : `0\r\n${trailers}\r\n`;
  if (length === 0) return writeJoined(socket, head, part, ending);
  return writeJoined(socket, `${head}${length.toString(16)}\r\n`, part, `\r\n${ending}`);
}

// oxlint-disable-next-line max-params -- called for each read on the hot path: no object for it
function writeJoined(socket: Socket, prefix: string, part: BodyPart, suffix: string): number {
  const { bytes, start, length } = part;
  if (length === 0) {
    const text = prefix + suffix;
    if (text !== "") socket.write(text, "latin1");
    return text.length;
  }
  const total = prefix.length + length + suffix.length;
  if (total <= TEXT_BYTES_MAX) {
    socket.write(prefix + bytes.toString("latin1", start, start + length) + suffix, "latin1");
    return total;
  }
  const out = part.buffers.take(total, socket);
  if (prefix !== "") out.write(prefix, 0, "latin1");
  bytes.copy(out, prefix.length, start, start + length);
  if (suffix !== "") out.write(suffix, prefix.length + length, "latin1");
  part.buffers.write(socket, out, total);
  return total;
}
