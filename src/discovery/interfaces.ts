import { networkInterfaces } from "node:os";

/** What this box's own addresses say about IPv6. */
export interface Ipv6Support {
  /** There is an address beyond loopback and link-local: what DNS gives can be reached at all. */
  readonly usable: boolean;
  /** `::1` is assigned. */
  readonly loopback: boolean;
}

/** Reads the network interfaces. A box where they cannot be listed is taken as having IPv6. */
export function readIpv6Support(): Ipv6Support {
  try {
    const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const v6 = addresses.filter((each) => each.family === "IPv6");
    return {
      // A DNS answer carries no zone, so a link-local address (fe80::/10, scope not 0) reaches none of them.
      usable: v6.some((each) => !each.internal && each.scopeid === 0),
      loopback: v6.some((each) => each.address === "::1"),
    };
  } catch {
    return { usable: true, loopback: true };
  }
}
