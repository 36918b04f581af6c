/** Addresses as people write them. */

/** An IPv4 address that came through a v6 socket is written as v4 (RFC 4291 §2.5.5.2). Pure. */
export function unmapAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** `host:port`, v6 in brackets. Pure. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
