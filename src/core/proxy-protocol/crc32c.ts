/** The checksum of PROXY headers. */

/** The polynomial of Castagnoli, its bits in reverse (RFC 9260 App. A, once RFC 4960 App. B). */
const POLYNOMIAL = 0x82f63b78;
const TABLE = buildTable();

/**
 * CRC32c of `bytes` from 0 up to, not including, `end`, as if the four bytes at `hole` were zero: that is how the field
 * that carries the sum counts (PROXY protocol §2.2.3). An unsigned 32-bit number. Pure.
 */
export function crc32cWithHole(bytes: Uint8Array, end: number, hole: number): number {
  let sum = 0xffffffff;
  for (let i = 0; i < end; i += 1) {
    const byte = i >= hole && i < hole + 4 ? 0 : (bytes[i] ?? 0);
    sum = (TABLE[(sum ^ byte) & 0xff] ?? 0) ^ (sum >>> 8);
  }
  return (sum ^ 0xffffffff) >>> 0;
}

function buildTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
    return sum;
  });
}
