import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProxyHeader, SocketAddress } from "../../../src/core/proxy-protocol/header.ts";
import { ProxyHeaderReader } from "../../../src/core/proxy-protocol/reader.ts";
import { writeProxyV1, writeProxyV2 } from "../../../src/core/proxy-protocol/write.ts";
import { formatIpGroups } from "../../../src/core/proxy-protocol/ip-text.ts";
import { seededRandom } from "../tls/seeded-random.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";

/** `address,port`. */
function end(text: string): SocketAddress {
  const [address = "", port] = text.split(",");
  return { address, port: Number(port) };
}

function read(bytes: Uint8Array): ProxyHeader {
  const result = new ProxyHeaderReader().push(bytes);
  assert.equal(result.kind, "header", JSON.stringify(result));
  if (result.kind !== "header") throw new Error("unreachable");
  assert.equal(result.headerBytes, bytes.length);
  return result.header;
}

const LINES: readonly (readonly [source: string, destination: string, line: string])[] = [
  ["192.0.2.1,1000", "198.51.100.2,443", "TCP4 192.0.2.1 198.51.100.2 1000 443"],
  ["::ffff:192.0.2.1,1", "::ffff:198.51.100.2,0", "TCP4 192.0.2.1 198.51.100.2 1 0"],
  ["::ffff:c000:201,1", "198.51.100.2,2", "TCP4 192.0.2.1 198.51.100.2 1 2"],
  ["2001:DB8:0::1,65535", "::,2", "TCP6 2001:db8::1 :: 65535 2"],
  ["fe80::1%eth0,1", "fe80::2%3,2", "TCP6 fe80::1 fe80::2 1 2"],
  ["192.0.2.1,1", "2001:db8::1,2", "UNKNOWN"],
  ["2001:db8::1,1", "::ffff:192.0.2.1,2", "UNKNOWN"],
  [",1", "198.51.100.2,443", "UNKNOWN"],
  ["192.0.2.1,1", "/run/socket,2", "UNKNOWN"],
  ["192.0.2.1,65536", "198.51.100.2,443", "UNKNOWN"],
  ["192.0.2.1,-1", "198.51.100.2,443", "UNKNOWN"],
  ["192.0.2.1,x", "198.51.100.2,443", "UNKNOWN"],
  ["192.0.2.1 \r\n,1", "198.51.100.2,443", "UNKNOWN"],
];

describe("writeProxyV1() writes", () => {
  for (const [source, destination, line] of LINES) {
    test(`${JSON.stringify(source)} → ${destination}`, () => {
      const bytes = writeProxyV1(end(source), end(destination));
      assert.equal(Buffer.from(bytes).toString("latin1"), `PROXY ${line}\r\n`);
      assert.equal(read(bytes).addresses === undefined, line === "UNKNOWN");
    });
  }
});

const V6 = "20010db8000000000000000000000001";
const MAPPED = "00000000000000000000ffffc0000201";
const BLOCKS: readonly (readonly [source: string, destination: string, hex: string])[] = [
  ["192.0.2.1,1000", "198.51.100.2,443", "2111000cc0000201c633640203e801bb"],
  ["::ffff:192.0.2.1,1000", "::ffff:198.51.100.2,443", "2111000cc0000201c633640203e801bb"],
  ["2001:db8::1,1000", "2001:db8::1%lo,443", `21210024${V6}${V6}03e801bb`],
  ["192.0.2.1,1000", "2001:db8::1,443", `21210024${MAPPED}${V6}03e801bb`],
  ["2001:db8::1,1000", "::ffff:192.0.2.1,443", `21210024${V6}${MAPPED}03e801bb`],
  [",1000", "198.51.100.2,443", "20000000"],
  ["192.0.2.1,1000", "198.51.100.2,70000", "20000000"],
];

describe("writeProxyV2() writes", () => {
  for (const [source, destination, hex] of BLOCKS) {
    test(`${JSON.stringify(source)} → ${destination}`, () => {
      const bytes = writeProxyV2(end(source), end(destination));
      assert.equal(Buffer.from(bytes).toString("hex"), SIGNATURE + hex);
      read(bytes);
    });
  }

  test("the fields behind the addresses, and their length", () => {
    const tlvs = { alpn: "h2", authority: "nginx.com" };
    const bytes = writeProxyV2(end("192.0.2.1,1000"), end("198.51.100.2,443"), tlvs);
    const fields = "01000268320200096e67696e782e636f6d";
    const block = "2111001dc0000201c633640203e801bb";
    assert.equal(Buffer.from(bytes).toString("hex"), SIGNATURE + block + fields);
    assert.deepEqual(read(bytes).tlvs, tlvs);
  });

  test("one byte a character, and leaves out what is longer than 255", () => {
    const tlvs = { alpn: "\u00ff\0\n".repeat(85), authority: "a".repeat(256) };
    const bytes = writeProxyV2(end("192.0.2.1,1"), end("198.51.100.2,2"), tlvs);
    assert.deepEqual(read(bytes).tlvs, { alpn: tlvs.alpn });
  });
});

test("writeProxyV1() and writeProxyV2() are read back as they were written, 5,000 times", () => {
  const random = seededRandom(5000);
  const randomAddress = (isV4: boolean): string => {
    if (isV4) return Array.from({ length: 4 }, () => random(256)).join(".");
    return formatIpGroups(Array.from({ length: 8 }, () => (random(2) === 0 ? 0 : random(0x10000))));
  };
  for (let i = 0; i < 5000; i += 1) {
    const isV4 = random(2) === 0;
    const client = { address: randomAddress(isV4), port: random(65_536) };
    const destination = { address: randomAddress(isV4), port: random(65_536) };
    const addresses = { client, destination };
    const tlvs = random(2) === 0 ? {} : { alpn: "http/1.1", authority: `${i}.example` };
    assert.deepEqual(read(writeProxyV1(client, destination)).addresses, addresses);
    assert.deepEqual(read(writeProxyV2(client, destination, tlvs)), {
      version: 2,
      command: "proxy",
      addresses,
      tlvs,
    });
  }
});
