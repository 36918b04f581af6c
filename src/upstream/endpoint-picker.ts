/** The live state of choosing endpoints of one service in one worker. */
import { createCandidate } from "../core/balance/candidate.ts";
import { RoundRobin } from "../core/balance/round-robin.ts";
import type { Endpoint, HealthTable } from "../core/service.ts";

/** Owned by a ServiceState. */
export class EndpointPicker {
  readonly #start: number;
  #endpoints: readonly Endpoint[] = [];
  #health: HealthTable = {};
  #balancer: RoundRobin;

  /** `start` moves the rotation, so that workers do not all begin with the same endpoint. */
  constructor(start: number) {
    this.#start = start;
    this.#balancer = this.#rotate([]);
  }

  /** The set is another one now. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    this.#rebuild();
  }

  /** What the control plane thinks of the endpoints now; replaces what it thought before. */
  setHealth(health: HealthTable): void {
    this.#health = health;
    this.#rebuild();
  }

  /** The next endpoint that is not among `tried`; undefined when there is none. */
  pick(tried: readonly Endpoint[]): Endpoint | undefined {
    return this.#balancer.pick(tried)?.endpoint;
  }

  #rebuild(): void {
    const usable = this.#endpoints.filter(({ name }) => {
      const health = this.#health[name];
      return health === undefined || health.state === "healthy";
    });
    this.#balancer = this.#rotate(usable);
  }

  #rotate(endpoints: readonly Endpoint[]): RoundRobin {
    const candidates = endpoints.map((endpoint) => createCandidate(endpoint));
    const options = { random: () => 0, wallClock: () => 0, slowStartMs: 0, start: this.#start };
    return new RoundRobin(candidates, options);
  }
}
