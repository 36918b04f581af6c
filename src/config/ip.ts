/** IP addresses in one spelling, so that two spellings of one address are seen as one. */

/** An address without brackets or port. */
export interface Ip {
  readonly family: 4 | 6;
  /** Dotted decimal, or RFC 5952. */
  readonly host: string;
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6_CHARACTERS = /^[0-9a-f:.]{2,45}$/i;

/** Reads an IPv4 (no leading zeros) or IPv6 literal without brackets, port or zone. Pure. RFC 4291 §2.2. */
export function parseIp(text: string): Ip | undefined {
  if (IPV4.test(text)) return { family: 4, host: text };
  if (!text.includes(":") || !IPV6_CHARACTERS.test(text)) return undefined;
  const url = URL.parse(`http://[${text}]/`);
  return url === null ? undefined : { family: 6, host: url.hostname.slice(1, -1) };
}

/** An IPv4 address inside IPv6 (RFC 4291 §2.5.5.2) reaches the same socket as the IPv4 address. Pure. */
export function isMapped(ip: Ip): boolean {
  return ip.family === 6 && ip.host.startsWith("::ffff:");
}

/** `127.0.0.0/8` and `::1`. Pure. */
export function isLoopback(host: string): boolean {
  return host.startsWith("127.") || host === "::1";
}

/** `host:port`, v6 in brackets. Pure. */
export function showAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
