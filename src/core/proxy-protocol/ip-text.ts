/** The one text of an IP address. */
import type { IpGroups } from "../ip.ts";

/** Where the IPv4 address stands in a v4-mapped one. */
const IPV4_GROUP = 6;
/** RFC 5952 §4.2.2: one zero group alone is not shortened. */
const SHORTENED_MIN = 2;

/** Whether it is ::ffff:0:0/96, which stands for IPv4 (RFC 4291 §2.5.5.2). Pure. */
export function isIpv4Groups(groups: IpGroups): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

/** Eight groups as text: dotted decimal for IPv4, otherwise the form of RFC 5952 §4. Pure. */
export function formatIpGroups(groups: IpGroups): string {
  if (isIpv4Groups(groups)) return groups.slice(IPV4_GROUP).flatMap(toOctets).join(".");
  const { start, length } = findLongestZeros(groups);
  if (length < SHORTENED_MIN) return toHex(groups);
  return `${toHex(groups.slice(0, start))}::${toHex(groups.slice(start + length))}`;
}

function toOctets(group: number): readonly number[] {
  return [group >> 8, group & 0xff];
}

function toHex(groups: IpGroups): string {
  return groups.map((group) => group.toString(16)).join(":");
}

/** The first of the longest runs of zero groups (RFC 5952 §4.2.3). */
function findLongestZeros(groups: IpGroups): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { start: i + 1 - length, length };
  }
  return longest;
}
