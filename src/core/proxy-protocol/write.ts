/** Writes PROXY headers for connections to endpoints. */
import { parseIpGroups, type IpGroups } from "../ip.ts";
import {
  FAMILY,
  FIXED_BYTES,
  SIGNATURE,
  TLV,
  type ProxyTlvs,
  type SocketAddress,
} from "./header.ts";
import { formatIpGroups, isIpv4Groups } from "./ip-text.ts";

/** The fields that can be written. */
export type WrittenTlvs = Pick<ProxyTlvs, "alpn" | "authority">;

const VERSION_LOCAL = 0x20;
const VERSION_PROXY = 0x21;
const PORT_MAX = 65_535;
/** What an ALPN protocol and a DNS name can have at most, and what HAProxy reads of an authority. */
const VALUE_BYTES_MAX = 255;
/** Where the IPv4 address stands in a v4-mapped one. */
const IPV4_GROUP = 6;

interface Ends {
  readonly source: IpGroups;
  readonly destination: IpGroups;
  readonly ports: readonly [source: number, destination: number];
}

/**
 * The line of version 1 (§2.1). Pure. v4-mapped addresses are written as IPv4. `UNKNOWN` for ends of two families,
 * which the line has no word for, and for what is no address or port: the reader then takes the connection's own.
 */
export function writeProxyV1(source: SocketAddress, destination: SocketAddress): Uint8Array {
  const ends = readEnds(source, destination);
  if (ends === undefined || isIpv4Groups(ends.source) !== isIpv4Groups(ends.destination)) {
    return toBytes("PROXY UNKNOWN\r\n");
  }
  const family = isIpv4Groups(ends.source) ? "TCP4" : "TCP6";
  const addresses = `${formatIpGroups(ends.source)} ${formatIpGroups(ends.destination)}`;
  return toBytes(`PROXY ${family} ${addresses} ${ends.ports.join(" ")}\r\n`);
}

/**
 * The header of version 2 (§2.2). Pure. Two IPv4 addresses, mapped or not, are written as IPv4; when only one end is,
 * it is written v4-mapped. LOCAL for what is no address or port: the reader then takes the connection's own. The
 * strings of `tlvs` have one character a byte; a value of more than 255 bytes is left out.
 */
export function writeProxyV2(
  source: SocketAddress,
  destination: SocketAddress,
  tlvs: WrittenTlvs = {},
): Uint8Array {
  const ends = readEnds(source, destination);
  const fields = [...tlvBytes(TLV.alpn, tlvs.alpn), ...tlvBytes(TLV.authority, tlvs.authority)];
  const [family, addresses] = ends === undefined ? [FAMILY.unspecified, []] : addressBlock(ends);
  const command = ends === undefined ? VERSION_LOCAL : VERSION_PROXY;
  const length = addresses.length + fields.length;
  const fixed = [...SIGNATURE, command, family, ...uint16(length)];
  const bytes = new Uint8Array(FIXED_BYTES + length);
  bytes.set(fixed);
  bytes.set(addresses, FIXED_BYTES);
  bytes.set(fields, FIXED_BYTES + addresses.length);
  return bytes;
}

function readEnds(source: SocketAddress, destination: SocketAddress): Ends | undefined {
  const from = readIp(source.address);
  const to = readIp(destination.address);
  if (from === undefined || to === undefined) return undefined;
  if (!isPort(source.port) || !isPort(destination.port)) return undefined;
  return { source: from, destination: to, ports: [source.port, destination.port] };
}

/** The zone of a link-local address (RFC 4007 §11) means nothing on another machine. */
function readIp(address: string): IpGroups | undefined {
  return parseIpGroups(address.split("%", 1)[0] ?? "");
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= PORT_MAX;
}

function addressBlock({ source, destination, ports }: Ends): [family: number, number[]] {
  const isIpv4 = isIpv4Groups(source) && isIpv4Groups(destination);
  const from = isIpv4 ? IPV4_GROUP : 0;
  const numbers = [...source.slice(from), ...destination.slice(from), ...ports];
  return [isIpv4 ? FAMILY.tcp4 : FAMILY.tcp6, numbers.flatMap(uint16)];
}

function tlvBytes(type: number, value: string | undefined): readonly number[] {
  if (value === undefined || value.length > VALUE_BYTES_MAX) return [];
  return [type, ...uint16(value.length), ...toBytes(value)];
}

function uint16(value: number): readonly number[] {
  return [value >> 8, value & 0xff];
}

/** One byte a character. */
function toBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
