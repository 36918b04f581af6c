/** Where a head ends, and whether its bytes may stand in one: the first look at what a peer sent. */

/** The end has not come yet. */
export const SCAN_INCOMPLETE = 0;
/** A byte that no head may have. */
export const SCAN_FORBIDDEN = -1;

const CR = 0x0d;
const LF = 0x0a;

/** 1 = control, DEL, CR or LF: everything that stops the fast loop (RFC 9110 §5.5). */
const STOPS: Uint8Array = buildStops();

/**
 * Looks for the CRLF CRLF that ends a head in bytes[from, end). Pure.
 * Returns the index after it; SCAN_INCOMPLETE; or SCAN_FORBIDDEN for a control character, a DEL, a bare CR
 * or a bare LF (RFC 9112 §2.2). `from` is where the head begins, or what `resumeScan` said of all before.
 */
export function scanHead(bytes: Uint8Array, from: number, end: number): number {
  for (let i = from; i < end; i += 1) {
    if (STOPS[bytes[i] ?? 0] === 0) continue;
    if (bytes[i] !== CR) return SCAN_FORBIDDEN;
    if (i + 1 >= end) return SCAN_INCOMPLETE;
    if (bytes[i + 1] !== LF) return SCAN_FORBIDDEN;
    i += 1;
    if (i + 1 >= end) return SCAN_INCOMPLETE;
    if (bytes[i + 1] !== CR) continue;
    if (i + 2 >= end) return SCAN_INCOMPLETE;
    return bytes[i + 2] === LF ? i + 3 : SCAN_FORBIDDEN;
  }
  return SCAN_INCOMPLETE;
}

/**
 * Where to go on when bytes[start, end) was incomplete and more has come: never inside a CR LF. Pure.
 */
export function resumeScan(bytes: Uint8Array, start: number, end: number): number {
  for (let i = Math.max(start, end - 3); i < end; i += 1) {
    if (bytes[i] === CR) return i;
  }
  return end;
}

function buildStops(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 0x20; byte += 1) table[byte] = byte === 0x09 ? 0 : 1;
  table[0x7f] = 1;
  return table;
}
