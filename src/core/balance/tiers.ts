/** Which endpoints of a service may be used now, and in which order of preference. */
import type { Candidate } from "./candidate.ts";

/** What of the service and of the box decides. */
export interface TierPolicy {
  /** Fewer healthy endpoints than this share of all, 0 to 100: health is ignored. 0 = never. */
  readonly panicPercent: number;
  /** The zone of the box; undefined = none, and zones do not count. */
  readonly zone: string | undefined;
}

/** Endpoints that are interchangeable, but that some are nearer. */
export interface Tier {
  /** At least one. */
  readonly near: readonly Candidate[];
  /** In other zones. */
  readonly far: readonly Candidate[];
  /** Of requests, how many go to the near ones, from 0 to 1; 1 when there are no far ones. */
  readonly nearShare: number;
}

/** While so many of the near endpoints are healthy they can take everything: Envoy's overprovisioning factor is 1.4. */
const NEAR_HEALTHY_ENOUGH = 0.7;

/**
 * The tiers in the order in which they are used; a later one is for requests that were at all endpoints of the earlier
 * ones. Normally those are the healthy endpoints of each level. When no level has `panicPercent` healthy ones it is panic:
 * all of a level are used, first of the one that has a healthy one. What is `out` is nowhere. Empty = nothing may be used.
 * Pure.
 */
export function planTiers(candidates: readonly Candidate[], policy: TierPolicy): readonly Tier[] {
  const levels = levelsOf(candidates.filter(({ state }) => state !== "out"));
  if (isPanic(levels, policy.panicPercent)) return panicTiers(levels);
  return levels.flatMap((level) => {
    const healthy = level.filter(isHealthy);
    return healthy.length === 0 ? [] : [splitByZone(level, healthy, policy.zone)];
  });
}

function isHealthy({ state }: Candidate): boolean {
  return state === "healthy";
}

/** By priority, the lowest first; none is empty. */
function levelsOf(candidates: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const levels = Map.groupBy(candidates, ({ endpoint }) => endpoint.priority ?? 0);
  return [...levels].toSorted(([one], [other]) => one - other).map(([, level]) => level);
}

function isPanic(levels: readonly (readonly Candidate[])[], percent: number): boolean {
  return levels.every((level) => {
    return level.filter(isHealthy).length * 100 < percent * level.length;
  });
}

function panicTiers(levels: readonly (readonly Candidate[])[]): readonly Tier[] {
  const first = Math.max(
    levels.findIndex((level) => level.some(isHealthy)),
    0,
  );
  return [...levels.slice(first), ...levels.slice(0, first)].map(undivided);
}

function undivided(near: readonly Candidate[]): Tier {
  return { near, far: [], nearShare: 1 };
}

/** Endpoints without a zone are far: nobody said that they are near. */
function splitByZone(
  level: readonly Candidate[],
  healthy: readonly Candidate[],
  zone: string | undefined,
): Tier {
  if (zone === undefined) return undivided(healthy);
  const near = healthy.filter(({ endpoint }) => endpoint.zone === zone);
  const far = healthy.filter(({ endpoint }) => endpoint.zone !== zone);
  if (near.length === 0 || far.length === 0) return undivided(healthy);
  const local = level.filter(({ endpoint }) => endpoint.zone === zone).length;
  return { near, far, nearShare: Math.min(1, near.length / local / NEAR_HEALTHY_ENOUGH) };
}
