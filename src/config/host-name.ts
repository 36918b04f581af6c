/** Host names and patterns of the file, brought into the form that requests are matched against. */
import { parseIpAddress } from "../core/ip-address.ts";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";

/** RFC 1035 §2.3.4. */
const LABEL_LENGTH_MAX = 63;
const NAME_LENGTH_MAX = 253;

/**
 * A host that is let in or routed: an exact name, `*.example.com`, `*`, or an address as it stands in a Host
 * header (`10.0.0.1`, `[::1]`). Pure. Lower-case, without trailing dot. The error is a sentence.
 */
export function parseHostPattern(text: string): Result<string, string> {
  if (text === "*") return success(text);
  if (!text.startsWith("*.")) return parseHost(text);
  const rest = parseName(text.slice(2));
  if (!rest.ok) return rest;
  return looksNumeric(rest.value)
    ? failed("a wildcard stands for names, not for addresses")
    : success(`*.${rest.value}`);
}

/** One host without wildcard: a name or an address. Pure. Folded as `parseHostPattern` does. */
export function parseHost(text: string): Result<string, string> {
  const literal = /^\[(.*)\]$/.exec(text)?.[1];
  const ip = parseIpAddress(literal ?? text);
  if (ip !== undefined && (ip.family === 6 || literal === undefined)) {
    return success(ip.family === 6 ? `[${ip.host}]` : ip.host);
  }
  const name = parseName(text);
  if (name.ok && looksNumeric(name.value)) return failed("this is not a valid IPv4 address");
  return name;
}

/**
 * A DNS name: labels of letters, digits, hyphens and underscores (RFC 1035 §2.3.1, RFC 2181 §11). Pure.
 * Lower-case, without trailing dot.
 */
function parseName(text: string): Result<string, string> {
  const name = (text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  if (name === "") return failed('expected a host name such as "example.com", found none');
  if (name.includes("://")) return failed("expected a host name, not a URL");
  if (name.includes("/")) return failed("expected a host name without a path");
  if (name.includes("*")) {
    return failed('a wildcard may only be the whole first label: "*.example.com", or "*" alone');
  }
  if (name.includes(":")) return failed("expected a host name without a port");
  if (name.length > NAME_LENGTH_MAX) return failed("a host name has at most 253 characters");
  return checkLabels(name);
}

/** Whether a folded host is an IP address. Pure. */
export function isAddress(host: string): boolean {
  return host.startsWith("[") || looksNumeric(host);
}

function checkLabels(name: string): Result<string, string> {
  for (const label of name.split(".")) {
    if (label === "")
      return failed("a host name has no empty labels: two dots, or one at the start");
    if (label.length > LABEL_LENGTH_MAX) return failed("a label has at most 63 characters");
    if (!/^[\x00-\x7f]*$/.test(label)) return failed(asciiHint(name));
    if (!/^[a-z0-9_-]+$/.test(label)) {
      return failed("a host name has only letters, digits, hyphens, underscores and dots");
    }
  }
  return success(name);
}

function asciiHint(name: string): string {
  const ascii = URL.parse(`http://${name}/`)?.hostname;
  const hint = ascii?.startsWith("xn--") || ascii?.includes(".xn--") ? `: "${ascii}"` : "";
  return `write an internationalised name in its ASCII form${hint}`;
}

/** A last label of digits cannot be a name (RFC 3696 §2), so this was meant as an IPv4 address. */
function looksNumeric(host: string): boolean {
  return /(?:^|\.)\d+$/.test(host);
}
