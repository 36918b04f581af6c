/** The live state of choosing endpoints of one service in one worker. */
import { type Candidate, type EndpointLoad, createCandidate } from "../core/balance/candidate.ts";
import { HashTables } from "../core/balance/hash-tables.ts";
import { TieredBalancer } from "../core/balance/tiered-balancer.ts";
import type { Endpoint, HealthTable, Service, Subset } from "../core/service.ts";
import { hasLabels } from "../core/subset.ts";

/** Time, chance and what differs from worker to worker. */
export interface PickerContext {
  /** In [0, 1). */
  readonly random: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** Moves rotations, so that workers do not all begin with the same endpoint. */
  readonly start: number;
}

/** What of a service's policy decides between its endpoints. */
export type PickPolicy = Pick<Service, "balancer" | "panicPercent" | "slowStartMs" | "subsets">;

/**
 * Owned by a ServiceState. Balancers are made when something is picked for the first time after endpoints, health or
 * policy have changed; what a set that was published anew says again changes nothing.
 */
export class EndpointPicker {
  readonly #context: PickerContext;
  #policy: PickPolicy;
  #zone: string | undefined;
  #health: HealthTable = {};
  /** Those of the set now, and those that have left it and are in use still. */
  readonly #candidates = new Map<string, Candidate>();
  #members: readonly Candidate[] = [];
  /** Balancers so far: each rotation begins one further, so that frequent changes do not favour the first endpoint. */
  #built = 0;
  #whole: Choice | undefined;
  readonly #parts = new Map<string, Choice>();

  constructor(context: PickerContext, policy: PickPolicy) {
    this.#context = context;
    this.#policy = policy;
  }

  /** A reload; `zone` is the box's own. */
  setPolicy(policy: PickPolicy, zone: string | undefined): void {
    const isSame = zone === this.#zone && keyOf(policy) === keyOf(this.#policy);
    this.#policy = policy;
    this.#zone = zone;
    if (!isSame) this.#forget();
  }

  /** The set is another one now. What joins it later than the first endpoints is new, and slow to start. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    const before = new Set(this.#members);
    const members = new Set(endpoints.map((endpoint) => this.#admit(endpoint)));
    // Another order is not another set.
    if (before.size === members.size && before.isSubsetOf(members)) return;
    this.#members = [...members];
    this.#removeOthers(before, members);
  }

  /** What the control plane thinks of the endpoints now; replaces what it thought before. */
  setHealth(health: HealthTable): void {
    this.#health = health;
    for (const candidate of this.#candidates.values()) this.#judge(candidate);
  }

  /**
   * The next endpoint, of this subset alone if one is named, that is not among `tried`; undefined when there is none.
   * `hash` is the request's; undefined = chance decides where hashing would.
   */
  pick(
    tried: readonly Endpoint[],
    subset: string | undefined,
    hash: number | undefined,
  ): Endpoint | undefined {
    const choice = subset === undefined ? this.#all : this.#part(subset);
    if (choice === undefined) return undefined;
    choice.balancer ??= this.#build(choice);
    return choice.balancer.pick(tried, hash)?.endpoint;
  }

  /** Where those who use an endpoint are counted; of one that is gone a count that nobody reads. */
  readonly loadOf = (endpoint: Endpoint): EndpointLoad =>
    this.#candidates.get(endpoint.name) ?? { active: 0 };

  /** How many requests and tunnels each endpoint has; what has none is left out. */
  get loads(): ReadonlyMap<string, number> {
    const busy = [...this.#candidates.values()].filter(({ active }) => active > 0);
    return new Map(busy.map(({ endpoint, active }) => [endpoint.name, active]));
  }

  get #all(): Choice {
    this.#whole ??= { members: this.#members, tables: new HashTables(), balancer: undefined };
    return this.#whole;
  }

  /** As it is published now; a change of what it is makes balancers anew. */
  #admit(endpoint: Endpoint): Candidate {
    const known = this.#candidates.get(endpoint.name);
    if (known === undefined) {
      const health = this.#health[endpoint.name];
      // A worker that replaces one that died is told who was slow to start there.
      const candidate = createCandidate(endpoint, health?.state, health?.sinceMs);
      this.#candidates.set(endpoint.name, candidate);
      return candidate;
    }
    if (!hasSameTraits(known.endpoint, endpoint)) this.#forget();
    known.endpoint = endpoint;
    return known;
  }

  #removeOthers(before: ReadonlySet<Candidate>, members: ReadonlySet<Candidate>): void {
    const now = this.#context.wallClock();
    for (const candidate of this.#candidates.values()) {
      const isMember = members.has(candidate);
      if (!isMember && candidate.active === 0) this.#candidates.delete(candidate.endpoint.name);
      if (isMember && before.size > 0 && !before.has(candidate)) candidate.sinceMs = now;
    }
    this.#forget();
  }

  #judge(candidate: Candidate): void {
    const health = this.#health[candidate.endpoint.name];
    const state = health?.state ?? "healthy";
    if (state === candidate.state) return;
    candidate.state = state;
    if (state === "healthy") candidate.sinceMs = health?.sinceMs ?? this.#context.wallClock();
    if (this.#whole !== undefined) this.#whole.balancer = undefined;
    for (const part of this.#parts.values()) part.balancer = undefined;
  }

  /** Other endpoints or another policy: tables of hashes are others too. */
  #forget(): void {
    this.#whole = undefined;
    this.#parts.clear();
  }

  /** Undefined for a subset that a reload took away while a request of before was on its way. */
  #part(name: string): Choice | undefined {
    const known = this.#parts.get(name);
    if (known !== undefined) return known;
    const subset = this.#policy.subsets.find((one) => one.name === name);
    if (subset === undefined) return undefined;
    const members = this.#members.filter((member) => isIn(subset, member));
    const part = { members, tables: new HashTables(), balancer: undefined };
    this.#parts.set(name, part);
    return part;
  }

  #build({ members, tables }: Choice): TieredBalancer {
    const { balancer: kind, panicPercent, slowStartMs } = this.#policy;
    const { random, wallClock, start } = this.#context;
    const chance = { random, wallClock, start: start + this.#built };
    if (members.length > 0) this.#built += 1;
    const policy = { kind, panicPercent, slowStartMs, zone: this.#zone, tables, ...chance };
    return new TieredBalancer(members, policy);
  }
}

/** Endpoints between which is chosen, and how as long as their health stays. */
interface Choice {
  readonly members: readonly Candidate[];
  readonly tables: HashTables;
  balancer: TieredBalancer | undefined;
}

function isIn({ labels }: Subset, { endpoint }: Candidate): boolean {
  return hasLabels(endpoint, labels);
}

function keyOf({ balancer, panicPercent, slowStartMs, subsets }: PickPolicy): string {
  return JSON.stringify([balancer, panicPercent, slowStartMs, subsets]);
}

function hasSameTraits(one: Endpoint, other: Endpoint): boolean {
  return (
    one.weight === other.weight &&
    one.zone === other.zone &&
    one.priority === other.priority &&
    JSON.stringify(one.labels) === JSON.stringify(other.labels)
  );
}
