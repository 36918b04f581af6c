/** Candidates, seeded chance and what statistics says of counts. */
import assert from "node:assert/strict";
import {
  type BalanceOptions,
  type Balancer,
  createBalancer,
} from "../../../src/core/balance/balancer.ts";
import { type Candidate, createCandidate } from "../../../src/core/balance/candidate.ts";
import { HashTables } from "../../../src/core/balance/hash-tables.ts";
import type { BalancerKind, Endpoint, EndpointTraits } from "../../../src/core/service.ts";
import { seededRandom } from "../tls/seeded-random.ts";

/** Every kind. */
export const KINDS: readonly BalancerKind[] = [
  "least_request",
  "round_robin",
  "random",
  "ring_hash",
  "maglev",
];

/** An endpoint of this name. */
export function endpointOf(host: string, traits: Partial<EndpointTraits> = {}): Endpoint {
  return { host, port: 80, weight: 1, name: `${host}:80`, ...traits };
}

/** Candidates e0, e1, e2 … with these weights. */
export function candidatesOf(weights: readonly number[]): readonly Candidate[] {
  return weights.map((weight, i) => createCandidate(endpointOf(`e${i}`, { weight })));
}

/** So many candidates of weight 1. */
export function equalCandidates(count: number): readonly Candidate[] {
  return candidatesOf(Array.from({ length: count }, () => 1));
}

/** Chance in [0, 1) that is the same in every run. */
export function seededChance(seed: number): () => number {
  const random = seededRandom(seed);
  return () => random(2 ** 30) / 2 ** 30;
}

/** A clock that stands at 0, no slow start, and chance of this seed. */
export function optionsOf(seed: number, options: Partial<BalanceOptions> = {}): BalanceOptions {
  return { random: seededChance(seed), wallClock: () => 0, slowStartMs: 0, start: 0, ...options };
}

/** A balancer with chance of a fixed seed. */
export function balancerOf(
  kind: BalancerKind,
  candidates: readonly Candidate[],
  options: Partial<BalanceOptions> = {},
): Balancer {
  const group = { name: "all", members: candidates, usable: candidates };
  return createBalancer(kind, group, { ...optionsOf(1, options), tables: new HashTables() });
}

/** How often each candidate was picked, in their order; `hash` makes the hash of the i-th pick. */
export function countPicks(
  balancer: Balancer,
  candidates: readonly Candidate[],
  { picks, hash }: { readonly picks: number; readonly hash?: (i: number) => number },
): readonly number[] {
  const counts = new Map<Candidate, number>();
  for (let i = 0; i < picks; i += 1) {
    const picked = balancer.pick([], hash?.(i));
    assert.ok(picked !== undefined);
    counts.set(picked, (counts.get(picked) ?? 0) + 1);
  }
  return candidates.map((candidate) => counts.get(candidate) ?? 0);
}

/**
 * That counts are such as chance brings about with these weights: Pearson's chi-square stays below the value that it
 * exceeds once in a million times (Wilson and Hilferty's approximation; 4.75 is that quantile of the normal distribution).
 */
export function assertShares(counts: readonly number[], weights: readonly number[]): void {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const weightSum = weights.reduce((sum, weight) => sum + weight, 0);
  let chiSquare = 0;
  for (const [i, weight] of weights.entries()) {
    const expected = (total * weight) / weightSum;
    chiSquare += ((counts[i] ?? 0) - expected) ** 2 / expected;
  }
  const freedom = weights.length - 1;
  const bound = freedom * (1 - 2 / (9 * freedom) + 4.75 * Math.sqrt(2 / (9 * freedom))) ** 3;
  assert.ok(chiSquare < bound, `chi-square ${chiSquare} of ${freedom}: ${counts.join(" ")}`);
}
