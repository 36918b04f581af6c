/** How many connections there may be, over all workers. */
import { type CountKey, CountKeys, type SharedCounts } from "../core/shared-counts.ts";
import type { Listener } from "../core/model.ts";
import { parseIpGroups } from "../core/ip.ts";

/** The groups of an IPv6 address that one customer of a provider has: a /64. */
const NETWORK_GROUPS = 4;
const MAPPED = "0,0,0,0,0,65535";

/** Counts what this worker lets in, and compares what all of them have. Owned by its worker. */
export class ConnectionLimits {
  readonly #counts: SharedCounts;
  readonly #descriptorsAllow: number;
  readonly #all: CountKey;
  readonly #listeners: CountKeys;

  /** `descriptorsAllow`: connections of all listeners together. */
  constructor(counts: SharedCounts, descriptorsAllow: number) {
    this.#counts = counts;
    this.#all = counts.keyOf("all");
    this.#listeners = new CountKeys(counts, "on ");
    this.#descriptorsAllow = descriptorsAllow;
  }

  /** Counts one more connection, or says which limit is reached and counts nothing. */
  enter({ id, limits }: Listener): string | undefined {
    if (this.#counts.add(this.#all) > this.#descriptorsAllow) {
      this.#counts.remove(this.#all);
      return `${this.#descriptorsAllow} connections, as many as the descriptors allow`;
    }
    if (this.#counts.add(this.#listeners.of(id)) <= limits.connectionsMax) return undefined;
    this.leave(id, undefined);
    return `limits.connections is ${limits.connectionsMax}`;
  }

  /** Counts one more connection of this address: gives the key to `leave` with, or undefined when there are too many. */
  enterAddress({ id, limits }: Listener, address: string): string | undefined {
    const key = `of ${networkOf(address)} on ${id}`;
    if (this.#counts.add(key) <= (limits.connectionsPerIpMax ?? Number.POSITIVE_INFINITY))
      return key;
    this.#counts.remove(key);
    return undefined;
  }

  /** A connection that had entered is closed. */
  leave(id: string, addressKey: string | undefined): void {
    this.#counts.remove(this.#all);
    this.#counts.remove(this.#listeners.of(id));
    if (addressKey !== undefined) this.#counts.remove(addressKey);
  }
}

/** IPv4 as it is, IPv6 by its /64; what is no address counts as itself. */
function networkOf(address: string): string {
  const groups = parseIpGroups(address.split("%", 1)[0] ?? "");
  if (groups === undefined || groups.slice(0, 6).join() === MAPPED) return address;
  return groups.slice(0, NETWORK_GROUPS).join(":");
}
