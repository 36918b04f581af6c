/** The binary form that is version 2 of the PROXY protocol (§2.2). */
import { ByteReader } from "../bytes.ts";
import { failed, success, type Result } from "../result.ts";
import {
  FAMILY,
  FIXED_BYTES,
  SIGNATURE,
  type ProxyAddresses,
  type ProxyHeader,
  type SocketAddress,
} from "./header.ts";
import { formatIpGroups } from "./ip-text.ts";
import { readTlvs } from "./tlvs.ts";

/**
 * What a header may take in all. Those of today take some hundred bytes; the specification wants them to fit into one
 * segment, and certificates' names and vendors' fields make some of them longer.
 */
export const PROXY_HEADER_BYTES_MAX = 4096;

const VERSION = 2;
const COMMAND_LOCAL = 0;
const COMMAND_PROXY = 1;
/** The command of a version 2 stands in the low half of its byte. */
const COMMAND_BITS = 4;

const IPV4_GROUPS = 2;
const IPV6_GROUPS = 8;
const MAPPED_PREFIX: readonly number[] = [0, 0, 0, 0, 0, 0xffff];

/** How many bytes the addresses of each family take; what is not here must be refused. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [FAMILY.unspecified, 0],
  [FAMILY.tcp4, 12],
  [FAMILY.udp4, 12],
  [FAMILY.tcp6, 36],
  [FAMILY.udp6, 36],
  [FAMILY.unixStream, 216],
  [FAMILY.unixDatagram, 216],
]);

/**
 * How many bytes the header takes in all, by the four bytes behind its signature as one number. Pure. An error, a
 * sentence for the log, when these four bytes already tell that the header is wrong or longer than
 * `PROXY_HEADER_BYTES_MAX`.
 */
export function measureProxyV2(fixed: number): Result<number, string> {
  const command = (fixed >>> 24) & 0x0f;
  const family = (fixed >>> 16) & 0xff;
  const length = fixed & 0xffff;
  if (fixed >>> (24 + COMMAND_BITS) !== VERSION) {
    return failed("the binary PROXY header is not of version 2");
  }
  if (command !== COMMAND_LOCAL && command !== COMMAND_PROXY) {
    return failed("the command of the PROXY header is neither LOCAL nor PROXY");
  }
  if (FIXED_BYTES + length > PROXY_HEADER_BYTES_MAX) {
    return failed(`the PROXY header takes more than ${PROXY_HEADER_BYTES_MAX} bytes`);
  }
  // The family of LOCAL is to be ignored.
  const addressBytes = command === COMMAND_LOCAL ? 0 : ADDRESS_BYTES.get(family);
  if (addressBytes === undefined) return failed("the PROXY header is for an unknown family");
  if (length < addressBytes) return failed("the PROXY header is shorter than its addresses");
  return success(FIXED_BYTES + length);
}

/**
 * Reads the header that takes the first `end` bytes, a length that `measureProxyV2` gave for it. Pure. What LOCAL and
 * the unspecified family carry is discarded unseen: nobody says where its addresses end. An error is a sentence
 * for the log and never repeats bytes of the header.
 */
export function parseProxyV2(bytes: Uint8Array, end: number): Result<ProxyHeader, string> {
  const reader = new ByteReader(bytes, SIGNATURE.length, end);
  const command = (reader.readU8() ?? 0) & 0x0f;
  const family = reader.readU8() ?? 0;
  reader.readU16();
  if (command === COMMAND_LOCAL) return success(withoutAddresses("local"));
  if (family === FAMILY.unspecified) return success(withoutAddresses("proxy"));
  const block = reader.readSlice(ADDRESS_BYTES.get(family) ?? 0);
  if (block === undefined) return failed("the PROXY header is shorter than its addresses");
  const tlvs = readTlvs(reader, { bytes, end });
  if (!tlvs.ok) return tlvs;
  const addresses = readAddresses(family, block);
  return success({ version: 2, command: "proxy", addresses, tlvs: tlvs.value });
}

function withoutAddresses(command: ProxyHeader["command"]): ProxyHeader {
  return { version: 2, command, addresses: undefined, tlvs: {} };
}

/** §2.2: a receiver falls back to the connection's own addresses for the valid families that it does not support. */
function readAddresses(family: number, block: ByteReader): ProxyAddresses | undefined {
  if (family !== FAMILY.tcp4 && family !== FAMILY.tcp6) return undefined;
  const count = family === FAMILY.tcp4 ? IPV4_GROUPS : IPV6_GROUPS;
  const clientIp = readIp(count, block);
  const destinationIp = readIp(count, block);
  const client: SocketAddress = { address: clientIp, port: block.readU16() ?? 0 };
  return { client, destination: { address: destinationIp, port: block.readU16() ?? 0 } };
}

function readIp(count: number, block: ByteReader): string {
  const groups = Array.from({ length: count }, () => block.readU16() ?? 0);
  return formatIpGroups(count === IPV6_GROUPS ? groups : [...MAPPED_PREFIX, ...groups]);
}
