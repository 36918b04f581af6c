import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ProxyHeader } from "../../../src/core/proxy-protocol/header.ts";
import { PROXY_HEADER_BYTES_MAX } from "../../../src/core/proxy-protocol/parse-v2.ts";
import {
  ProxyHeaderReader,
  type ProxyHeaderResult,
} from "../../../src/core/proxy-protocol/reader.ts";
import { ADDRESSES_V4, ADDRESSES_V6, binary, summed, tlv } from "./header-builder.ts";
import { VECTORS, type Vector } from "./vectors.ts";

const NONE = { command: "proxy", addresses: undefined, tlvs: {} } as const;
const SIGNED = Buffer.concat([tlv(0x01, "h2"), tlv(0x02, "nginx.com")]);

function ends(client: string, destination: string): ProxyHeader["addresses"] {
  return {
    client: { address: client, port: 1000 },
    destination: { address: destination, port: 443 },
  };
}

const V4 = ends("192.0.2.1", "198.51.100.2");
const V6 = ends("2001:db8::1", "2001:db8::2");
const FROM_V4 = { version: 2, command: "proxy", addresses: V4 } as const;

function line(text: string, addresses: ProxyHeader["addresses"]): Vector {
  const header: ProxyHeader = { version: 1, command: "proxy", addresses, tlvs: {} };
  return { name: JSON.stringify(text), bytes: Buffer.from(text, "latin1"), header };
}

const LONG_ADDRESS = "2001:0db8:0001:0002:0003:0004:0005:0006";
const LONG_ENDS = ends("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6");

const ACCEPTED: readonly Vector[] = [
  ...VECTORS,
  line("PROXY TCP4 192.0.2.1 198.51.100.2 1000 443\r\n", V4),
  line("PROXY TCP6 2001:db8::1 2001:DB8::2 1000 443\r\n", V6),
  line(`PROXY TCP6 ${LONG_ADDRESS} ${LONG_ADDRESS} 1000 443\r\n`, LONG_ENDS),
  line("PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", {
    client: { address: "0.0.0.0", port: 0 },
    destination: { address: "255.255.255.255", port: 65_535 },
  }),
  line("PROXY UNKNOWN\r\n", undefined),
  line("PROXY UNKNOWN \r\n", undefined),
  line("PROXY UNKNOWN TCP4 \0 what\u00ff ever\r\n", undefined),
  line(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`, undefined),
  { name: "TCP over IPv4", bytes: binary(), header: { ...FROM_V4, tlvs: {} } },
  {
    name: "TCP over IPv6",
    bytes: binary({ family: 0x21, addresses: ADDRESSES_V6 }),
    header: { ...FROM_V4, addresses: V6, tlvs: {} },
  },
  {
    name: "ALPN and authority",
    bytes: binary({ tlvs: SIGNED }),
    header: { ...FROM_V4, tlvs: { alpn: "h2", authority: "nginx.com" } },
  },
  {
    name: "a right checksum behind other fields",
    bytes: summed({ tlvs: SIGNED }),
    header: { ...FROM_V4, tlvs: { alpn: "h2", authority: "nginx.com" } },
  },
  {
    name: "empty fields, padding, a network namespace, and vendors' fields twice",
    bytes: binary({
      tlvs: Buffer.concat([
        tlv(0x01, ""),
        tlv(0x04, Buffer.alloc(40)),
        tlv(0x30, "blue"),
        tlv(0xea, "vpce-1"),
        tlv(0xea, "vpce-2"),
        tlv(0x04, ""),
      ]),
    }),
    header: { ...FROM_V4, tlvs: { alpn: "" } },
  },
  {
    name: "a unique id of 128 bytes that are no text",
    bytes: binary({ tlvs: tlv(0x05, Buffer.alloc(128, 0xff)) }),
    header: { ...FROM_V4, tlvs: { uniqueId: "\u00ff".repeat(128) } },
  },
  {
    name: "a TLS field that says that there was no TLS",
    bytes: binary({ tlvs: tlv(0x20, Buffer.from("0000000000", "hex")) }),
    header: { ...FROM_V4, tlvs: { ssl: false } },
  },
  {
    name: "the greatest length",
    bytes: binary({ tlvs: tlv(0x04, Buffer.alloc(PROXY_HEADER_BYTES_MAX - 16 - 12 - 3)) }),
    header: { ...FROM_V4, tlvs: {} },
  },
  {
    name: "UDP over IPv4: the connection's own addresses count",
    bytes: binary({ family: 0x12, tlvs: SIGNED }),
    header: { version: 2, ...NONE, tlvs: { alpn: "h2", authority: "nginx.com" } },
  },
  {
    name: "UDP over IPv6",
    bytes: binary({ family: 0x22, addresses: ADDRESSES_V6 }),
    header: { version: 2, ...NONE },
  },
  {
    name: "UNIX stream sockets",
    bytes: binary({ family: 0x31, addresses: Buffer.alloc(216, 0x2f) }),
    header: { version: 2, ...NONE },
  },
  {
    name: "UNIX datagram sockets",
    bytes: binary({ family: 0x32, addresses: Buffer.alloc(216, 0x2f) }),
    header: { version: 2, ...NONE },
  },
  {
    name: "unspecified family",
    bytes: binary({ family: 0x00, addresses: Buffer.alloc(0) }),
    header: { version: 2, ...NONE },
  },
  {
    name: "unspecified family with bytes of no known form",
    bytes: binary({ family: 0x00, addresses: Buffer.from("ffffff", "hex") }),
    header: { version: 2, ...NONE },
  },
  {
    name: "LOCAL without a block",
    bytes: binary({ versionAndCommand: 0x20, family: 0, addresses: Buffer.alloc(0) }),
    header: { version: 2, ...NONE, command: "local" },
  },
  {
    name: "LOCAL with addresses, which do not count",
    bytes: binary({ versionAndCommand: 0x20 }),
    header: { version: 2, ...NONE, command: "local" },
  },
  {
    name: "LOCAL with an unknown family, which is ignored",
    bytes: binary({ versionAndCommand: 0x20, family: 0xff }),
    header: { version: 2, ...NONE, command: "local" },
  },
];

const REFUSED: Readonly<Record<string, readonly [bytes: Buffer | string, detail: RegExp]>> = {
  "an HTTP request": ["GET / HTTP/1.1\r\n\r\n", /does not begin/],
  "a ClientHello": [Buffer.from("16030100050100000000", "hex"), /does not begin/],
  "an HTTP request that begins like a PROXY line": ["PROPFIND / HTTP/1.1\r\n", /does not begin/],
  "lower case": ["proxy TCP4 1.2.3.4 1.2.3.5 1 2\r\n", /does not begin/],
  "a tab behind PROXY": ["PROXY\tTCP4 1.2.3.4 1.2.3.5 1 2\r\n", /does not begin/],
  "a space in front": [" PROXY UNKNOWN\r\n", /does not begin/],
  "a signature with one wrong byte": [
    binary({ signature: Buffer.from("\r\n\r\n\0\r\nQUIT\r", "latin1") }),
    /does not begin/,
  ],
  "a line of no protocol": ["PROXY \r\n", /none of TCP4, TCP6 and UNKNOWN/],
  "a protocol in lower case": ["PROXY tcp4 1.2.3.4 1.2.3.5 1 2\r\n", /none of TCP4/],
  UDP4: ["PROXY UDP4 1.2.3.4 1.2.3.5 1 2\r\n", /none of TCP4/],
  "more letters behind UNKNOWN": ["PROXY UNKNOWNS\r\n", /none of TCP4/],
  "two spaces": ["PROXY  TCP4 1.2.3.4 1.2.3.5 1 2\r\n", /none of TCP4/],
  "two spaces further on": ["PROXY TCP4 1.2.3.4  1.2.3.5 1 2\r\n", /exactly two/],
  "a space at the end": ["PROXY TCP4 1.2.3.4 1.2.3.5 1 2 \r\n", /exactly two/],
  "a field too many": ["PROXY TCP4 1.2.3.4 1.2.3.5 1 2 3\r\n", /exactly two/],
  "a field too few": ["PROXY TCP4 1.2.3.4 1.2.3.5 1\r\n", /exactly two/],
  "TCP4 alone": ["PROXY TCP4\r\n", /exactly two/],
  "a port with a leading zero": ["PROXY TCP4 1.2.3.4 1.2.3.5 01 2\r\n", /address or port/],
  "a port of two zeros": ["PROXY TCP4 1.2.3.4 1.2.3.5 1 00\r\n", /address or port/],
  "a port with a sign": ["PROXY TCP4 1.2.3.4 1.2.3.5 +1 2\r\n", /address or port/],
  "a port in hexadecimal": ["PROXY TCP4 1.2.3.4 1.2.3.5 0x1 2\r\n", /address or port/],
  "a port of 65536": ["PROXY TCP4 1.2.3.4 1.2.3.5 1 65536\r\n", /address or port/],
  "an empty port": ["PROXY TCP4 1.2.3.4 1.2.3.5  2\r\n", /address or port/],
  "an octet of 256": ["PROXY TCP4 1.2.3.256 1.2.3.5 1 2\r\n", /address or port/],
  "an octet with a leading zero": ["PROXY TCP4 1.2.3.04 1.2.3.5 1 2\r\n", /address or port/],
  "three octets": ["PROXY TCP4 1.2.3 1.2.3.5 1 2\r\n", /address or port/],
  "a name": ["PROXY TCP4 localhost 1.2.3.5 1 2\r\n", /address or port/],
  "IPv6 in TCP4": ["PROXY TCP4 ::1 ::1 1 2\r\n", /address or port/],
  "v4-mapped in TCP4": ["PROXY TCP4 ::ffff:1.2.3.4 ::ffff:1.2.3.4 1 2\r\n", /address or port/],
  "IPv4 in TCP6": ["PROXY TCP6 1.2.3.4 1.2.3.5 1 2\r\n", /address or port/],
  "one IPv4 in TCP6": ["PROXY TCP6 ::1 1.2.3.5 1 2\r\n", /address or port/],
  "two double colons": ["PROXY TCP6 1::2::3 ::1 1 2\r\n", /address or port/],
  "seven groups": ["PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n", /address or port/],
  "nine groups": ["PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n", /address or port/],
  "five digits in a group": ["PROXY TCP6 00001::1 ::1 1 2\r\n", /address or port/],
  "an IPv6 zone": ["PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n", /address or port/],
  brackets: ["PROXY TCP6 [::1] [::1] 1 2\r\n", /address or port/],
  "LF alone": ["PROXY TCP4 1.2.3.4 1.2.3.5 1 2\n", /not part of a CRLF/],
  "CR alone": ["PROXY TCP4 1.2.3.4 1.2.3.5 1 2\rX", /not part of a CRLF/],
  "LF inside UNKNOWN": ["PROXY UNKNOWN a\nb\r\n", /not part of a CRLF/],
  "CR inside UNKNOWN": ["PROXY UNKNOWN a\rb\r\n", /not part of a CRLF/],
  "CR CR LF": ["PROXY UNKNOWN\r\r\n", /not part of a CRLF/],
  "a line of 108 bytes": [`PROXY UNKNOWN ${"x".repeat(92)}\r\n`, /no CRLF within 107/],
  "a line without end": [`PROXY UNKNOWN ${"x".repeat(500)}`, /no CRLF within 107/],
  "version 1 in the binary form": [binary({ versionAndCommand: 0x11 }), /not of version 2/],
  "version 3": [binary({ versionAndCommand: 0x31 }), /not of version 2/],
  "version 10, whose top bit is set": [binary({ versionAndCommand: 0xa1 }), /not of version 2/],
  "command 2": [binary({ versionAndCommand: 0x22 }), /neither LOCAL nor PROXY/],
  "command 15": [binary({ versionAndCommand: 0x2f }), /neither LOCAL nor PROXY/],
  "family 4": [binary({ family: 0x41 }), /unknown family/],
  "transport 3": [binary({ family: 0x13 }), /unknown family/],
  "an unspecified family with a transport": [binary({ family: 0x01 }), /unknown family/],
  "a family with an unspecified transport": [binary({ family: 0x10 }), /unknown family/],
  "11 bytes for IPv4": [binary({ addresses: ADDRESSES_V4.subarray(1) }), /shorter than its addr/],
  "35 bytes for IPv6": [
    binary({ family: 0x21, addresses: ADDRESSES_V6.subarray(1) }),
    /shorter than its addresses/,
  ],
  "IPv4 addresses for IPv6": [binary({ family: 0x21 }), /shorter than its addresses/],
  "215 bytes for UNIX": [
    binary({ family: 0x31, addresses: Buffer.alloc(215) }),
    /shorter than its addresses/,
  ],
  "a length of 0": [binary({ length: 0 }), /shorter than its addresses/],
  "a byte over the greatest length": [
    binary({ length: PROXY_HEADER_BYTES_MAX - 15 }),
    /more than 4096 bytes/,
  ],
  "the greatest length that can be written": [binary({ length: 0xffff }), /more than 4096 bytes/],
  "LOCAL that is too long": [
    binary({ versionAndCommand: 0x20, length: 0xffff }),
    /more than 4096 bytes/,
  ],
  "one byte behind the addresses": [binary({ tlvs: Buffer.alloc(1) }), /longer than the header/],
  "two bytes behind the addresses": [binary({ tlvs: Buffer.alloc(2) }), /longer than the header/],
  "a field longer than the header": [binary({ tlvs: tlv(0x04, "ab", 3) }), /longer than the hea/],
  "a field shorter than it": [binary({ tlvs: tlv(0x04, "ab", 1) }), /longer than the header/],
  "fields of UDP that do not agree": [
    binary({ family: 0x12, tlvs: tlv(0x04, "ab", 3) }),
    /longer than the header/,
  ],
  "two authorities": [
    binary({ tlvs: Buffer.concat([tlv(0x02, "a"), tlv(0x04, ""), tlv(0x02, "b")]) }),
    /field 2 of the PROXY header appears twice/,
  ],
  "two checksums": [
    summed({ tlvs: tlv(0x03, Buffer.alloc(4)) }),
    /wrong|field 3 of the PROXY header appears twice/,
  ],
  "a unique id of 129 bytes": [binary({ tlvs: tlv(0x05, Buffer.alloc(129)) }), /unique id/],
  "a checksum of 3 bytes": [binary({ tlvs: tlv(0x03, "abc") }), /not of 4 bytes/],
  "a checksum of 5 bytes": [binary({ tlvs: tlv(0x03, "abcde") }), /not of 4 bytes/],
  "a checksum of zeros": [binary({ tlvs: tlv(0x03, Buffer.alloc(4)) }), /checksum.*wrong/],
  "a TLS field of 4 bytes": [binary({ tlvs: tlv(0x20, Buffer.alloc(4)) }), /shorter than 5/],
  "a TLS field with half a field inside": [
    binary({ tlvs: tlv(0x20, Buffer.from("01000000002100", "hex")) }),
    /inside the TLS field/,
  ],
  "a TLS field with a field that is too long": [
    binary({ tlvs: tlv(0x20, Buffer.from("0100000000210002aa", "hex")) }),
    /inside the TLS field/,
  ],
};

const STREAM = Buffer.from("\r\nPROXY the stream");

/** Feeds pieces through one buffer that is overwritten after each push, as a socket's may be. */
function feed(pieces: readonly Buffer[]): { result: ProxyHeaderResult; streamAt: number } {
  const reader = new ProxyHeaderReader();
  let result: ProxyHeaderResult = { kind: "incomplete" };
  let fed = 0;
  for (const piece of pieces) {
    const shared = Buffer.from(piece);
    result = reader.push(shared);
    shared.fill(0xee);
    if (result.kind === "header") return { result, streamAt: fed + result.streamStart };
    fed += piece.length;
  }
  return { result, streamAt: -1 };
}

function inPieces(bytes: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return pieces;
}

function assertHeader(pieces: readonly Buffer[], { bytes, header }: Vector): void {
  const { result, streamAt } = feed(pieces);
  assert.equal(result.kind, "header", JSON.stringify(result));
  if (result.kind !== "header") return;
  assert.deepEqual(result.header, header);
  assert.equal(result.headerBytes, bytes.length);
  assert.equal(streamAt, bytes.length);
}

describe("ProxyHeaderReader reads", () => {
  for (const vector of ACCEPTED) {
    const { name, bytes } = vector;
    test(`${name}, whole, with and without the stream behind it`, () => {
      assertHeader([bytes], vector);
      assertHeader([Buffer.concat([bytes, STREAM])], vector);
    });
    test(`${name} in any cutting`, () => {
      const wire = Buffer.concat([bytes, STREAM]);
      for (const size of [1, 2, 3, 7, 16, 107]) assertHeader(inPieces(wire, size), vector);
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        assertHeader([wire.subarray(0, cut), Buffer.alloc(0), wire.subarray(cut)], vector);
      }
    });
    test(`${name}: incomplete for every proper prefix`, () => {
      for (let end = 0; end < bytes.length; end += 1) {
        const { result } = feed([bytes.subarray(0, end)]);
        assert.deepEqual(result, { kind: "incomplete" }, `${end} bytes`);
      }
    });
  }
});

describe("ProxyHeaderReader refuses", () => {
  for (const [name, [input, detail]] of Object.entries(REFUSED)) {
    const bytes = Buffer.from(input as string, "latin1");
    test(name, () => {
      const reason = detail.source === "does not begin" ? "missing" : "malformed";
      // The stream behind a header that is cut short would complete it.
      for (const pieces of [[bytes], inPieces(bytes, 1), inPieces(bytes, 5)]) {
        const { result } = feed([...pieces, Buffer.alloc(8)]);
        assert.equal(result.kind, "refused", JSON.stringify(result));
        if (result.kind !== "refused") return;
        assert.equal(result.reason, reason);
        assert.match(result.detail, detail);
      }
    });
  }

  test("any other first byte at once", () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const { kind } = new ProxyHeaderReader().push(Uint8Array.of(byte));
      assert.equal(kind, byte === 0x50 || byte === 0x0d ? "incomplete" : "refused");
    }
  });

  test("every single changed bit of a header with a checksum", () => {
    const bytes = summed({ tlvs: SIGNED });
    // With another type it is no checksum any more.
    const checksumType = bytes.length - 7;
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      if (bit >> 3 === checksumType) continue;
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { result } = feed([changed]);
      // LOCAL for PROXY is the one change that is taken: its block is discarded unseen, and says nothing.
      if (bit === 12 * 8) assert.equal(result.kind === "header" && result.header.command, "local");
      else assert.notEqual(result.kind, "header", `bit ${bit}`);
    }
  });
});

test("ProxyHeaderReader keeps its first final result", () => {
  const accepted = new ProxyHeaderReader();
  const header = accepted.push(binary());
  assert.equal(header.kind, "header");
  assert.equal(accepted.push(Buffer.from("GET")), header);
  const refused = new ProxyHeaderReader();
  const refusal = refused.push(Buffer.from("GET"));
  assert.equal(refusal.kind, "refused");
  assert.equal(refused.push(binary()), refusal);
});
