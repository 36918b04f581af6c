import { parseIpAddress } from "../core/ip-address.ts";

/** Host names, lower-case, to their addresses in the order of the file. */
export type HostsTable = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the text of an /etc/hosts file: an address, then names; `#` begins a comment (hosts(5)). Pure.
 * A name on several lines has all of their addresses, as glibc's `multi on`. A line whose address is not one is left out.
 */
export function parseHosts(text: string): HostsTable {
  const table = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [first, ...names] = words(line);
    const address = parseIpAddress(first ?? "");
    if (address === undefined) continue;
    for (const name of names) append(table, name, address.host);
  }
  return table;
}

function words(line: string): readonly string[] {
  return line
    .replace(/#.*/s, "")
    .split(/\s+/)
    .filter((word) => word !== "");
}

function append(table: Map<string, string[]>, name: string, address: string): void {
  const key = name.toLowerCase().replace(/\.$/, "");
  const addresses = table.get(key);
  if (addresses === undefined) table.set(key, [address]);
  else if (!addresses.includes(address)) addresses.push(address);
}
