import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createCandidate } from "../../../src/core/balance/candidate.ts";
import { HashTables } from "../../../src/core/balance/hash-tables.ts";
import { type BalancePolicy, TieredBalancer } from "../../../src/core/balance/tiered-balancer.ts";
import { hashText } from "../../../src/core/hash-text.ts";
import { BACKUP_PRIORITY } from "../../../src/core/service.ts";
import { KINDS, countPicks, endpointOf, optionsOf } from "./fixtures.ts";

function policyOf(policy: Partial<BalancePolicy> = {}): BalancePolicy {
  return {
    ...optionsOf(2),
    kind: "least_request",
    panicPercent: 50,
    zone: undefined,
    tables: new HashTables(),
    ...policy,
  };
}

const primary = createCandidate(endpointOf("primary"));
const backup = createCandidate(endpointOf("backup", { priority: BACKUP_PRIORITY }));

describe("TieredBalancer", () => {
  for (const kind of KINDS) {
    test(`${kind}: a backup only when a request was at every other endpoint`, () => {
      const balancer = new TieredBalancer([backup, primary], policyOf({ kind }));
      for (let i = 0; i < 50; i += 1) {
        assert.equal(balancer.pick([], i), primary);
        assert.equal(balancer.pick([primary.endpoint], i), backup);
        assert.equal(balancer.pick([primary.endpoint, backup.endpoint], i), undefined);
      }
    });

    test(`${kind}: the other zone gets what spills over, and what was tried in the own one`, () => {
      const zones = ["here", "here", "there", "there"];
      const all = zones.map((zone, i) => createCandidate(endpointOf(`e${i}`, { zone })));
      const [sick] = all;
      assert.ok(sick !== undefined);
      sick.state = "unhealthy";
      const balancer = new TieredBalancer(all, policyOf({ kind, zone: "here" }));
      const counts = countPicks(balancer, all, {
        picks: 20_000,
        hash: (i) => hashText(`user-${i}`, 0),
      });
      // Half of the own zone is healthy: 0.5 / 0.7 of the requests stay.
      assert.equal(counts[0], 0);
      assert.ok(Math.abs((counts[1] ?? 0) / 20_000 - 0.714) < 0.02, counts.join(" "));
      for (const far of counts.slice(2)) assert.ok(Math.abs(far / 20_000 - 0.143) < 0.03);
      const here = all[1]?.endpoint ?? endpointOf("?");
      const tried = balancer.pick([here], 5);
      assert.equal(tried?.endpoint.zone, "there");
    });

    test(`${kind}: undefined without endpoints`, () => {
      const balancer = new TieredBalancer([], policyOf({ kind }));
      assert.equal(balancer.pick([], 1), undefined);
      assert.equal(balancer.pick([primary.endpoint], undefined), undefined);
    });
  }

  test("keeps a hash on its side of the zones, where chance does not", () => {
    const all = ["here", "here", "there"].map((zone, i) =>
      createCandidate(endpointOf(`e${i}`, { zone }), i === 0 ? "ejected" : "healthy"),
    );
    const balancer = new TieredBalancer(all, policyOf({ kind: "maglev", zone: "here" }));
    for (let key = 0; key < 500; key += 1) {
      const hash = hashText(String(key), 0);
      const picked = balancer.pick([], hash);
      for (let i = 0; i < 5; i += 1) assert.equal(balancer.pick([], hash), picked);
    }
    const zones = new Set(
      Array.from({ length: 200 }, () => balancer.pick([], undefined)?.endpoint.zone),
    );
    assert.deepEqual(zones, new Set(["here", "there"]));
  });
});
