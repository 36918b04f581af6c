import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import { ByteReader } from "../../../src/core/bytes.ts";
import { readServerName } from "../../../src/core/tls/server-name.ts";
import { seededRandom } from "./seeded-random.ts";

const read = (name: string): ReturnType<typeof readServerName> =>
  readServerName(new ByteReader(Buffer.from(name, "latin1")));

test("readServerName() folds case and drops one trailing dot", () => {
  const names = {
    "nginx.com": "nginx.com",
    "NGINX.Com": "nginx.com",
    "nginx.com.": "nginx.com",
    localhost: "localhost",
    a: "a",
    "_acme-challenge.x_y.example": "_acme-challenge.x_y.example",
    "-a-.example": "-a-.example",
    "xn--nxasmq6b.example": "xn--nxasmq6b.example",
    "azAZ09-_.z": "azaz09-_.z",
  };
  for (const [name, value] of Object.entries(names)) {
    assert.deepEqual(read(name), { ok: true, value }, name);
  }
});

test("readServerName() takes names and labels up to their bounds and not beyond", () => {
  const longest = `${"a.".repeat(126)}a`;
  assert.equal(longest.length, 253);
  assert.deepEqual(read(longest), { ok: true, value: longest });
  assert.deepEqual(read(`${longest}.`), { ok: true, value: longest });
  assert.equal(read(`${longest}a`).ok, false);
  assert.equal(read(`${longest}a.`).ok, false);
  assert.deepEqual(read("a".repeat(63)), { ok: true, value: "a".repeat(63) });
  assert.equal(read("a".repeat(64)).ok, false);
  assert.equal(read(`b.${"a".repeat(64)}`).ok, false);
});

test("readServerName() refuses every byte but letters, digits, hyphen, underscore and dot", () => {
  for (let byte = 0; byte < 256; byte += 1) {
    const character = String.fromCharCode(byte);
    const isAllowed = /^[a-zA-Z0-9_.-]$/.test(character);
    assert.equal(read(`a${character}b`).ok, isAllowed, `byte ${byte}`);
  }
});

test("readServerName() refuses empty labels", () => {
  for (const name of ["", ".", "..", ".a", "a..b", "a.."]) {
    assert.deepEqual(read(name), { ok: false, error: "the server name has an empty label" }, name);
  }
});

test("readServerName() says what is wrong without the bytes themselves", () => {
  assert.deepEqual(read("a\0b"), { ok: false, error: "the server name contains a NUL" });
  assert.deepEqual(read("a\nb"), {
    ok: false,
    error: "the server name contains the illegal byte 0x0a",
  });
});

test("readServerName() takes an IP address for no name", () => {
  const addresses = ["127.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1.", "::", "::1", "1::"];
  const more = ["2001:DB8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1:2:3:4:5:6:192.0.2.1"];
  for (const address of [...addresses, ...more]) {
    assert.deepEqual(read(address), { ok: true, value: undefined }, address);
  }
});

test("readServerName() takes what only looks like an IPv4 address for a name", () => {
  for (const name of ["1.2.3", "1.2.3.256", "01.2.3.4", "1.2.3.4.5", "1.2.3.-4", "1e1.2.3.4"]) {
    assert.deepEqual(read(name), { ok: true, value: name }, name);
  }
});

test("readServerName() refuses what only looks like an IPv6 address", () => {
  const wrong = [":", ":::", "1:2", "1::2::3", "12345::", "g::1", "1:2:3:4:5:6:7:8:9", "::1.2.3"];
  const more = ["1:2:3:4:5:6:7::8", "::1.2.3.4:5", "1.2.3.4::", "::1.", "fe80::1%eth0", "1:::2"];
  for (const name of [...wrong, ...more]) assert.equal(read(name).ok, false, name);
});

test("readServerName() agrees with Node about what is an IP address", () => {
  const random = seededRandom(6);
  const pieces = [":", "::", ".", "0", "1", "255", "256", "ffff", "A", "g", "1.2.3.4", "00"];
  let found = 0;
  for (let i = 0; i < 50_000; i += 1) {
    let name = "";
    for (let n = 1 + random(14); n > 0; n -= 1) name += pieces[random(pieces.length)];
    const result = read(name);
    const isAddress = result.ok && result.value === undefined;
    assert.equal(isAddress, isIP(name.replace(/^([\d.]+)\.$/, "$1")) !== 0, name);
    if (isAddress) found += 1;
  }
  assert.ok(found > 500, `only ${found} addresses were made`);
});
