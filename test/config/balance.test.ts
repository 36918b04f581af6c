/** Keys of services that decide between endpoints. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BACKUP_PRIORITY, type HashPolicy, type Service } from "../../src/core/service.ts";
import { type Lines, check, compile, file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";

const ONE = 'endpoints = ["10.0.0.1:80"]';

function serviceOf(service: string): Service {
  const [first] = compile(file({ service })).services;
  assert.ok(first !== undefined);
  return first;
}

function hashOf(hash: string): HashPolicy | undefined {
  return serviceOf(`${ONE}\nbalancer = "maglev"\nhash = ${hash}`).hash;
}

describe("compileSnapshot() of a service's balancing", () => {
  test("has the defaults of the contract", () => {
    const { balancer, hash, panicPercent, slowStartMs } = serviceOf(ONE);
    assert.deepEqual(
      { balancer, hash, panicPercent, slowStartMs },
      { balancer: "least_request", hash: undefined, panicPercent: 50, slowStartMs: 0 },
    );
  });

  test("keeps what the file says", () => {
    for (const kind of ["least_request", "round_robin", "random", "ring_hash", "maglev"]) {
      assert.equal(serviceOf(`${ONE}\nbalancer = "${kind}"`).balancer, kind);
    }
    const { panicPercent, slowStartMs } = serviceOf(
      `${ONE}\npanic_percent = 0\nslow_start = "90s"`,
    );
    assert.deepEqual([panicPercent, slowStartMs], [0, 90_000]);
    assert.equal(serviceOf(`${ONE}\nslow_start = "off"`).slowStartMs, 0);
  });

  test("knows what is hashed, names of headers folded, a ttl in whole seconds", () => {
    assert.deepEqual(hashOf('{ header = "X-User" }'), { kind: "header", name: "x-user" });
    assert.deepEqual(hashOf('{ query = "User" }'), { kind: "query", name: "User" });
    assert.deepEqual(hashOf("{ source_ip = true }"), { kind: "source-ip" });
    const cookie = { kind: "cookie", name: "Shop" };
    assert.deepEqual(hashOf('{ cookie = "Shop" }'), { ...cookie, ttlSeconds: 0 });
    assert.deepEqual(hashOf('{ cookie = "Shop", ttl = "0s" }'), { ...cookie, ttlSeconds: 0 });
    assert.deepEqual(hashOf('{ cookie = "Shop", ttl = "1500ms" }'), { ...cookie, ttlSeconds: 2 });
  });

  test("gives endpoints their zone, and backups a priority behind all", () => {
    const { sources } = serviceOf(`endpoints = [
      { address = "10.0.0.1:80", zone = "a" }, { address = "b.example.com:80", backup = true }, "10.0.0.3:80"
    ]`);
    const traits = sources.map((source) => {
      const { zone, priority } =
        source.kind === "address" ? source.endpoint : ({ ...source } as never);
      return [zone, priority];
    });
    assert.deepEqual(traits, [
      ["a", undefined],
      [undefined, BACKUP_PRIORITY],
      [undefined, undefined],
    ]);
  });
});

function warnings(service: string, put: Lines = {}): readonly string[] {
  return check(file({ service, ...put })).lines;
}

describe("checkConfig() warns", () => {
  test("of hash without a balancer that hashes, and of the other way round", () => {
    assert.deepEqual(warnings(`${ONE}\nhash = { source_ip = true }`), [
      '23:1: warning: service.s.hash: never used: balancer "least_request" does not hash; say balancer = "maglev"',
    ]);
    assert.deepEqual(warnings(`${ONE}\nbalancer = "ring_hash"`), [
      "23:1: warning: service.s.balancer: nothing is hashed, so chance decides: say hash = { source_ip = true }, or a header, cookie or query",
    ]);
  });

  test("of slow_start where hashes stay where they are", () => {
    const service = `${ONE}\nbalancer = "maglev"\nhash = { source_ip = true }\nslow_start = "5s"`;
    assert.deepEqual(warnings(service), [
      '25:1: warning: service.s.slow_start: never used: with balancer "maglev" a hash stays where it is',
    ]);
  });

  test("of what streams do not show, when nothing but streams leads to the service", () => {
    const service = `${ONE}\nbalancer = "maglev"\nhash = { cookie = "c" }`;
    assert.deepEqual(warnings(service), []);
    const tail = '[service.other]\nendpoints = ["10.0.0.2:80"]';
    assert.deepEqual(warnings(service, { http: 'route = "other"', tail }), [
      "24:1: warning: service.s.hash: nothing is hashed: only tls and tcp routes lead here, which see no more than hash = { source_ip = true }",
    ]);
    const byAddress = service.replace('{ cookie = "c" }', "{ source_ip = true }");
    assert.deepEqual(warnings(byAddress, { http: 'route = "other"', tail }), []);
  });

  test("of zones on a box without one, and of backups alone", () => {
    const zoned = 'endpoints = ["10.0.0.1:80", { address = "10.0.0.2:80", zone = "a" }]';
    assert.deepEqual(warnings(zoned), [
      "22:56: warning: service.s.endpoints[1].zone: never used: the box has no zone; say which in labels.zone",
    ]);
    assert.deepEqual(warnings(zoned, { box: 'labels = { zone = "b" }' }), []);
    assert.deepEqual(warnings('endpoints = [{ address = "10.0.0.1:80", backup = true }]'), [
      "22:41: warning: service.s.endpoints[0].backup: every endpoint is a backup, so all are used at once",
    ]);
  });
});

testWrongFiles("balancing", [
  {
    name: "an unknown balancer",
    text: file({ service: `${ONE}\nbalancer = "roundrobin"` }),
    lines: [
      '23:1: error: service.s.balancer: expected one of "least_request", "round_robin", "random", "ring_hash", "maglev", found "roundrobin"; did you mean "round_robin"?',
    ],
  },
  {
    name: "two things to hash",
    text: file({ service: `${ONE}\nbalancer = "maglev"\nhash = { cookie = "a", query = "b" }` }),
    lines: [
      "24:1: error: service.s.hash: expected exactly one of header, cookie, query, source_ip, found cookie and query",
    ],
  },
  {
    name: "nothing to hash",
    text: file({ service: `${ONE}\nbalancer = "maglev"\nhash = { ttl = "5s" }` }),
    lines: [
      "24:1: error: service.s.hash: expected exactly one of header, cookie, query, source_ip, found none",
    ],
  },
  {
    name: "a ttl of something else than a cookie",
    text: file({ service: `${ONE}\nbalancer = "maglev"\nhash = { query = "a", ttl = "5s" }` }),
    lines: ["24:23: error: service.s.hash.ttl: only a cookie has a ttl"],
  },
  {
    name: "source_ip = false, a cookie that is none, a header that is the connection's",
    text: file({
      service: `${ONE}\nhash = { source_ip = false }`,
      tail: '[service.t]\nendpoints = ["10.0.0.2:80"]\nhash = { cookie = "a b" }\n[service.u]\nendpoints = ["10.0.0.2:80"]\nhash = { header = "connection" }',
    }),
    lines: [
      "23:10: error: service.s.hash.source_ip: expected true, found false",
      '26:10: error: service.t.hash.cookie: this is not the name of a cookie (RFC 6265 §4.1.1), found "a b"',
      '29:10: error: service.u.hash.header: this header belongs to the connection or is written by proxies: routes do not see it, found "connection"',
    ],
  },
  {
    name: "numbers and durations out of bounds",
    text: file({ service: `${ONE}\npanic_percent = 101\nslow_start = "25h"` }),
    lines: [
      "23:1: error: service.s.panic_percent: expected a whole number from 0 to 100, found 101",
      '24:1: error: service.s.slow_start: expected 1ms to 24h, or "off", found "25h"',
    ],
  },
]);
