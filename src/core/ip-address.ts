/** IP addresses and networks as text in one spelling, so that two spellings of one are seen as one. */
import { parseIpGroups } from "./ip.ts";
import type { Cidr, IpGroups } from "./ip.ts";

/** An address without brackets, port or zone. */
export interface IpAddress {
  readonly family: 4 | 6;
  /** Dotted decimal, or RFC 5952 §4: an IPv4 address inside IPv6 stands in hexadecimal too. */
  readonly host: string;
}

const GROUP_BITS = 16;
/** What stands before an IPv4 address inside IPv6 (RFC 4291 §2.5.5.2). */
const MAPPED_PREFIX = "0,0,0,0,0,65535";
const MAPPED_BITS = 96;

/**
 * Reads an IP literal without brackets, port or zone; undefined when it is none. Pure.
 * IPv4 is four decimal octets, nothing of inet_aton's octal, hexadecimal and short forms; IPv6 is RFC 4291 §2.2.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  const groups = parseIpGroups(text);
  if (groups === undefined) return undefined;
  return text.includes(":") ? { family: 6, host: showIpv6(groups) } : { family: 4, host: text };
}

/** The network that a prefix of an address names: the same without the bits beyond the prefix. Pure. */
export function maskCidr({ groups, bits }: Cidr): Cidr {
  const masked = groups.map((group, i) => {
    const counted = Math.min(Math.max(bits - i * GROUP_BITS, 0), GROUP_BITS);
    return group & (0xffff << (GROUP_BITS - counted)) & 0xffff;
  });
  return { groups: masked, bits };
}

/** `10.0.0.0/8`, `2001:db8::/32`, `10.0.0.1/32`. Pure; `parseCidr` reads it back. */
export function showCidr({ groups, bits }: Cidr): string {
  const isV4 = bits >= MAPPED_BITS && isMappedGroups(groups);
  return isV4 ? `${showIpv4(groups)}/${bits - MAPPED_BITS}` : `${showIpv6(groups)}/${bits}`;
}

/** Whether an IPv6 address holds an IPv4 address, which reaches the same socket. Pure. RFC 4291 §2.5.5.2. */
export function isMapped({ family, host }: IpAddress): boolean {
  const groups = family === 6 ? parseIpGroups(host) : undefined;
  return groups !== undefined && isMappedGroups(groups);
}

function isMappedGroups(groups: IpGroups): boolean {
  return groups.slice(0, 6).join() === MAPPED_PREFIX;
}

function showIpv4(groups: IpGroups): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join(".");
}

/** RFC 5952 §4: lower case, no leading zeros, the first longest run of two zeros or more as `::`. */
function showIpv6(groups: IpGroups): string {
  let [start, length] = [0, 1];
  for (let i = 0; i < groups.length; i += 1) {
    const end = groups.findIndex((group, at) => at >= i && group !== 0);
    const run = (end < 0 ? groups.length : end) - i;
    if (run > length) [start, length] = [i, run];
  }
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
