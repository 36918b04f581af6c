/** Recognises what is not TLS, so that the client gets an answer it understands and the log says what came. */

/** What a connection that is not TLS seems to speak. */
export type ForeignProtocol = "http" | "ssh" | "sslv2" | "unknown";

/** The finding, with a sentence without its full stop for the log. */
export interface ForeignFinding {
  readonly protocol: ForeignProtocol;
  readonly detail: string;
}

const HTTP: ForeignFinding = { protocol: "http", detail: "looks like plain HTTP" };
const SSH: ForeignFinding = { protocol: "ssh", detail: "looks like SSH" };
const SSLV2: ForeignFinding = { protocol: "sslv2", detail: "SSLv2-style hello" };
const PROXY_HEADER: ForeignFinding = {
  protocol: "unknown",
  detail: "a PROXY protocol header where none is expected",
};
const OTHER_RECORD: ForeignFinding = {
  protocol: "unknown",
  detail: "begins with a TLS record that is not a handshake",
};
const UNKNOWN: ForeignFinding = { protocol: "unknown", detail: "does not begin like TLS" };

/** How each begins, one character a byte. The longest bounds how many bytes are waited for. */
const SIGNATURES: readonly (readonly [beginning: string, finding: ForeignFinding])[] = [
  // RFC 9110 §9.3 and RFC 5789; the last one is the preface of HTTP/2 (RFC 9113 §3.4).
  ["GET ", HTTP],
  ["HEAD ", HTTP],
  ["POST ", HTTP],
  ["PUT ", HTTP],
  ["DELETE ", HTTP],
  ["CONNECT ", HTTP],
  ["OPTIONS ", HTTP],
  ["TRACE ", HTTP],
  ["PATCH ", HTTP],
  ["PRI ", HTTP],
  // RFC 4253 §4.2.
  ["SSH-", SSH],
  // Versions 1 and 2 of the PROXY protocol.
  ["PROXY ", PROXY_HEADER],
  ["\r\n\r\n\0\r\nQUIT\n", PROXY_HEADER],
  // change_cipher_spec, alert, application_data (RFC 8446 §5.1).
  ["\x14\x03", OTHER_RECORD],
  ["\x15\x03", OTHER_RECORD],
  ["\x17\x03", OTHER_RECORD],
];

/**
 * Says what a connection whose first bytes are no TLS handshake record seems to be. Pure.
 * Undefined while they could still become one of the known beginnings (at most 12 bytes): the finding
 * depends on the bytes only, not on how they are cut into segments.
 */
export function recogniseForeign(head: readonly number[]): ForeignFinding | undefined {
  if (((head[0] ?? 0) & 0x80) !== 0) return recogniseSslv2(head);
  let mayStillMatch = false;
  for (const [beginning, finding] of SIGNATURES) {
    const matched = Math.min(beginning.length, head.length);
    if (!agrees(beginning, head, matched)) continue;
    if (matched === beginning.length) return finding;
    mayStillMatch = true;
  }
  return mayStillMatch ? undefined : UNKNOWN;
}

/** A two-byte length with its top bit set, message type 1, then the version 0.2 or 3.x (RFC 5246 App. E.2). */
function recogniseSslv2(head: readonly number[]): ForeignFinding | undefined {
  const [, , messageType, major, minor] = head;
  if (messageType === undefined) return undefined;
  if (messageType !== 1) return UNKNOWN;
  if (major === undefined || minor === undefined) return undefined;
  return major === 3 || (major === 0 && minor === 2) ? SSLV2 : UNKNOWN;
}

function agrees(beginning: string, head: readonly number[], length: number): boolean {
  for (let i = 0; i < length; i += 1) {
    if (beginning.charCodeAt(i) !== head[i]) return false;
  }
  return true;
}
