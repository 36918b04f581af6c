import assert from "node:assert/strict";
import { test } from "node:test";
import {
  covers,
  parseAdminAddress,
  parseDnsServer,
  parseListen,
  parsePeer,
  reaches,
} from "../../src/config/address.ts";
import { parseHost, parseHostPattern } from "../../src/config/host-name.ts";
import { buildHostSet, contains, overlaps } from "../../src/config/host-overlap.ts";
import { nearest } from "../../src/config/nearest.ts";
import { parseNetwork } from "../../src/config/network.ts";
import { parseDuration, parseSize } from "../../src/config/units.ts";
import type { Result } from "../../src/core/result.ts";

/** The value, or undefined for an error. */
function value<T>(result: Result<T, string>): T | undefined {
  return result.ok ? result.value : undefined;
}

test("parseDuration() reads a number with a unit and nothing else", () => {
  const rows: [string, number | undefined][] = [
    ["250ms", 250],
    ["5s", 5000],
    ["10m", 600_000],
    ["1h", 3_600_000],
    ["0s", 0],
    ["5", undefined],
    ["5 s", undefined],
    ["1.5s", undefined],
    ["-1s", undefined],
    ["1h30m", undefined],
    ["5S", undefined],
    ["s", undefined],
    ["", undefined],
    ["1constructor", undefined],
    ["9".repeat(13).concat("ms"), undefined],
  ];
  for (const [text, expected] of rows) assert.equal(value(parseDuration(text)), expected, text);
});

test("parseSize() reads binary units", () => {
  const rows: [string, number | undefined][] = [
    ["512B", 512],
    ["64KiB", 65_536],
    ["1MiB", 1_048_576],
    ["64KB", undefined],
    ["64k", undefined],
    ["64", undefined],
    ["3GiB", 3 * 2 ** 30],
    ["1024TiB", 2 ** 50],
    ["1PiB", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(value(parseSize(text)), expected, text);
});

test("parseNetwork() writes networks in one spelling and refuses bits beyond the prefix", () => {
  const rows: [string, string | undefined][] = [
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.0.0.1", "10.0.0.1/32"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["2001:DB8::/32", "2001:db8::/32"],
    ["::1", "::1/128"],
    ["10.0.0.1/8", undefined],
    ["10.0.0.0/33", undefined],
    ["10.0.0.0/", undefined],
    ["10.0.0/8", undefined],
    ["2001:db8::1/32", undefined],
    ["[::1]", undefined],
    ["::1/129", undefined],
    ["::ffff:10.0.0.1", undefined],
    ["::ffff:10.0.0.0/104", undefined],
    ["fe80::1%eth0", undefined],
    ["localhost", undefined],
    [" 10.0.0.1", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(value(parseNetwork(text)), expected, text);
});

test("parseHostPattern() folds what it takes and refuses the rest", () => {
  const rows: [string, string | undefined][] = [
    ["Example.COM", "example.com"],
    ["example.com.", "example.com"],
    ["*.Example.com", "*.example.com"],
    ["*", "*"],
    ["_dmarc.a-b.com", "_dmarc.a-b.com"],
    ["localhost", "localhost"],
    ["10.0.0.1", "10.0.0.1"],
    ["[2001:DB8:0::1]", "[2001:db8::1]"],
    ["::1", "[::1]"],
    [`${"a".repeat(63)}.com`, `${"a".repeat(63)}.com`],
    [`${"a".repeat(64)}.com`, undefined],
    [`${"a.".repeat(127)}com`, undefined],
    ["", undefined],
    [".", undefined],
    ["a..b", undefined],
    [".a", undefined],
    ["*a.com", undefined],
    ["a.*.com", undefined],
    ["**.com", undefined],
    ["*.", undefined],
    ["*.10.0.0.1", undefined],
    ["10.0.0.256", undefined],
    ["010.0.0.1", undefined],
    ["[10.0.0.1]", undefined],
    ["[::1", undefined],
    ["a.com:80", undefined],
    ["[::1]:80", undefined],
    ["http://a.com", undefined],
    ["a.com/x", undefined],
    ["a b", undefined],
    ["a\u0000b", undefined],
    ["bücher.de", undefined],
    ["ａ.com", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(value(parseHostPattern(text)), expected, text);
  assert.equal(value(parseHost("*.a.com")), undefined);
});

test("parseListen() reads every address, one of v4, one of v6, in one spelling", () => {
  const rows: [string, string | undefined][] = [
    [":80", ":80"],
    ["127.0.0.1:80", "127.0.0.1:80"],
    ["0.0.0.0:080", "0.0.0.0:80"],
    ["[::1]:80", "[::1]:80"],
    ["[0:0:0:0:0:0:0:1]:80", "[::1]:80"],
    ["[::]:65535", "[::]:65535"],
    ["80", undefined],
    [":0", undefined],
    [":65536", undefined],
    ["::1:80", undefined],
    ["[127.0.0.1]:80", undefined],
    ["[::ffff:127.0.0.1]:80", undefined],
    ["[fe80::1%eth0]:80", undefined],
    ["localhost:80", undefined],
    ["*:80", undefined],
    [" :80", undefined],
    [":80 ", undefined],
    [":-1", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of rows) assert.equal(value(parseListen(text))?.id, expected, text);
  assert.deepEqual(value(parseListen(":80"))?.address, { host: undefined, port: 80 });
  assert.deepEqual(value(parseListen("[::1]:80"))?.address, { host: "::1", port: 80 });
});

test("parsePeer() tells addresses from names", () => {
  assert.deepEqual(value(parsePeer("10.0.0.1:80")), {
    kind: "address",
    host: "10.0.0.1",
    port: 80,
  });
  assert.deepEqual(value(parsePeer("[::1]:80")), { kind: "address", host: "::1", port: 80 });
  assert.deepEqual(value(parsePeer("A.b:1")), { kind: "name", host: "a.b", port: 1 });
  assert.deepEqual(value(parsePeer("A.b.:1")), { kind: "name", host: "a.b.", port: 1 });
  assert.deepEqual(value(parsePeer("unix:/x:1")), { kind: "unix", host: "/x:1", port: 0 });
  assert.ok(parsePeer(`unix:/${"x".repeat(106)}`).ok);
  for (const text of [
    "10.0.0.1",
    "a:b:1",
    "unix:x",
    "unix:@x",
    "unix:/a\u0000",
    `unix:/${"x".repeat(107)}`,
    `unix:/${"é".repeat(54)}`,
    ":80",
    "*.a:80",
    "10.0.0:80",
    "[::ffff:1.2.3.4]:1",
  ]) {
    assert.equal(value(parsePeer(text)), undefined, text);
  }
});

test("parseDnsServer() takes an address with or without port, and no name", () => {
  assert.equal(value(parseDnsServer("127.0.0.1")), "127.0.0.1:53");
  assert.equal(value(parseDnsServer("[::1]:54")), "[::1]:54");
  assert.equal(value(parseDnsServer("::1")), "[::1]:53");
  for (const text of ["resolver", "resolver:53", ":53", ""]) {
    assert.equal(value(parseDnsServer(text)), undefined, text);
  }
});

test("parseAdminAddress() takes an address, a socket path or off", () => {
  assert.deepEqual(value(parseAdminAddress("off")), { kind: "off" });
  assert.deepEqual(value(parseAdminAddress(":99")), { kind: "tcp", host: "::", port: 99 });
  assert.deepEqual(value(parseAdminAddress("unix:/x")), { kind: "unix", path: "/x" });
  for (const text of ["on", "unix:x", `unix:/${"x".repeat(107)}`, "unix:/a\u0000", "localhost:1"]) {
    assert.equal(value(parseAdminAddress(text)), undefined, text);
  }
});

test("covers() is symmetric and knows the addresses that stand for all", () => {
  const rows: [string | undefined, string | undefined, boolean][] = [
    [undefined, "127.0.0.1", true],
    [undefined, "::1", true],
    [undefined, "0.0.0.0", true],
    [undefined, undefined, true],
    ["::", "127.0.0.1", true],
    ["::", "0.0.0.0", true],
    ["::", undefined, true],
    ["0.0.0.0", "127.0.0.1", true],
    ["0.0.0.0", "::1", false],
    ["127.0.0.1", "127.0.0.2", false],
    ["127.0.0.1", "::1", false],
  ];
  for (const [a, b, expected] of rows) {
    const [one, other] = [
      { host: a, port: 80 },
      { host: b, port: 80 },
    ];
    assert.equal(covers(one, other), expected, `${a} ${b}`);
    assert.equal(covers(other, one), expected, `${b} ${a}`);
    assert.equal(covers(one, { ...other, port: 81 }), false);
  }
});

test("reaches() sees a loop to this host and no other", () => {
  const rows: [string, string | undefined, boolean][] = [
    ["127.0.0.1", undefined, true],
    ["127.0.0.9", "0.0.0.0", true],
    ["::1", undefined, true],
    ["::1", "0.0.0.0", false],
    ["0.0.0.0", "127.0.0.1", true],
    ["0.0.0.0", undefined, true],
    ["::", "::1", true],
    ["::", "127.0.0.1", false],
    ["localhost", "127.0.0.1", true],
    ["localhost", "::1", true],
    ["localhost", "10.0.0.1", false],
    ["10.0.0.1", "10.0.0.1", true],
    ["10.0.0.1", undefined, false],
    ["example.com", undefined, false],
  ];
  for (const [host, listener, expected] of rows) {
    const peer = { kind: "address", host, port: 80 } as const;
    assert.equal(reaches(peer, { host: listener, port: 80 }), expected, `${host} ${listener}`);
    assert.equal(reaches(peer, { host: listener, port: 81 }), false);
  }
});

test("overlaps() and contains() agree with what patterns take", () => {
  const rows: [string[], string, boolean, boolean][] = [
    [["a.com"], "a.com", true, true],
    [["a.com"], "b.com", false, false],
    [["*.a.com"], "x.a.com", true, true],
    [["*.a.com"], "x.y.a.com", true, true],
    [["*.a.com"], "a.com", false, false],
    [["*.a.com"], "*.a.com", true, true],
    [["*.a.com"], "*.x.a.com", true, true],
    [["*.x.a.com"], "*.a.com", true, false],
    [["x.a.com"], "*.a.com", true, false],
    [["xa.com"], "*.a.com", false, false],
    [["*"], "a.com", true, true],
    [["*"], "*", true, true],
    [["a.com"], "*", true, false],
    [["[::1]"], "[::1]", true, true],
    [[], "*", false, false],
  ];
  for (const [set, pattern, overlap, inside] of rows) {
    const hosts = buildHostSet(set);
    assert.equal(overlaps(hosts, pattern), overlap, `${set.join()} ${pattern}`);
    assert.equal(contains(hosts, pattern), inside, `${set.join()} ${pattern}`);
  }
});

test("nearest() finds slips of the fingers and nothing further off", () => {
  const words = ["hosts", "listen", "header_bytes", "name"];
  assert.equal(nearest("host", words), "hosts");
  assert.equal(nearest("lisetn", words), "listen");
  assert.equal(nearest("header_byte", words), "header_bytes");
  assert.equal(nearest("Name", words), "name");
  assert.equal(nearest("same", words), "name");
  assert.equal(nearest("selector", words), undefined);
  assert.equal(nearest("xy", words), undefined);
  assert.equal(nearest("x".repeat(1_000_000), words), undefined);
});
