import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  hashConnection,
  hashPolicyOf,
  hashRequest,
  hashValue,
} from "../../../src/core/balance/request-hash.ts";
import { type RequestHead, parseRequestHead } from "../../../src/core/http1/request-head.ts";
import type { BalancerKind, HashPolicy, Service } from "../../../src/core/service.ts";
import { PLAIN_SERVICE } from "../../fixtures/service.ts";

function headOf(path: string, fields: readonly string[] = []): RequestHead {
  const lines = [`GET ${path} HTTP/1.1`, "Host: a.test", ...fields, "", ""].join("\r\n");
  const parsed = parseRequestHead(lines, 100);
  assert.ok(parsed.ok);
  return parsed.value;
}

const CLIENT = "192.0.2.1";
const HEADER: HashPolicy = { kind: "header", name: "x-user" };
const COOKIE: HashPolicy = { kind: "cookie", name: "sid", ttlSeconds: 0 };
const QUERY: HashPolicy = { kind: "query", name: "user" };
const SOURCE: HashPolicy = { kind: "source-ip" };

describe("hashRequest()", () => {
  test("hashes the value of a header, a cookie, a query parameter, the client's address", () => {
    const head = headOf("/?user=ann", ["X-User: ann", "Cookie: a=1; sid=ann"]);
    for (const policy of [HEADER, COOKIE, QUERY]) {
      assert.equal(hashRequest(policy, head, CLIENT), hashValue("ann"));
    }
    assert.equal(hashRequest(SOURCE, head, CLIENT), hashValue(CLIENT));
  });

  test("is undefined when what is hashed is not there", () => {
    const head = headOf("/?other=1", ["X-Other: ann", "Cookie: other=1; sid2=2; sid="]);
    for (const policy of [HEADER, COOKIE, QUERY])
      assert.equal(hashRequest(policy, head, CLIENT), undefined);
  });

  test("takes a header in several lines as one value, and one of 8 KiB whole", () => {
    const twice = hashRequest(HEADER, headOf("/", ["X-User: a", "x-user: b"]), CLIENT);
    assert.equal(twice, hashValue("a,b"));
    const long = "x".repeat(8192);
    const first = hashRequest(HEADER, headOf("/", [`X-User: ${long}a`]), CLIENT);
    assert.notEqual(first, hashRequest(HEADER, headOf("/", [`X-User: ${long}b`]), CLIENT));
  });

  test("takes one IPv6 address as one, however a proxy writes it", () => {
    const head = headOf("/");
    const hash = hashRequest(SOURCE, head, "2001:db8::1");
    assert.equal(hashRequest(SOURCE, head, "2001:DB8:0:0::0001"), hash);
    assert.notEqual(hashRequest(SOURCE, head, "2001:db8::2"), hash);
  });
});

describe("hashConnection()", () => {
  test("knows the address alone", () => {
    assert.equal(hashConnection(SOURCE, CLIENT), hashValue(CLIENT));
    for (const policy of [HEADER, COOKIE, QUERY])
      assert.equal(hashConnection(policy, CLIENT), undefined);
  });
});

describe("hashPolicyOf()", () => {
  test("is what the file says for balancers that hash, and nothing for others", () => {
    const of = (balancer: BalancerKind): HashPolicy | undefined =>
      hashPolicyOf({ ...PLAIN_SERVICE, balancer, hash: HEADER } as Service);
    assert.equal(of("maglev"), HEADER);
    assert.equal(of("ring_hash"), HEADER);
    for (const kind of ["least_request", "random", "round_robin"] as const)
      assert.equal(of(kind), undefined);
  });
});
