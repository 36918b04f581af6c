/** The type-length-value fields of version 2 of the PROXY protocol (§2.2.1–2.2.7). */
import type { ByteReader } from "../bytes.ts";
import { failed, success, type Result } from "../result.ts";
import { crc32cWithHole } from "./crc32c.ts";
import { TLV, type ProxyTlvs } from "./header.ts";

/** §2.2.5. */
const UNIQUE_ID_BYTES_MAX = 128;
const CRC32C_BYTES = 4;
/** §2.2.6, `PP2_CLIENT_SSL`: the client connected over TLS. */
const CLIENT_SSL = 0x01;

const READ_TYPES: ReadonlySet<number> = new Set(Object.values(TLV));

type Fields = { -readonly [K in keyof ProxyTlvs]: ProxyTlvs[K] };

/** What the fields are read from: the whole header, since the checksum is one over all of it. */
interface Header {
  readonly bytes: Uint8Array;
  readonly end: number;
}

/**
 * Reads the fields that `fields` stands before and that must fill the header up to `end` exactly. Pure but for the
 * reader's cursor. Types that mean nothing here are skipped. An error, a sentence for the log, for a length that does
 * not agree, a field that is there twice, a wrong checksum.
 */
export function readTlvs(fields: ByteReader, header: Header): Result<ProxyTlvs, string> {
  const found: Fields = {};
  const seen = new Set<number>();
  while (fields.remaining > 0) {
    const type = fields.readU8();
    const value = fields.readVector16();
    if (type === undefined || value === undefined) {
      return failed("a field of the PROXY header is longer than the header");
    }
    // Two of them could be read differently by whoever reads the header next.
    if (READ_TYPES.has(type) && seen.has(type)) {
      return failed(`the field ${type} of the PROXY header appears twice`);
    }
    seen.add(type);
    const start = header.end - fields.remaining - value.remaining;
    const problem =
      type === TLV.crc32c ? checkSum(value, { ...header, start }) : readTlv(type, value, found);
    if (problem !== undefined) return failed(problem);
  }
  return success(found);
}

/** The sum must be right when it is there (§2.2.3); `start` is where it stands. */
function checkSum(value: ByteReader, header: Header & { start: number }): string | undefined {
  if (value.remaining !== CRC32C_BYTES) return "the checksum of the PROXY header is not of 4 bytes";
  const high = value.readU16() ?? 0;
  const sum = high * 0x10000 + (value.readU16() ?? 0);
  if (sum === crc32cWithHole(header.bytes, header.end, header.start)) return undefined;
  return "the checksum of the PROXY header is wrong";
}

function readTlv(type: number, value: ByteReader, found: Fields): string | undefined {
  switch (type) {
    case TLV.alpn:
      found.alpn = value.readLatin1();
      return undefined;
    case TLV.authority:
      found.authority = value.readLatin1();
      return undefined;
    case TLV.uniqueId:
      if (value.remaining > UNIQUE_ID_BYTES_MAX) return "the unique id is longer than 128 bytes";
      found.uniqueId = value.readLatin1();
      return undefined;
    case TLV.ssl:
      return readSsl(value, found);
    default:
      return undefined;
  }
}

/** One byte of flags, four of the certificate's verification, then fields of its own (§2.2.6). */
function readSsl(value: ByteReader, found: Fields): string | undefined {
  const flags = value.readU8();
  if (flags === undefined || value.readSlice(4) === undefined) {
    return "the TLS field of the PROXY header is shorter than 5 bytes";
  }
  while (value.remaining > 0) {
    if (value.readU8() === undefined || value.readVector16() === undefined) {
      return "a field inside the TLS field of the PROXY header is longer than it";
    }
  }
  found.ssl = (flags & CLIENT_SSL) !== 0;
  return undefined;
}
