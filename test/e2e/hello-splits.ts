/** The same ClientHello in other pieces. */
import type { Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";

/** How the bytes up to the end of a hello are sent. */
export interface Split {
  readonly name: string;
  /** The most bytes of the handshake message in one TLS record; undefined = as the client made them. */
  readonly recordBytes?: number;
  /** One byte in each write. */
  readonly bytewise: boolean;
}

export const SPLITS: readonly Split[] = [
  { name: "one byte at a time", bytewise: true },
  { name: "records of 1 byte", recordBytes: 1, bytewise: false },
  { name: "records of 7 bytes", recordBytes: 7, bytewise: false },
  { name: "records of 100 bytes", recordBytes: 100, bytewise: false },
];

const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_HEADER_BYTES = 4;

/**
 * The records that begin `bytes` and make up one handshake message, with that message; undefined while they are not
 * complete. Believes every length. Pure.
 */
export function readHello(
  bytes: Buffer,
): { readonly message: Buffer; readonly length: number } | undefined {
  const fragments: Buffer[] = [];
  let at = 0;
  for (;;) {
    if (bytes.length < at + RECORD_HEADER_BYTES) return undefined;
    const length = bytes.readUInt16BE(at + 3);
    const end = at + RECORD_HEADER_BYTES + length;
    if (bytes.length < end) return undefined;
    fragments.push(bytes.subarray(at + RECORD_HEADER_BYTES, end));
    at = end;
    const message = Buffer.concat(fragments);
    if (message.length < HANDSHAKE_HEADER_BYTES) continue;
    if (message.length >= HANDSHAKE_HEADER_BYTES + message.readUIntBE(1, 3)) {
      return { message, length: at };
    }
  }
}

/** The first flight of a client, its hello in records as the split says; what follows the hello stays. Pure. */
export function splitRecords(bytes: Buffer, { recordBytes }: Split): Buffer {
  const hello = readHello(bytes);
  if (recordBytes === undefined || hello === undefined) return bytes;
  const parts: Buffer[] = [];
  for (let at = 0; at < hello.message.length; at += recordBytes) {
    const fragment = hello.message.subarray(at, at + recordBytes);
    // Content type and version as the client's own record had them (RFC 8446 §5.1).
    const header = Buffer.from(bytes.subarray(0, RECORD_HEADER_BYTES));
    header.writeUInt16BE(fragment.length, 3);
    parts.push(header, fragment);
  }
  return Buffer.concat([...parts, bytes.subarray(hello.length)]);
}

/** Writes the bytes; bytewise means one write in each turn of the event loop, so that the reader has its chance between them. */
export async function writeSplit(socket: Socket, bytes: Buffer, split: Split): Promise<void> {
  if (!split.bytewise) {
    socket.write(bytes);
    return;
  }
  for (let at = 0; at < bytes.length; at += 1) {
    socket.write(bytes.subarray(at, at + 1));
    await nextTurn();
  }
}
