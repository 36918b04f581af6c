import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { isMapped, maskCidr, parseIpAddress, showCidr } from "../../src/core/ip-address.ts";
import { parseCidr } from "../../src/core/ip.ts";

test("parseIpAddress() agrees with the platform on what an address is", () => {
  const texts = [
    "0.0.0.0",
    "255.255.255.255",
    "256.0.0.1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.4.",
    "01.2.3.4",
    "1.2.3.0x4",
    "2130706433",
    "::",
    "::1",
    "1::",
    ":",
    ":::",
    "1:2:3:4:5:6:7:8",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "g::",
    "::ffff:1.2.3.4",
    "::1.2.3",
    "[::1]",
    "::1]",
    "1.2.3.4:80",
    "",
    "example.com",
  ];
  for (const text of texts) assert.equal(parseIpAddress(text)?.family ?? 0, isIP(text), text);
});

test("parseIpAddress() writes an IPv6 address as RFC 5952 does and refuses a zone", () => {
  assert.equal(parseIpAddress("2001:DB8:0:0::0:1")?.host, "2001:db8::1");
  assert.equal(parseIpAddress("::ffff:10.0.0.1")?.host, "::ffff:a00:1");
  assert.equal(parseIpAddress("fe80::1%eth0"), undefined);
});

test("parseIpAddress() writes an IPv6 address as the platform does", () => {
  const groups = ["0", "0", "0", "1", "ffff", "A0"];
  let seed = 7;
  const next = () => (seed = (seed * 48_271) % 2_147_483_647);
  for (let round = 0; round < 2000; round += 1) {
    const text = Array.from({ length: 8 }, () => groups[next() % groups.length]).join(":");
    const expected = new URL(`http://[${text}]/`).hostname.slice(1, -1);
    assert.equal(parseIpAddress(text)?.host, expected, text);
  }
});

test("isMapped() knows an IPv4 address inside IPv6 from what looks like one", () => {
  const rows: [string, boolean][] = [
    ["::ffff:10.0.0.1", true],
    ["::ffff:0:0", true],
    ["::ffff:0:0:0", false],
    ["::10.0.0.1", false],
    ["10.0.0.1", false],
  ];
  for (const [text, expected] of rows) {
    const address = parseIpAddress(text);
    assert.ok(address);
    assert.equal(isMapped(address), expected, text);
  }
});

test("showCidr() writes networks in one spelling and maskCidr() takes the bits beyond the prefix", () => {
  const rows: [string, string, string][] = [
    ["10.1.2.3/8", "10.1.2.3/8", "10.0.0.0/8"],
    ["10.0.0.1", "10.0.0.1/32", "10.0.0.1/32"],
    ["10.0.0.129/25", "10.0.0.129/25", "10.0.0.128/25"],
    ["255.255.255.255/0", "255.255.255.255/0", "0.0.0.0/0"],
    ["2001:DB8::1/32", "2001:db8::1/32", "2001:db8::/32"],
    ["2001:db8:ffff::/33", "2001:db8:ffff::/33", "2001:db8:8000::/33"],
    ["::1", "::1/128", "::1/128"],
    ["::1/0", "::1/0", "::/0"],
  ];
  for (const [text, shown, masked] of rows) {
    const cidr = parseCidr(text);
    assert.ok(cidr);
    assert.equal(showCidr(cidr), shown);
    assert.equal(showCidr(maskCidr(cidr)), masked);
    assert.deepEqual(parseCidr(masked), maskCidr(cidr));
  }
});
