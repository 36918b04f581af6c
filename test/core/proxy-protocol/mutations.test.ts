import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import type { SocketAddress } from "../../../src/core/proxy-protocol/header.ts";
import { PROXY_HEADER_BYTES_MAX } from "../../../src/core/proxy-protocol/parse-v2.ts";
import {
  ProxyHeaderReader,
  type ProxyHeaderResult,
} from "../../../src/core/proxy-protocol/reader.ts";
import { mutate } from "../tls/mutate.ts";
import { seededRandom } from "../tls/seeded-random.ts";
import { ADDRESSES_V6, binary, tlv } from "./header-builder.ts";
import { VECTORS } from "./vectors.ts";

const SEEDS: readonly Buffer[] = [
  ...VECTORS.map(({ bytes }) => bytes),
  Buffer.from("PROXY UNKNOWN whatever\r\n"),
  binary({ family: 0x21, addresses: ADDRESSES_V6, tlvs: tlv(0x02, "nginx.com") }),
  binary({ tlvs: Buffer.concat([tlv(0x01, "h2"), tlv(0x20, Buffer.alloc(5))]) }),
];

function feedAtRandom(bytes: Buffer, random: (below: number) => number): ProxyHeaderResult {
  const reader = new ProxyHeaderReader();
  let result: ProxyHeaderResult = reader.push(Buffer.alloc(0));
  let at = 0;
  while (at < bytes.length && result.kind === "incomplete") {
    const end = at + 1 + random(random(2) === 0 ? 4 : 100);
    result = reader.push(bytes.subarray(at, end));
    if (result.kind === "header") return { ...result, streamStart: at + result.streamStart };
    at = end;
  }
  return result;
}

function assertEnd({ address, port }: SocketAddress): void {
  assert.notEqual(isIP(address), 0, address);
  assert.ok(!address.startsWith("::ffff:") || !address.includes("."), address);
  assert.ok(Number.isInteger(port) && port >= 0 && port <= 65_535, String(port));
}

test("ProxyHeaderReader withstands 20,000 mutated headers", () => {
  const random = seededRandom(1080);
  const kinds = { incomplete: 0, header: 0, refused: 0 };
  for (let i = 0; i < 20_000; i += 1) {
    const mutated = mutate(SEEDS[i % SEEDS.length] ?? Buffer.alloc(0), random);
    const result = new ProxyHeaderReader().push(mutated);
    kinds[result.kind] += 1;
    assert.deepEqual(feedAtRandom(mutated, random), result, mutated.toString("hex"));
    if (result.kind !== "header") continue;
    assert.equal(result.headerBytes, result.streamStart);
    assert.ok(result.headerBytes <= Math.min(mutated.length, PROXY_HEADER_BYTES_MAX));
    const { addresses } = result.header;
    if (addresses === undefined) continue;
    assertEnd(addresses.client);
    assertEnd(addresses.destination);
  }
  // The mutations are worth something only if all three outcomes are common.
  for (const count of Object.values(kinds)) assert.ok(count > 500, JSON.stringify(kinds));
});
