/** Balancers of all tiers of a service, or of one of its subsets: the one that decides of a request. */
import { mixHash } from "../hash-text.ts";
import type { BalancerKind, Endpoint } from "../service.ts";
import { type BalanceOptions, type Balancer, createBalancer } from "./balancer.ts";
import type { Candidate } from "./candidate.ts";
import type { HashTables } from "./hash-tables.ts";
import { type Tier, type TierPolicy, planTiers } from "./tiers.ts";

/** How endpoints are chosen, and which. */
export interface BalancePolicy extends TierPolicy, BalanceOptions {
  readonly kind: BalancerKind;
  /** Those of these candidates. */
  readonly tables: HashTables;
}

const HASH_RANGE = 2 ** 32;

/**
 * See Balancer. It knows the health that its candidates had when it was made: a change needs a new one. Balancers of later
 * tiers are made when a request first needs them.
 */
export class TieredBalancer implements Balancer {
  readonly #tiers: readonly LazyTier[];
  readonly #first: LazyTier | undefined;

  constructor(candidates: readonly Candidate[], policy: BalancePolicy) {
    this.#tiers = planTiers(candidates, policy).map((tier) => new LazyTier(tier, policy));
    this.#first = this.#tiers[0];
  }

  pick(tried: readonly Endpoint[], hash: number | undefined): Candidate | undefined {
    const picked = this.#first?.pick(tried, hash);
    if (picked !== undefined || tried.length === 0) return picked;
    for (let i = 1; i < this.#tiers.length; i += 1) {
      const other = this.#tiers[i]?.pick(tried, hash);
      if (other !== undefined) return other;
    }
    return undefined;
  }
}

class LazyTier {
  readonly #tier: Tier;
  readonly #policy: BalancePolicy;
  readonly #only: Candidate | undefined;
  #near: Balancer | undefined;
  #far: Balancer | undefined;

  constructor(tier: Tier, policy: BalancePolicy) {
    const { near, far } = tier;
    this.#tier = tier;
    this.#policy = policy;
    this.#only = near.usable.length === 1 && far === undefined ? near.usable[0] : undefined;
  }

  pick(tried: readonly Endpoint[], hash: number | undefined): Candidate | undefined {
    if (this.#only !== undefined && tried.length === 0) return this.#only;
    const { near, far } = this;
    if (far === undefined) return near.pick(tried, hash);
    return this.#isNear(hash)
      ? (near.pick(tried, hash) ?? far.pick(tried, hash))
      : (far.pick(tried, hash) ?? near.pick(tried, hash));
  }

  get near(): Balancer {
    this.#near ??= createBalancer(this.#policy.kind, this.#tier.near, this.#policy);
    return this.#near;
  }

  get far(): Balancer | undefined {
    if (this.#tier.far === undefined) return undefined;
    this.#far ??= createBalancer(this.#policy.kind, this.#tier.far, this.#policy);
    return this.#far;
  }

  /** What is hashed stays on its side as long as the share does; mixed, so that each side gets hashes of all kinds. */
  #isNear(hash: number | undefined): boolean {
    const { nearShare } = this.#tier;
    if (nearShare >= 1) return true;
    const chance = hash === undefined ? this.#policy.random() : (mixHash(~hash) >>> 0) / HASH_RANGE;
    return chance < nearShare;
  }
}
