import assert from "node:assert/strict";
import { test } from "node:test";
import { buildHostTable } from "../../../src/config/host-tables.ts";
import { judgeAuthority } from "../../../src/core/match/misdirected.ts";

const GATEWAYS = buildHostTable<number>([
  ["a.com", 0],
  ["*.a.com", 1],
  ["x.a.com", 2],
  ["*.b.com", 0],
]);

/** The rows of GEP-3567: server name, host, verdict. */
const ROWS = [
  ["a.com", "a.com", "serve"],
  ["a.com", "y.b.com", "serve"],
  ["a.com", "x.a.com", "misdirected"],
  ["y.a.com", "z.a.com", "serve"],
  ["y.a.com", "x.a.com", "misdirected"],
  ["x.a.com", "y.a.com", "misdirected"],
  ["a.com", "c.com", "not-found"],
  [undefined, "x.a.com", "serve"],
  [undefined, "c.com", "not-found"],
] as const;

for (const [serverName, host, verdict] of ROWS) {
  test(`judgeAuthority() ${host} on a connection for ${serverName ?? "nobody"}: ${verdict}`, () => {
    assert.equal(judgeAuthority(GATEWAYS, serverName, host), verdict);
  });
}
