/** TLS alerts: how a client is told why it is refused. */

/** Alert descriptions that the proxy sends or passes on by name (RFC 8446 §6, §6.2). */
export const ALERT = {
  unexpectedMessage: 10,
  recordOverflow: 22,
  illegalParameter: 47,
  decodeError: 50,
  protocolVersion: 70,
  internalError: 80,
  missingExtension: 109,
  unrecognizedName: 112,
} as const;

/** A rule that the client broke. */
export interface Violation {
  /** The alert description that tells the client. */
  readonly alert: number;
  /** A sentence without its full stop for the log; never bytes from the network. */
  readonly detail: string;
}

const CONTENT_TYPE_ALERT = 21;
const LEVEL_FATAL = 2;

/**
 * The seven bytes of a fatal, unencrypted alert with this description (0–255). Pure.
 * The record says TLS 1.0, which every client reads before a version is agreed (RFC 8446 §5.1, RFC 5246 App. E.1).
 */
export function encodeAlert(description: number): Uint8Array {
  return Uint8Array.of(CONTENT_TYPE_ALERT, 0x03, 0x01, 0, 2, LEVEL_FATAL, description);
}
