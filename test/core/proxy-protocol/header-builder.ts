/** Builds PROXY headers byte by byte, right ones and wrong ones. Nothing here is checked: what is given is written. */

/** What differs from PROXY for TCP over IPv4 with `ADDRESSES_V4`. */
export interface BinaryParts {
  readonly signature?: Buffer;
  readonly versionAndCommand?: number;
  readonly family?: number;
  readonly addresses?: Buffer;
  /** Everything behind the addresses. */
  readonly tlvs?: Buffer;
  /** Written instead of the real length. */
  readonly length?: number;
}

/** 192.0.2.1:1000 → 198.51.100.2:443. */
export const ADDRESSES_V4 = Buffer.from("c0000201c633640203e801bb", "hex");
/** [2001:db8::1]:1000 → [2001:db8::2]:443. */
export const ADDRESSES_V6 = Buffer.from(
  "20010db800000000000000000000000120010db800000000000000000000000203e801bb",
  "hex",
);

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const CRC32C = 0x03;

/** A whole header of version 2. */
export function binary(parts: BinaryParts = {}): Buffer {
  const block = Buffer.concat([parts.addresses ?? ADDRESSES_V4, parts.tlvs ?? Buffer.alloc(0)]);
  const fixed = Buffer.from([parts.versionAndCommand ?? 0x21, parts.family ?? 0x11, 0, 0]);
  fixed.writeUInt16BE(parts.length ?? block.length, 2);
  return Buffer.concat([parts.signature ?? SIGNATURE, fixed, block]);
}

/** One field. `length` is written instead of the real one. */
export function tlv(type: number, value: Buffer | string, length = value.length): Buffer {
  const head = Buffer.from([type, length >> 8, length & 0xff]);
  return Buffer.concat([head, Buffer.from(value as string, "latin1")]);
}

/** A header whose last field is its checksum, calculated bit by bit. */
export function summed(parts: BinaryParts = {}): Buffer {
  const tlvs = Buffer.concat([parts.tlvs ?? Buffer.alloc(0), tlv(CRC32C, Buffer.alloc(4))]);
  const header = binary({ ...parts, tlvs });
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}

/** The definition, without a table. */
function crc32c(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  }
  return ~sum >>> 0;
}
