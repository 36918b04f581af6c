import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHosts } from "../../src/discovery/hosts-file.ts";
import { parseResolvConf, searchCandidates } from "../../src/discovery/resolv-conf.ts";

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
