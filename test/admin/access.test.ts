import assert from "node:assert/strict";
import { test } from "node:test";
import { readSigns, refusalOf, type RequestSigns } from "../../src/admin/access.ts";
import type { AdminAddress } from "../../src/core/model.ts";

const LOOPBACK: AdminAddress = { kind: "tcp", host: "127.0.0.1", port: 9901 };
const LAN: AdminAddress = { kind: "tcp", host: "10.0.0.5", port: 9901 };
const LAN6: AdminAddress = { kind: "tcp", host: "fd00::5", port: 9901 };
const EVERY: AdminAddress = { kind: "tcp", host: "::", port: 9901 };
const UNIX: AdminAddress = { kind: "unix", path: "/run/x" };

function passes(address: AdminAddress, signs: Partial<RequestSigns>): boolean {
  const whole = { hosts: [], origins: [], fetchSites: [], localAddress: undefined, ...signs };
  return refusalOf(whole, address) === undefined;
}

const HOSTS: readonly [host: string, address: AdminAddress, passes: boolean][] = [
  ["localhost", LOOPBACK, true],
  ["LocalHost:1234", LOOPBACK, true],
  ["127.0.0.1:9901", LOOPBACK, true],
  ["127.8.9.1", LOOPBACK, true],
  ["[::1]:9901", LOOPBACK, true],
  ["localhost", UNIX, true],
  ["10.0.0.5:9901", LAN, true],
  ["10.0.0.5", LAN, true],
  ["localhost:9901", LAN, true],
  ["[fd00::5]:80", LAN6, true],
  ["10.0.0.5:9901", LOOPBACK, false],
  ["10.0.0.5", UNIX, false],
  ["10.0.0.6:9901", LAN, false],
  ["evil.example", LOOPBACK, false],
  ["evil.example:9901", LAN, false],
  ["localhost.evil.example", LOOPBACK, false],
  ["127.0.0.1.evil.example", LOOPBACK, false],
  ["evil.localhost", LOOPBACK, false],
  ["127.1", LOOPBACK, false],
  ["2130706433", LOOPBACK, false],
  ["0x7f.0.0.1", LOOPBACK, false],
  ["localhost@evil.example", LOOPBACK, false],
  ["localhost:80:80", LOOPBACK, false],
  ["localhost:", LOOPBACK, false],
  ["localhost,evil.example", LOOPBACK, false],
  ["localhost evil", LOOPBACK, false],
  ["0.0.0.0", LOOPBACK, false],
  ["[::ffff:127.0.0.1]", LOOPBACK, false],
  ["", LOOPBACK, false],
];
for (const [host, address, expected] of HOSTS) {
  const where = address.kind === "tcp" ? address.host : address.kind;
  test(`refusalOf() ${expected ? "lets pass" : "refuses"} Host "${host}" at ${where}`, () => {
    assert.equal(passes(address, { hosts: [host] }), expected);
  });
}

function at(host: string, localAddress: string): boolean {
  return passes(EVERY, { hosts: [host], localAddress });
}

test("refusalOf() on every address takes the address that was connected to, and no name", () => {
  assert.equal(at("10.0.0.5:9901", "10.0.0.5"), true);
  assert.equal(at("10.0.0.5:9901", "::ffff:10.0.0.5"), true);
  assert.equal(at("[fd00::5]:9901", "fd00::5"), true);
  assert.equal(at("10.0.0.6:9901", "10.0.0.5"), false);
  assert.equal(at("evil.example", "10.0.0.5"), false);
});

test("refusalOf() refuses a request without a Host and one with two", () => {
  assert.equal(passes(LOOPBACK, { hosts: [] }), false);
  assert.equal(passes(LOOPBACK, { hosts: ["localhost", "localhost"] }), false);
});

const ORIGINS: readonly [origin: string, passes: boolean][] = [
  ["http://localhost:9901", true],
  ["HTTP://LOCALHOST:9901", true],
  ["http://localhost", false],
  ["http://localhost:3000", false],
  ["http://127.0.0.1:9901", false],
  ["https://localhost:9901", false],
  ["http://evil.example", false],
  ["null", false],
  ["", false],
];
for (const [origin, expected] of ORIGINS) {
  test(`refusalOf() ${expected ? "lets pass" : "refuses"} Origin "${origin}" at localhost:9901`, () => {
    assert.equal(passes(LOOPBACK, { hosts: ["localhost:9901"], origins: [origin] }), expected);
  });
}

test("refusalOf() takes the Origin of a forwarded port as its own", () => {
  const signs = { hosts: ["localhost:8000"], origins: ["http://localhost:8000"] };
  assert.equal(passes(LOOPBACK, signs), true);
});

test("refusalOf() refuses when one of two Origins is another", () => {
  const origins = ["http://localhost", "http://evil.example"];
  assert.equal(passes(LOOPBACK, { hosts: ["localhost"], origins }), false);
});

const SITES: readonly [site: string, passes: boolean][] = [
  ["none", true],
  ["same-origin", true],
  ["same-site", false],
  ["cross-site", false],
  ["", false],
];
for (const [site, expected] of SITES) {
  test(`refusalOf() ${expected ? "lets pass" : "refuses"} Sec-Fetch-Site "${site}"`, () => {
    assert.equal(passes(LOOPBACK, { hosts: ["localhost"], fetchSites: [site] }), expected);
  });
}

test("readSigns() finds every value of the three headers, whatever their case", () => {
  const raw = ["host", "a", "HOST", "b", "Origin", "c", "X-Host", "host", "sec-fetch-SITE", "d"];
  assert.deepEqual(readSigns(raw, "10.0.0.1"), {
    hosts: ["a", "b"],
    origins: ["c"],
    fetchSites: ["d"],
    localAddress: "10.0.0.1",
  });
});
