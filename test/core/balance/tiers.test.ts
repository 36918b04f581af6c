import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Candidate, createCandidate } from "../../../src/core/balance/candidate.ts";
import { type Tier, planTiers } from "../../../src/core/balance/tiers.ts";
import {
  BACKUP_PRIORITY,
  type EndpointState,
  type EndpointTraits,
} from "../../../src/core/service.ts";
import { endpointOf } from "./fixtures.ts";

function candidate(
  host: string,
  state: EndpointState = "healthy",
  traits: Partial<EndpointTraits> = {},
): Candidate {
  return createCandidate(endpointOf(host, traits), state);
}

const BACKUP = { priority: BACKUP_PRIORITY };

/** `a b | c`: tiers in order; with `share: near / far` where there are zones. */
function show(tiers: readonly Tier[]): string {
  return tiers
    .map(({ near: own, far: other, nearShare }) => {
      const names = hosts(own.usable);
      return other === undefined
        ? names
        : `${nearShare.toFixed(2)}: ${names} / ${hosts(other.usable)}`;
    })
    .join(" | ");
}

function hosts(candidates: readonly Candidate[]): string {
  return candidates.map(({ endpoint }) => endpoint.host).join(" ");
}

function plan(
  candidates: readonly Candidate[],
  policy: { readonly panicPercent?: number; readonly zone?: string } = {},
): string {
  const { panicPercent = 50, zone } = policy;
  return show(planTiers(candidates, { panicPercent, zone }));
}

function near(host: string, state?: EndpointState): Candidate {
  return candidate(host, state, { zone: "z1" });
}

function far(host: string, state?: EndpointState): Candidate {
  return candidate(host, state, { zone: "z2" });
}

describe("planTiers() levels", () => {
  test("puts the lowest priority first and backups last, without what is not healthy", () => {
    const all = [
      candidate("backup", "healthy", BACKUP),
      candidate("c", "healthy", { priority: 10 }),
      candidate("a"),
      candidate("sick", "unhealthy"),
      candidate("b"),
    ];
    assert.equal(plan(all), "a b | c | backup");
  });

  test("uses backups when every other endpoint is unhealthy, ejected or out", () => {
    for (const state of ["unhealthy", "ejected", "out"] as const) {
      assert.equal(plan([candidate("a", state), candidate("b", "healthy", BACKUP)]), "b");
    }
  });

  test("keeps to the first level with a healthy endpoint, though most of it are not", () => {
    const all = [
      candidate("a"),
      candidate("b", "unhealthy"),
      candidate("c", "unhealthy"),
      candidate("d", "healthy", BACKUP),
    ];
    assert.equal(plan(all), "a | d");
  });

  test("gives nothing of nothing, nor when all are out", () => {
    assert.equal(plan([]), "");
    assert.equal(plan([candidate("a", "out"), candidate("b", "out", BACKUP)]), "");
    assert.equal(plan([candidate("a", "out")], { panicPercent: 100 }), "");
  });
});

describe("planTiers() panic", () => {
  const ofThree = [candidate("a"), candidate("b", "unhealthy"), candidate("c", "ejected")];

  test("ignores health when fewer than panic_percent are healthy, never what is out", () => {
    assert.equal(plan(ofThree), "a b c");
    assert.equal(plan([...ofThree, candidate("d", "out")]), "a b c");
    assert.equal(plan(ofThree, { panicPercent: 34 }), "a b c");
  });

  test("does not count what is out: half of the rest is enough", () => {
    assert.equal(plan([candidate("a"), candidate("b", "unhealthy"), candidate("c", "out")]), "a");
  });

  test("is none at exactly panic_percent, and never at 0", () => {
    assert.equal(plan([candidate("a"), candidate("b", "unhealthy")]), "a");
    assert.equal(plan(ofThree, { panicPercent: 33 }), "a");
    assert.equal(plan(ofThree, { panicPercent: 0 }), "a");
    assert.equal(plan([candidate("a", "unhealthy")], { panicPercent: 0 }), "");
  });

  test("uses all of the first level that has a healthy one, or the first of all", () => {
    const sick = candidate("a", "unhealthy");
    const backups = [
      candidate("b", "healthy", BACKUP),
      candidate("c", "unhealthy", BACKUP),
      candidate("d", "unhealthy", BACKUP),
    ];
    assert.equal(plan([sick, ...backups]), "b c d | a");
    assert.equal(plan([sick, ...backups.slice(1)]), "a | c d");
  });

  test("is none while one level has enough", () => {
    const all = [candidate("a", "unhealthy"), candidate("b", "healthy", BACKUP)];
    assert.equal(plan(all, { panicPercent: 100 }), "b");
  });
});

describe("planTiers() zones", () => {
  test("sends everything to the box's own zone while 70 % of it are healthy", () => {
    const ten = Array.from({ length: 10 }, (_, i) => near(`n${i}`, i < 7 ? "healthy" : "ejected"));
    const [tier] = planTiers([...ten, far("f")], { panicPercent: 0, zone: "z1" });
    assert.equal(tier?.nearShare, 1);
    assert.equal(tier?.near.usable.length, 7);
    assert.equal(tier?.far?.usable.length, 1);
  });

  test("spills over what the healthy part of the own zone cannot take", () => {
    const all = [near("a"), near("b", "unhealthy"), far("c"), far("d")];
    assert.equal(plan(all, { zone: "z1" }), "0.71: a / c d");
    assert.equal(plan([near("a"), near("b", "out"), far("c")], { zone: "z1" }), "1.00: a / c");
  });

  test("counts endpoints without a zone as far", () => {
    assert.equal(plan([near("a"), candidate("b")], { zone: "z1" }), "1.00: a / b");
  });

  test("has the whole zone for hashing, whatever its health, by a name that stays", () => {
    const [before] = planTiers([near("a"), near("b"), far("c")], { panicPercent: 50, zone: "z1" });
    const all = [near("a"), near("b", "out"), far("c", "ejected")];
    const [after] = planTiers(all, { panicPercent: 50, zone: "z1" });
    assert.equal(hosts(after?.near.members ?? []), "a b");
    assert.equal(hosts(after?.far?.members ?? []), "c");
    assert.equal(after?.near.name, before?.near.name);
    assert.equal(after?.far?.name, before?.far?.name);
    assert.notEqual(after?.near.name, after?.far?.name);
  });

  test("sends nothing to a zone without a healthy endpoint", () => {
    assert.equal(plan([near("a", "unhealthy"), far("b")], { zone: "z1" }), "0.00:  / b");
    assert.equal(
      plan([near("a"), near("c", "ejected"), far("b", "out")], { zone: "z1" }),
      "1.00: a / ",
    );
  });

  test("does not divide without a zone of the box, with an empty side, or in panic", () => {
    const all = [near("a"), far("b")];
    assert.equal(plan(all), "a b");
    assert.equal(plan(all, { zone: "z3" }), "a b");
    assert.equal(plan([near("a"), near("b")], { zone: "z1" }), "a b");
    const sick = [near("a"), near("b", "ejected"), far("c", "ejected"), far("d", "ejected")];
    assert.equal(plan(sick, { zone: "z1" }), "a b c d");
  });

  test("divides each level by itself", () => {
    const all = [near("a"), far("b"), candidate("c", "healthy", { ...BACKUP, zone: "z1" })];
    assert.equal(plan(all, { zone: "z1" }), "1.00: a / b | c");
  });
});
