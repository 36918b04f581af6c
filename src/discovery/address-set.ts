import type { Endpoint } from "../core/service.ts";
import { parseIpAddress } from "../core/ip-address.ts";

/** Addresses of one name that are used. A DNS answer over UDP has some 70; more is a mistake or an attack. */
export const ADDRESSES_MAX = 256;

/** The addresses of one name by family, and whether this box could reach the second one. */
export interface AddressFamilies {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** The box has an IPv6 address that reaches beyond its own link. */
  readonly ipv6Usable: boolean;
}

/**
 * The set that a name stands for: no address twice, v4 before v6, each family sorted, so that the same answer
 * in another order is the same set. Not cut to {@link ADDRESSES_MAX}. Pure.
 * While there is a v4 address, v6 ones are left out on a box without IPv6: every connection tried there would
 * fail at once and cost a retry. `::1` stays: what the loopback reaches says nothing about the box's network.
 */
export function orderAddresses(families: AddressFamilies): readonly string[] {
  const v4 = sortedSet(families.v4);
  const v6 = sortedSet(families.v6);
  const usable = families.ipv6Usable || v4.length === 0 ? v6 : v6.filter((each) => each === "::1");
  return [...v4, ...usable];
}

/** The addresses of a name as it is looked up; empty while nothing is known of it. */
export type AddressesOf = (name: string) => readonly string[];

/** One endpoint of an address, named as logs and tables show it. Pure. */
export function endpointOf(
  host: string,
  port: number,
  traits: Omit<Endpoint, "host" | "port" | "name">,
): Endpoint {
  const name = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return { host, port, name, ...traits };
}

function sortedSet(addresses: readonly string[]): readonly string[] {
  // The platform's and a file's spellings of one IPv6 address must not make two endpoints of it.
  const canonical = addresses.map((each) => parseIpAddress(each)?.host ?? each);
  return [...new Set(canonical)].toSorted();
}
