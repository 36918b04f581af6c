/** The line of text that is version 1 of the PROXY protocol (§2.1). */
import { ByteReader } from "../bytes.ts";
import { parseIpGroups, type IpGroups } from "../ip.ts";
import { failed, success, type Result } from "../result.ts";
import type { ProxyHeader, SocketAddress } from "./header.ts";
import { formatIpGroups } from "./ip-text.ts";

const CRLF_BYTES = 2;
const FIELDS = 6;
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const PORT_MAX = 65_535;

/**
 * Reads the line that takes the first `end` bytes, CRLF included, and of which the reader has seen that it begins with
 * `PROXY ` and ends in its only CRLF. Pure. An error is a sentence for the log and never repeats the line.
 */
export function parseProxyV1(bytes: Uint8Array, end: number): Result<ProxyHeader, string> {
  const fields = new ByteReader(bytes, 0, end - CRLF_BYTES).readLatin1().split(" ");
  const protocol = fields[1];
  // The rest of such a line is to be ignored, whatever it is.
  if (protocol === "UNKNOWN") return success(header(undefined));
  if (protocol !== "TCP4" && protocol !== "TCP6") {
    return failed("the protocol of the PROXY line is none of TCP4, TCP6 and UNKNOWN");
  }
  if (fields.length !== FIELDS) {
    return failed("the PROXY line has not exactly two addresses and two ports");
  }
  const [, , clientIp = "", destinationIp = "", clientPort = "", destinationPort = ""] = fields;
  const client = readEnd(protocol, clientIp, clientPort);
  const destination = readEnd(protocol, destinationIp, destinationPort);
  if (client === undefined || destination === undefined) {
    return failed(`the PROXY line has an address or port that is none of ${protocol}`);
  }
  return success(header({ client, destination }));
}

function header(addresses: ProxyHeader["addresses"]): ProxyHeader {
  return { version: 1, command: "proxy", addresses, tlvs: {} };
}

function readEnd(family: "TCP4" | "TCP6", ip: string, port: string): SocketAddress | undefined {
  const groups = readAddress(family, ip);
  if (groups === undefined || !PORT.test(port) || Number(port) > PORT_MAX) return undefined;
  return { address: formatIpGroups(groups), port: Number(port) };
}

/** A v4-mapped address is one of TCP6 by its form, and so HAProxy writes what came through a v6 socket. */
function readAddress(family: "TCP4" | "TCP6", ip: string): IpGroups | undefined {
  return ip.includes(":") === (family === "TCP6") ? parseIpGroups(ip) : undefined;
}
