/** What the file's addresses mean, and how they are written with a port. */

/** `127.0.0.0/8` and `::1`. Pure. */
export function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}

/** `host:port`, v6 in brackets. Pure. */
export function showAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
