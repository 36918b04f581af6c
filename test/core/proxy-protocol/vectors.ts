/** PROXY headers as HAProxy 2.6.12 sent them on loopback, and what it had been told to send. */
import type { ProxyHeader } from "../../../src/core/proxy-protocol/header.ts";

/** One header. */
export interface Vector {
  readonly name: string;
  readonly bytes: Buffer;
  readonly header: ProxyHeader;
}

const V4 = "127.0.0.1";
const SIGNATURE = "0d0a0d0a000d0a515549540a";

function ends(address: string, from: number, to: number): ProxyHeader["addresses"] {
  return { client: { address, port: from }, destination: { address, port: to } };
}

/** Each as a whole connection begins. */
export const VECTORS: readonly Vector[] = [
  {
    name: "send-proxy over IPv4",
    bytes: Buffer.from("PROXY TCP4 127.0.0.1 127.0.0.1 48058 25001\r\n"),
    header: { version: 1, command: "proxy", addresses: ends(V4, 48_058, 25_001), tlvs: {} },
  },
  {
    name: "send-proxy over IPv6",
    bytes: Buffer.from("PROXY TCP6 ::1 ::1 39096 25001\r\n"),
    header: { version: 1, command: "proxy", addresses: ends("::1", 39_096, 25_001), tlvs: {} },
  },
  {
    name: "send-proxy of a v4-mapped client",
    bytes: Buffer.from("PROXY TCP6 ::ffff:1.2.3.4 2001:db8::1 5 6\r\n"),
    header: {
      version: 1,
      command: "proxy",
      addresses: {
        client: { address: "1.2.3.4", port: 5 },
        destination: { address: "2001:db8::1", port: 6 },
      },
      tlvs: {},
    },
  },
  {
    name: "send-proxy-v2 over IPv4",
    bytes: Buffer.from(`${SIGNATURE}2111000c7f0000017f000001860861aa`, "hex"),
    header: { version: 2, command: "proxy", addresses: ends(V4, 34_312, 25_002), tlvs: {} },
  },
  {
    name: "send-proxy-v2 over IPv6",
    bytes: Buffer.from(`${SIGNATURE}21210024${"0".repeat(31)}1${"0".repeat(31)}1b0b461aa`, "hex"),
    header: { version: 2, command: "proxy", addresses: ends("::1", 45_236, 25_002), tlvs: {} },
  },
  {
    name: "send-proxy-v2 of an IPv4 client on a v6 socket",
    bytes: Buffer.from(
      `${SIGNATURE}2121002400000000000000000000ffff7f00000100000000000000000000ffff7f000001ce7e61af`,
      "hex",
    ),
    header: { version: 2, command: "proxy", addresses: ends(V4, 52_862, 25_007), tlvs: {} },
  },
  {
    name: "send-proxy-v2 with every option for a TLS client with SNI and ALPN",
    bytes: Buffer.from(
      `${SIGNATURE}211100817f0000017f0000019d2a61ac` +
        "030004e0fc7039" +
        "0100026832" +
        "02000f7777772e4578616d706c652e636f6d" +
        "05000d69642d31363235323531383535" +
        "2000440100000000210007544c5376312e33250005454332353624001165636473612d776974682d53" +
        "4841323536230016544c535f4145535f3235365f47434d5f534841333834",
      "hex",
    ),
    header: {
      version: 2,
      command: "proxy",
      addresses: ends(V4, 40_234, 25_004),
      tlvs: { alpn: "h2", authority: "www.Example.com", uniqueId: "id-1625251855", ssl: true },
    },
  },
  {
    name: "check-send-proxy in version 2 with crc32c",
    bytes: Buffer.from(`${SIGNATURE}20000007030004a9b87e8f`, "hex"),
    header: { version: 2, command: "local", addresses: undefined, tlvs: {} },
  },
];
