/** Which endpoints of a service may be used now, and in which order of preference. */
import type { Candidate } from "./candidate.ts";

/** What of the service and of the box decides. */
export interface TierPolicy {
  /** Fewer healthy endpoints than this share of all, 0 to 100: health is ignored. 0 = never. */
  readonly panicPercent: number;
  /** The zone of the box; undefined = none, and zones do not count. */
  readonly zone: string | undefined;
}

/** Interchangeable endpoints. */
export interface Group {
  /** The same for the same level and zone, whatever the health. */
  readonly name: string;
  /** All, in use or not: what hashing divides the hashes among. */
  readonly members: readonly Candidate[];
  /** Those of them that may be used. */
  readonly usable: readonly Candidate[];
}

/** A level with at least one endpoint that may be used. */
export interface Tier {
  readonly near: Group;
  /** In other zones; undefined = zones do not count here. */
  readonly far: Group | undefined;
  /** Of requests, how many go to the near ones, from 0 to 1. */
  readonly nearShare: number;
}

/** While so many of the near endpoints are healthy they can take everything: Envoy's overprovisioning factor is 1.4. */
const NEAR_HEALTHY_ENOUGH = 0.7;

/**
 * The tiers in the order in which they are used; a later one is for requests that were at all endpoints of the earlier
 * ones. Normally the healthy endpoints of each level may be used. When no level has `panicPercent` healthy ones it is
 * panic: all of them may, first those of the level that has a healthy one. What is `out` never may. Empty = there is
 * nothing to use. Pure.
 */
export function planTiers(candidates: readonly Candidate[], policy: TierPolicy): readonly Tier[] {
  const levels = levelsOf(candidates);
  if (isPanic(levels, policy.panicPercent)) return panicTiers(levels);
  return levels
    .filter(({ members }) => members.some(isHealthy))
    .map((level) => divideByZone(level, policy.zone));
}

interface Level {
  readonly priority: number;
  readonly members: readonly Candidate[];
}

function isHealthy({ state }: Candidate): boolean {
  return state === "healthy";
}

function isNotOut({ state }: Candidate): boolean {
  return state !== "out";
}

/** By priority, the lowest first; none is empty. */
function levelsOf(candidates: readonly Candidate[]): readonly Level[] {
  const levels = Map.groupBy(candidates, ({ endpoint }) => endpoint.priority ?? 0);
  return [...levels]
    .toSorted(([one], [other]) => one - other)
    .map(([priority, members]) => ({ priority, members }));
}

/** What is out does not count: nobody expects anything of it. */
function isPanic(levels: readonly Level[], percent: number): boolean {
  return levels.every(({ members }) => {
    const counted = members.filter(isNotOut).length;
    const healthy = members.filter(isHealthy).length;
    return counted === 0 || healthy * 100 < percent * counted;
  });
}

function panicTiers(levels: readonly Level[]): readonly Tier[] {
  const first = Math.max(
    levels.findIndex(({ members }) => members.some(isHealthy)),
    0,
  );
  return [...levels.slice(first), ...levels.slice(0, first)]
    .filter(({ members }) => members.some(isNotOut))
    .map((level) => undivided(level, level.members.filter(isNotOut)));
}

function undivided({ priority, members }: Level, usable: readonly Candidate[]): Tier {
  return { near: { name: `${priority}`, members, usable }, far: undefined, nearShare: 1 };
}

/** Endpoints without a zone are far: nobody said that they are near. */
function divideByZone(level: Level, zone: string | undefined): Tier {
  const { priority, members } = level;
  const isNear = ({ endpoint }: Candidate): boolean => endpoint.zone === zone;
  const local = members.filter(isNear);
  if (zone === undefined || local.length === 0 || local.length === members.length) {
    return undivided(level, members.filter(isHealthy));
  }
  const others = members.filter((member) => !isNear(member));
  const near = { name: `${priority} near`, members: local, usable: local.filter(isHealthy) };
  const far = { name: `${priority} far`, members: others, usable: others.filter(isHealthy) };
  return { near, far, nearShare: nearShareOf(near, far) };
}

function nearShareOf(near: Group, far: Group): number {
  if (far.usable.length === 0) return 1;
  const counted = Math.max(near.members.filter(isNotOut).length, 1);
  return Math.min(1, near.usable.length / counted / NEAR_HEALTHY_ENOUGH);
}
