/** The rules for a name in the server_name extension. */
import type { ByteReader } from "../bytes.ts";
import { failed, success, type Result } from "../result.ts";

/** RFC 1035 §2.3.4 allows 255 octets on the wire, which is 253 characters. */
const NAME_BYTES_MAX = 253;
const LABEL_BYTES_MAX = 63;

const DOT = 0x2e;
const COLON = 0x3a;

/**
 * Reads a HostName: letters folded to lower case, one trailing dot dropped. Pure but for the reader's cursor.
 * Undefined for an IP address, which is no name (RFC 6066 §3) and counts as none. An error, a sentence for the
 * log, for anything that is not labels of 1–63 letters, digits, hyphens and underscores, 253 bytes in all.
 */
export function readServerName(bytes: ByteReader): Result<string | undefined, string> {
  if (bytes.remaining > NAME_BYTES_MAX + 1)
    return failed("the server name is longer than 253 bytes");
  const codes: number[] = [];
  let colons = 0;
  for (let byte = bytes.readU8(); byte !== undefined; byte = bytes.readU8()) {
    if (byte === COLON) colons += 1;
    else if (!isNameByte(byte)) return failed(illegalByte(byte));
    codes.push(byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);
  }
  if (colons > 0) {
    if (isIpv6(String.fromCharCode(...codes))) return success(undefined);
    return failed(illegalByte(COLON));
  }
  if (codes.at(-1) === DOT) codes.pop();
  const problem = labelProblem(codes);
  if (problem !== undefined) return failed(problem);
  const name = String.fromCharCode(...codes);
  return success(isIpv4(name) ? undefined : name);
}

function isNameByte(byte: number): boolean {
  if (byte >= 0x61 && byte <= 0x7a) return true;
  if (byte >= 0x30 && byte <= 0x39) return true;
  if (byte >= 0x41 && byte <= 0x5a) return true;
  return byte === DOT || byte === 0x2d || byte === 0x5f;
}

function illegalByte(byte: number): string {
  const hex = byte.toString(16).padStart(2, "0");
  return byte === 0
    ? "the server name contains a NUL"
    : `the server name contains the illegal byte 0x${hex}`;
}

function labelProblem(codes: readonly number[]): string | undefined {
  if (codes.length > NAME_BYTES_MAX) return "the server name is longer than 253 bytes";
  let label = 0;
  for (let i = 0; i <= codes.length; i += 1) {
    if (i < codes.length && codes[i] !== DOT) {
      label += 1;
      continue;
    }
    if (label === 0) return "the server name has an empty label";
    if (label > LABEL_BYTES_MAX) return "the server name has a label of more than 63 bytes";
    label = 0;
  }
  return undefined;
}

/** Four decimal numbers up to 255 without leading zeros (RFC 3986 §3.2.2). Anything else stays a name. */
function isIpv4(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  if (last < 0x30 || last > 0x39) return false;
  const parts = text.split(".");
  return parts.length === 4 && parts.every(isDecimalOctet);
}

function isDecimalOctet(text: string): boolean {
  const value = Number(text);
  return value >= 0 && value <= 255 && String(value) === text;
}

/** RFC 4291 §2.2, all three forms: eight groups, `::` for at least one of them, an IPv4 address at the end. */
function isIpv6(text: string): boolean {
  const [left = "", right, more] = text.split("::");
  if (more !== undefined) return false;
  if (right === undefined) return countGroups(left, true) === 8;
  const leftGroups = countGroups(left, false);
  const rightGroups = countGroups(right, true);
  return leftGroups >= 0 && rightGroups >= 0 && leftGroups + rightGroups <= 7;
}

/** How many 16-bit groups the text is, -1 if it is none. */
function countGroups(text: string, mayEndInIpv4: boolean): number {
  if (text === "") return 0;
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  if (mayEndInIpv4 && last.includes(".")) {
    const isValid = isIpv4(last) && parts.slice(0, -1).every(isHexGroup);
    return isValid ? parts.length + 1 : -1;
  }
  return parts.every(isHexGroup) ? parts.length : -1;
}

function isHexGroup(text: string): boolean {
  if (text.length < 1 || text.length > 4) return false;
  for (const digit of text) {
    if (!"0123456789abcdef".includes(digit)) return false;
  }
  return true;
}
