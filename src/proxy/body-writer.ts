/** Head and body bytes put together into one write. */
import type { BytesPart, Socket } from "../transport/socket.ts";

/** A range of body bytes. */
export interface BodyPart extends BytesPart {
  /** The body ends with it: trailer lines with CRLF, or nothing; undefined = more is to come. */
  readonly trailers: string | undefined;
}

/** Writes `head` (latin1, may be empty) and the body bytes as they are; returns how many bytes that were. */
export function writePlain(socket: Socket, head: string, part: BodyPart): number {
  return writeJoined(socket, head, { part, tail: "" });
}

/** The same with the body bytes as one chunk (RFC 9112 §7.1), and the last chunk where the body ends. */
export function writeChunked(socket: Socket, head: string, part: BodyPart): number {
  const { length, trailers } = part;
  const ending = trailers === undefined ? "" : `0\r\n${trailers}\r\n`;
  if (length === 0) return writeJoined(socket, head, { part, tail: ending });
  const tail = `\r\n${ending}`;
  return writeJoined(socket, `${head}${length.toString(16)}\r\n`, { part, tail });
}

function writeJoined(
  socket: Socket,
  head: string,
  { part, tail }: { readonly part: BodyPart; readonly tail: string },
): number {
  const total = head.length + part.length + tail.length;
  if (total > 0) socket.writeJoined(head, part, tail);
  return total;
}
