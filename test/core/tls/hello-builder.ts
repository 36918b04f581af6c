/**
 * Builds ClientHellos byte by byte, right ones and wrong ones. Nothing here is checked: a length that is given
 * is written as given. Without arguments it builds a hello that every TLS 1.2 server takes.
 */

/** One extension: its type and its contents without the four bytes before them. */
export interface Extension {
  readonly type: number;
  readonly data: Buffer;
}

/** What differs from the usual hello. `extensions: null` leaves out the whole block. */
export interface HelloParts {
  readonly legacyVersion?: number;
  readonly sessionId?: Buffer;
  readonly cipherSuites?: Buffer;
  readonly compressionMethods?: Buffer;
  readonly extensions?: readonly Extension[] | null;
  /** Bytes behind the extensions, inside the message. */
  readonly tail?: Buffer;
}

/** The record layer around a message. */
export interface RecordParts {
  readonly type?: number;
  readonly version?: number;
  /** Written instead of the real length. */
  readonly length?: number;
}

/** A number in network order. */
export function uint(bytes: 1 | 2 | 3, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

/** A vector: its length in so many bytes, then its contents. `length` is written instead of the real one. */
export function vector(prefix: 1 | 2, data: Buffer, length = data.length): Buffer {
  return Buffer.concat([uint(prefix, length), data]);
}

/** A server_name extension with these entries of type host_name. */
export function serverNames(...names: readonly (string | Buffer)[]): Extension {
  const entries = names.map((name) =>
    Buffer.concat([uint(1, 0), vector(2, Buffer.from(name as string))]),
  );
  return { type: 0, data: vector(2, Buffer.concat(entries)) };
}

/** An application_layer_protocol_negotiation extension; one character of a protocol is one byte. */
export function alpn(...protocols: readonly string[]): Extension {
  const entries = protocols.map((protocol) => vector(1, Buffer.from(protocol, "latin1")));
  return { type: 16, data: vector(2, Buffer.concat(entries)) };
}

/** A padding extension (RFC 7685) that takes so many bytes with its header. */
export function padding(bytes: number): Extension {
  return { type: 21, data: Buffer.alloc(bytes - 4) };
}

/** supported_groups (P-256) and signature_algorithms (ECDSA and RSA with SHA-256): a server asks for them. */
export const GROUPS: readonly Extension[] = [
  { type: 10, data: vector(2, uint(2, 0x0017)) },
  { type: 13, data: vector(2, Buffer.from("040304010804", "hex")) },
];

/** The handshake message with its header; `bodyBytes` is written instead of the real length. */
export function helloMessage(parts: HelloParts = {}, bodyBytes?: number): Buffer {
  const extensions = parts.extensions === undefined ? GROUPS : parts.extensions;
  const body = Buffer.concat([
    uint(2, parts.legacyVersion ?? 0x0303),
    Buffer.alloc(32, 0xaa),
    vector(1, parts.sessionId ?? Buffer.alloc(0)),
    vector(2, parts.cipherSuites ?? Buffer.from("c02bc02f", "hex")),
    vector(1, parts.compressionMethods ?? Buffer.alloc(1)),
    extensions === null ? Buffer.alloc(0) : extensionBlock(extensions),
    parts.tail ?? Buffer.alloc(0),
  ]);
  return Buffer.concat([uint(1, 1), uint(3, bodyBytes ?? body.length), body]);
}

/** One record around a payload. */
export function record(payload: Buffer, parts: RecordParts = {}): Buffer {
  const header = [uint(1, parts.type ?? 22), uint(2, parts.version ?? 0x0301)];
  return Buffer.concat([...header, uint(2, parts.length ?? payload.length), payload]);
}

/** A message in records of at most so many bytes. */
export function records(message: Buffer, bytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < message.length; at += bytes) {
    pieces.push(record(message.subarray(at, at + bytes)));
  }
  return Buffer.concat(pieces);
}

/** A whole hello in one record. */
export function hello(parts: HelloParts = {}): Buffer {
  return record(helloMessage(parts));
}

/** A whole hello that has the usual extensions and these. */
export function helloWith(...extensions: readonly Extension[]): Buffer {
  return hello({ extensions: [...GROUPS, ...extensions] });
}

function extensionBlock(extensions: readonly Extension[]): Buffer {
  const blocks = extensions.map(({ type, data }) =>
    Buffer.concat([uint(2, type), vector(2, data)]),
  );
  return vector(2, Buffer.concat(blocks));
}
