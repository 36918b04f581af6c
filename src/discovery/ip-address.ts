/** An IP address in the one spelling that sets are compared and sorted by. */
export interface IpAddress {
  readonly family: 4 | 6;
  /** Dotted decimal, or RFC 5952 without brackets. */
  readonly host: string;
}

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
const IPV6_CHARACTERS = /^[0-9a-f:.]{2,45}$/i;

/**
 * Reads an IP literal without brackets, port or zone. Pure.
 * IPv4 is four decimal octets, nothing of inet_aton's octal, hexadecimal and short forms; IPv6 is RFC 4291 §2.2 and comes
 * back as RFC 5952 writes it. A zone (`fe80::1%eth0`) is no address that an endpoint can carry: undefined.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (IPV4.test(text)) return { family: 4, host: text };
  if (!text.includes(":") || !IPV6_CHARACTERS.test(text)) return undefined;
  const url = URL.parse(`http://[${text}]/`);
  return url === null ? undefined : { family: 6, host: url.hostname.slice(1, -1) };
}
