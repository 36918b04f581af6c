/** Networks of the file: who is meant by a range of addresses. */
import { maskCidr, parseIpAddress, isMapped, showCidr } from "../core/ip-address.ts";
import { parseCidr } from "../core/ip.ts";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";

/**
 * `"10.0.0.0/8"`, `"2001:db8::/32"`, or a single address, which stands for itself. Pure. Canonical, always with its
 * prefix length. Bits beyond the prefix are an error: they may be a mistake in either part (RFC 4632 §3.1).
 */
export function parseNetwork(text: string): Result<string, string> {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    return failed('expected a network such as "10.0.0.0/8", or an address such as "10.0.0.1"');
  }
  const [address = ""] = text.split("/");
  const ip = parseIpAddress(address);
  if (ip !== undefined && isMapped(ip)) {
    return failed("write an IPv4 network in its own form, not inside IPv6");
  }
  const network = showCidr(maskCidr(cidr));
  return network === showCidr(cidr)
    ? success(network)
    : failed(`bits stand beyond the prefix: write "${network}", or "${ip?.host}" for one address`);
}
