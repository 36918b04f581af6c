/** IP addresses and prefixes as numbers, so that spellings do not matter and v4-mapped v6 is v4. */

/** Eight 16-bit groups; IPv4 stands as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
export type IpGroups = readonly number[];

/** A network: the address and how many leading bits of the 128 count. */
export interface Cidr {
  readonly groups: IpGroups;
  readonly bits: number;
}

const GROUPS = 8;
const GROUP_BITS = 16;
/** An IPv4 prefix of n bits is one of 96 + n. */
const MAPPED_BITS = 96;
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const HEX_GROUP = /^[0-9a-f]{1,4}$/i;

/** Reads an IPv4 or IPv6 literal without brackets, port or zone; undefined when it is none. Pure. RFC 4291 §2.2. */
export function parseIpGroups(text: string): IpGroups | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== undefined) return [0, 0, 0, 0, 0, 0xffff, ...v4];
  return text.includes(":") ? parseIpv6(text) : undefined;
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; undefined when it is none. Pure. RFC 4632 §3.1. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const groups = parseIpGroups(address);
  if (groups === undefined) return undefined;
  const isV4 = !address.includes(":");
  const most = isV4 ? 32 : 128;
  const suffix = slash < 0 ? String(most) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(suffix) || Number(suffix) > most) return undefined;
  return { groups, bits: Number(suffix) + (isV4 ? MAPPED_BITS : 0) };
}

/** Whether the network holds the address. An IPv6 network never holds an IPv4 address, not even `::/0`. Pure. */
function cidrHolds(cidr: Cidr, address: IpGroups): boolean {
  let bits = cidr.bits;
  if (bits < MAPPED_BITS && isMappedGroups(address)) return false;
  for (let i = 0; i < GROUPS && bits > 0; i += 1) {
    const counted = Math.min(bits, GROUP_BITS);
    const mask = 0xffff & (0xffff << (GROUP_BITS - counted));
    if ((((cidr.groups[i] ?? 0) ^ (address[i] ?? 0)) & mask) !== 0) return false;
    bits -= counted;
  }
  return true;
}

/**
 * Whether any of the networks holds the address; false for what is no address. Pure. The zone of a link-local address
 * (RFC 4007 §11) names an interface of this box and is no part of the address.
 */
export function anyCidrHolds(cidrs: readonly Cidr[], address: string): boolean {
  if (cidrs.length === 0) return false;
  const zone = address.indexOf("%");
  const groups = parseIpGroups(zone < 0 ? address : address.slice(0, zone));
  return groups !== undefined && cidrs.some((cidr) => cidrHolds(cidr, groups));
}

function isMappedGroups(groups: IpGroups): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function parseIpv4(text: string): readonly [number, number] | undefined {
  const parts = IPV4.exec(text);
  if (parts === null) return undefined;
  const [a = 256, b = 256, c = 256, d = 256] = parts.slice(1).map(readOctet);
  if (a > 255 || b > 255 || c > 255 || d > 255) return undefined;
  return [a * 256 + b, c * 256 + d];
}

/** A leading zero is octal to some readers: refused. */
function readOctet(text: string): number {
  return text.length > 1 && text.startsWith("0") ? 256 : Number(text);
}

function parseIpv6(text: string): IpGroups | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 1 ? [] : parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = GROUPS - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing < 1 ? undefined : [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

/** `last`: these groups end the address, so an IPv4 part may end them. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    const v4 = last && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (v4 !== undefined) groups.push(...v4);
    else if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
