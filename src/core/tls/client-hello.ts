/**
 * Reads the ClientHello at the beginning of a TLS connection, however it is cut into TCP segments and TLS records,
 * without decrypting anything. Strict, because the endpoint behind reads the same bytes again: where two readers
 * could disagree about the server name, the hello is refused. An error is never "no server name".
 */
import { ByteJoiner, ByteReader } from "../bytes.ts";
import type { FailureKind } from "../failure.ts";
import { ALERT, type Violation } from "./alert.ts";
import { recogniseForeign, type ForeignProtocol } from "./foreign-protocol.ts";
import { parseHelloBody, type HelloBody } from "./hello-body.ts";

/** What a hello says. Fingerprints need more of it: they are made from the bytes that the caller holds to forward. */
export interface ClientHello extends HelloBody {
  /** `TLSPlaintext.legacy_record_version` of the first record: 0x03 and anything (RFC 5246 App. E.1). */
  readonly recordVersion: number;
}

/** Why there will be no hello. */
export interface HelloRefused {
  readonly kind: "refused";
  readonly failure: Extract<FailureKind, "hello-malformed" | "hello-too-large" | "not-tls">;
  /** The alert description to send (RFC 8446 §6.2). */
  readonly alert: number;
  /** What the client seems to speak: whoever speaks plain HTTP understands an HTTP answer better than an alert. */
  readonly protocol: "tls" | ForeignProtocol;
  /** A sentence without its full stop for the log; never bytes from the network. */
  readonly detail: string;
}

/** What is known of the hello so far. */
export type HelloResult =
  | { readonly kind: "incomplete" }
  | { readonly kind: "hello"; readonly hello: ClientHello }
  | HelloRefused;

const CONTENT_TYPE_HANDSHAKE = 22;
const MAJOR_VERSION = 3;
const MESSAGE_TYPE_CLIENT_HELLO = 1;
const RECORD_HEADER_BYTES = 5;
const MESSAGE_HEADER_BYTES = 4;
/** RFC 8446 §5.1: the length of a record must not exceed 2^14. */
const RECORD_BYTES_MAX = 2 ** 14;

const INCOMPLETE: HelloResult = { kind: "incomplete" };

/**
 * The result for bytes that stand there whole, or for as much as there is of them. Pure.
 * `bytesMax` bounds what a hello may take on the wire, record headers included.
 */
export function parseClientHello(bytes: Uint8Array, bytesMax: number): HelloResult {
  return new HelloReader(bytesMax).push(bytes);
}

/**
 * Takes the bytes of a connection as they come and says when the hello is whole or cannot become one. Time and
 * copying grow with the bytes taken, whatever their cutting. After `push` it holds no reference to the chunk, and
 * little more than twice the bytes that came. The result depends on the bytes only, not on how they were cut.
 */
export class HelloReader {
  readonly #bytesMax: number;
  #result: HelloResult = INCOMPLETE;
  /** What has come of a record header; before the first one is known for TLS, of anything at all. */
  #header: number[] = [];
  #recordVersion = 0;
  /** Bytes of the current record that have not come yet; 0 between records. */
  #recordLeft = 0;
  /** The handshake message joined from its records, with its header. */
  readonly #message = new ByteJoiner();
  /** Length of the message with its header; 0 while unknown. */
  #messageBytes = 0;
  /** Everything taken, record headers included. */
  #bytesTaken = 0;

  /** A reader for one connection; `bytesMax` bounds what the hello may take, record headers included. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes the next bytes, in order, and says what is known now. What stands behind the hello (early data, for
   * one) is not looked at. A result other than `incomplete` is final: it stays, and no further bytes are read.
   */
  push(chunk: Uint8Array): HelloResult {
    if (this.#result.kind !== "incomplete") return this.#result;
    const whole = this.#bytesTaken === 0 ? parseWholeHello(chunk, this.#bytesMax) : undefined;
    this.#result = whole ?? this.#take(chunk);
    if (this.#result.kind !== "incomplete") this.#message.clear();
    return this.#result;
  }

  #take(chunk: Uint8Array): HelloResult {
    let position = 0;
    while (position < chunk.length) {
      const isHeader = this.#recordLeft === 0;
      const wanted = isHeader ? 1 : Math.min(this.#recordLeft, this.#messageLeft());
      const end = Math.min(chunk.length, position + wanted);
      this.#bytesTaken += end - position;
      const result = isHeader
        ? this.#takeHeaderByte(chunk[position] ?? 0)
        : this.#takeFragment(chunk, position, end);
      if (result.kind !== "incomplete") return result;
      position = end;
    }
    return INCOMPLETE;
  }

  #takeHeaderByte(byte: number): HelloResult {
    this.#header.push(byte);
    if (this.#message.length === 0 && !beginsLikeTls(this.#header)) {
      return refuseForeign(this.#header);
    }
    if (this.#header.length < RECORD_HEADER_BYTES) return INCOMPLETE;
    const [type, major, minor = 0, high = 0, low = 0] = this.#header;
    this.#header = [];
    if (this.#message.length === 0) this.#recordVersion = (MAJOR_VERSION << 8) | minor;
    this.#recordLeft = (high << 8) | low;
    const violation = checkRecord(type, major, this.#recordLeft);
    return violation === undefined ? this.#checkRoom() : refuseMalformed(violation);
  }

  #takeFragment(chunk: Uint8Array, start: number, end: number): HelloResult {
    this.#message.append(chunk, start, end);
    this.#recordLeft -= end - start;
    if (this.#messageLeft() > 0) return INCOMPLETE;
    if (this.#messageBytes === 0) {
      const result = this.#endOfMessageHeader();
      if (result.kind !== "incomplete" || this.#messageLeft() > 0) return result;
    }
    const message = this.#message.reader();
    message.readSlice(MESSAGE_HEADER_BYTES);
    return parseMessage(message, this.#recordVersion);
  }

  #endOfMessageHeader(): HelloResult {
    const header = this.#message.reader();
    // RFC 8446 §4: a handshake message in an unexpected order is answered with unexpected_message.
    if (header.readU8() !== MESSAGE_TYPE_CLIENT_HELLO) {
      return refuseMalformed(unexpectedMessage("the first handshake message is no ClientHello"));
    }
    this.#messageBytes = MESSAGE_HEADER_BYTES + (header.readU24() ?? 0);
    return this.#checkRoom();
  }

  /** Bytes that the message still lacks; while its length is unknown, that its header lacks. */
  #messageLeft(): number {
    return (this.#messageBytes || MESSAGE_HEADER_BYTES) - this.#message.length;
  }

  /** Whether what is announced fits: the message into the bound, and the record into the message. */
  #checkRoom(): HelloResult {
    const left = this.#messageLeft();
    if (this.#bytesTaken + left > this.#bytesMax) return refuseTooLarge(this.#bytesMax);
    // RFC 8446 §5.1: a ClientHello may be followed by a key change (early data), so it must end with its record.
    // No client puts anything behind it there; what stands there would be read by some endpoints and not by others.
    if (this.#messageBytes > 0 && this.#recordLeft > left) {
      return refuseMalformed(unexpectedMessage("the last record goes on behind the hello"));
    }
    return INCOMPLETE;
  }
}

/** The usual case, a hello in one record in one chunk, is parsed where it stands. Undefined for anything else. */
function parseWholeHello(chunk: Uint8Array, bytesMax: number): HelloResult | undefined {
  const reader = new ByteReader(chunk);
  const contentType = reader.readU8();
  const recordVersion = reader.readU16() ?? 0;
  const recordBytes = reader.readU16() ?? 0;
  const messageType = reader.readU8();
  const bodyBytes = reader.readU24() ?? 0;
  if (contentType !== CONTENT_TYPE_HANDSHAKE) return undefined;
  if (recordVersion >> 8 !== MAJOR_VERSION) return undefined;
  if (messageType !== MESSAGE_TYPE_CLIENT_HELLO) return undefined;
  if (recordBytes !== MESSAGE_HEADER_BYTES + bodyBytes) return undefined;
  if (recordBytes > Math.min(RECORD_BYTES_MAX, bytesMax - RECORD_HEADER_BYTES)) return undefined;
  const body = reader.readSlice(bodyBytes);
  return body === undefined ? undefined : parseMessage(body, recordVersion);
}

function parseMessage(body: ByteReader, recordVersion: number): HelloResult {
  const parsed = parseHelloBody(body);
  if (!parsed.ok) return refuseMalformed(parsed.error);
  return { kind: "hello", hello: { recordVersion, ...parsed.value } };
}

/** Anything but a handshake record of major version 3 is not TLS (RFC 5246 App. E.1 takes every minor version). */
function beginsLikeTls(header: readonly number[]): boolean {
  return header[0] === CONTENT_TYPE_HANDSHAKE && (header.length < 2 || header[1] === MAJOR_VERSION);
}

/** The rules of RFC 8446 §5.1 for each record that the hello lies in. */
function checkRecord(type: unknown, major: unknown, length: number): Violation | undefined {
  // Handshake messages must not be interleaved with other record types.
  if (type !== CONTENT_TYPE_HANDSHAKE) {
    return unexpectedMessage("a record of another type stands inside the hello");
  }
  if (major !== MAJOR_VERSION) {
    const detail = "a record of another major version stands inside the hello";
    return { alert: ALERT.illegalParameter, detail };
  }
  // Zero-length fragments of handshake types must not be sent.
  if (length === 0) {
    return { alert: ALERT.decodeError, detail: "a record of the hello is empty" };
  }
  if (length > RECORD_BYTES_MAX) {
    return {
      alert: ALERT.recordOverflow,
      detail: "a record of the hello is longer than 2^14 bytes",
    };
  }
  return undefined;
}

function unexpectedMessage(detail: string): Violation {
  return { alert: ALERT.unexpectedMessage, detail };
}

function refuseMalformed({ alert, detail }: Violation): HelloRefused {
  return { kind: "refused", failure: "hello-malformed", alert, protocol: "tls", detail };
}

function refuseTooLarge(bytesMax: number): HelloRefused {
  const detail = `the hello takes more than ${bytesMax} bytes`;
  return {
    kind: "refused",
    failure: "hello-too-large",
    alert: ALERT.decodeError,
    protocol: "tls",
    detail,
  };
}

function refuseForeign(head: readonly number[]): HelloResult {
  const finding = recogniseForeign(head);
  if (finding === undefined) return INCOMPLETE;
  const { protocol, detail } = finding;
  // RFC 8446 App. D.5: SSLv2-style hellos are not accepted; their senders do understand an alert.
  const alert = protocol === "sslv2" ? ALERT.protocolVersion : ALERT.unexpectedMessage;
  return { kind: "refused", failure: "not-tls", alert, protocol, detail };
}
