import assert from "node:assert/strict";
import { test } from "node:test";
import { isIP } from "node:net";
import { parseHosts } from "../../src/discovery/hosts-file.ts";
import { parseIpAddress } from "../../src/discovery/ip-address.ts";
import { parseResolvConf, searchCandidates } from "../../src/discovery/resolv-conf.ts";

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

test("parseHosts() collects the addresses of a name over lines, in order, each once", () => {
  const table = parseHosts("10.0.0.2 a A b.\n#10.0.0.9 a\r\n10.0.0.1\ta#b\n10.0.0.2 a\n\n::1\n");
  assert.deepEqual(Object.fromEntries(table), { a: ["10.0.0.2", "10.0.0.1"], b: ["10.0.0.2"] });
});

test("parseResolvConf() has glibc's defaults for an empty file", () => {
  assert.deepEqual(parseResolvConf(""), {
    servers: ["127.0.0.1"],
    search: [],
    ndots: 1,
    timeoutMs: undefined,
    attempts: undefined,
  });
});

test("parseResolvConf() takes three servers, the last search list and capped options", () => {
  const conf = parseResolvConf(`; comment
# nameserver 10.0.0.9
nameserver 10.0.0.1
nameserver ::1
\tnameserver 10.0.0.3
nameserver 10.0.0.4
search one.test
domain two.test
search Three.test. . four.test
options ndots:99 timeout:0
options attempts:77 rotate edns0 ndots:x
`);
  assert.deepEqual(conf, {
    servers: ["10.0.0.1", "::1", "10.0.0.3"],
    search: ["Three.test", "four.test"],
    ndots: 1,
    timeoutMs: 1000,
    attempts: 5,
  });
});

test("searchCandidates() puts the name itself last, first or alone", () => {
  const conf = { ...parseResolvConf("search a b"), ndots: 2 };
  const names = (name: string) => searchCandidates(name, conf).map((each) => each.name);
  assert.deepEqual(names("x"), ["x.a", "x.b", "x"]);
  assert.deepEqual(names("x.y.z"), ["x.y.z", "x.y.z.a", "x.y.z.b"]);
  assert.deepEqual(names("x."), ["x"]);
});
