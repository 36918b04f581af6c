import assert from "node:assert/strict";
import { test } from "node:test";
import { diffValues } from "../../src/control/value-diff.ts";

const ROWS: readonly (readonly [before: unknown, after: unknown, phrases: readonly string[]])[] = [
  [{ a: 1 }, { a: 1 }, []],
  [{ connectMs: 1 }, { connectMs: 2 }, ["connect: 1ms → 2ms"]],
  [{ timeouts: { idleMs: 1 } }, { timeouts: { idleMs: 2 } }, ["timeouts.idle: 1ms → 2ms"]],
  [{}, { timeoutMs: 5 }, ["timeout: none → 5ms"]],
  [{ tls: { serverName: "x" } }, {}, ["tls: set → none"]],
  [
    { pool: { pendingMax: 5 }, hash: { ttlSeconds: 60 }, limits: { helloBytesMax: 1 } },
    { pool: { pendingMax: 6 }, hash: { ttlSeconds: 3600 }, limits: { helloBytesMax: 2 } },
    ["pool.pending: 5 → 6", "hash.ttl: 1m → 1h", "limits.hello: 1 → 2"],
  ],
  [{ hosts: ["a", "b"] }, { hosts: ["b", "c"] }, ["host c added", "host a removed"]],
  [{ hosts: ["a", "b"] }, { hosts: ["b", "a"] }, ["host: another order"]],
  [
    { routes: [{ name: "x", n: 1 }] },
    {
      routes: [
        { name: "y", n: 1 },
        { name: "x", n: 2 },
      ],
    },
    ["route y added", "route x.n: 1 → 2"],
  ],
  [
    { path: { kind: "exact", value: "/a" } },
    { path: { kind: "prefix", value: "/a/" } },
    ["path: exact /a → prefix /a/"],
  ],
  [
    {
      destinations: [
        { service: "a", weight: 1 },
        { service: "a", subset: "v2", weight: 1 },
      ],
    },
    {
      destinations: [
        { service: "a", weight: 1 },
        { service: "a", subset: "v2", weight: 3 },
      ],
    },
    ["destination a subset v2.weight: 1 → 3"],
  ],
  [
    { matches: [{ port: 1 }, { port: 2 }] },
    { matches: [{ port: 1 }, { port: 3 }] },
    ["match #2.port: 2 → 3"],
  ],
  [
    { sources: [{ kind: "address", endpoint: { name: "10.0.0.1:80", weight: 1 } }] },
    {
      sources: [
        { kind: "file", path: "/e.json" },
        { kind: "name", host: "x", port: 1 },
      ],
    },
    ["source /e.json added", "source x:1 added", "source 10.0.0.1:80 removed"],
  ],
];

for (const [before, after, phrases] of ROWS) {
  test(`diffValues() ${JSON.stringify(before)} → ${JSON.stringify(after)}`, () => {
    assert.deepEqual(diffValues(before, after), phrases);
  });
}

test("diffValues() says nothing of keys and certificates but that they differ", () => {
  const phrases = diffValues(withTls("secret-1"), withTls("secret-2"));
  assert.deepEqual(phrases, [
    "tls.private_key: another one",
    "tls.certificate: another one",
    "tls.ca: another one",
  ]);
  const appears = [...diffValues({}, withTls("secret-1")), ...diffValues(withTls("secret-1"), {})];
  assert.ok(!appears.join().includes("secret"));
});

function withTls(text: string) {
  return { tls: { privateKey: text, certificate: text, ca: text } };
}
