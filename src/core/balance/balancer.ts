/** What all ways of choosing have in common, and how one of them is made. */
import type { BalancerKind, Endpoint } from "../service.ts";
import type { Candidate } from "./candidate.ts";
import { HashBalancer } from "./hash-balancer.ts";
import type { HashTables } from "./hash-tables.ts";
import { LeastRequest } from "./least-request.ts";
import { RandomChoice } from "./random-choice.ts";
import { RoundRobin } from "./round-robin.ts";
import type { Group } from "./tiers.ts";

/** Chooses between the candidates that it was made of. Owned by one worker; a pick allocates nothing. */
export interface Balancer {
  /**
   * The next candidate whose endpoint is not among `tried`; undefined when there is none. `hash` is the request's, any
   * 32 bits; undefined = chance decides where hashing would. Effect: may move a rotation, draws chance.
   */
  pick(tried: readonly Endpoint[], hash: number | undefined): Candidate | undefined;
}

/** Time, chance and what of the service's policy a balancer needs. */
export interface BalanceOptions {
  /** In [0, 1). */
  readonly random: () => number;
  /** Milliseconds since the epoch. Asked only while an endpoint is slow to start. */
  readonly wallClock: () => number;
  /** How long an endpoint that is new or well again takes to its full share; 0 = off. */
  readonly slowStartMs: number;
  /** Where a rotation begins, so that workers do not move in step; any integer ≥ 0. */
  readonly start: number;
}

/** A balancer of this kind between the usable endpoints of a group. Pure; of a kind that hashes it may make the table. */
export function createBalancer(
  kind: BalancerKind,
  group: Group,
  { tables, ...options }: BalanceOptions & { readonly tables: HashTables },
): Balancer {
  switch (kind) {
    case "round_robin":
      return new RoundRobin(group.usable, options);
    case "random":
      return new RandomChoice(group.usable, options);
    case "least_request":
      return new LeastRequest(group.usable, options);
    case "ring_hash":
    case "maglev":
      return new HashBalancer(group, tables.of(kind, group), options);
    default:
      return kind satisfies never;
  }
}
