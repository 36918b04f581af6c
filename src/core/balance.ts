/** Which endpoint of a service is next. State is the caller's; chance and time are arguments. */
import type { Endpoint } from "./service.ts";

/**
 * Smooth weighted round robin, as nginx has it: in each step every endpoint gains its weight, the richest
 * is taken and pays the sum. Equal weights take a plain rotation, which costs nothing. Owned by one picker.
 */
export class RoundRobin {
  readonly #endpoints: readonly Endpoint[];
  readonly #equal: boolean;
  readonly #total: number;
  readonly #credit: number[];
  #next: number;

  /** `start` is where the rotation begins, so that workers do not move in step; any integer ≥ 0. */
  constructor(endpoints: readonly Endpoint[], start: number) {
    this.#endpoints = endpoints;
    this.#equal = endpoints.every((endpoint) => endpoint.weight === endpoints[0]?.weight);
    this.#total = endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
    this.#credit = endpoints.map(() => 0);
    this.#next = 0;
    for (let i = endpoints.length === 0 ? 0 : start % endpoints.length; i > 0; i -= 1) this.#step();
  }

  /** The next endpoint that was not tried yet; undefined when none is left. Changes the rotation. */
  pick(tried: readonly Endpoint[]): Endpoint | undefined {
    for (let i = 0; i < this.#endpoints.length; i += 1) {
      const endpoint = this.#step();
      if (endpoint !== undefined && !isAmong(tried, endpoint)) return endpoint;
    }
    return this.#endpoints.find((endpoint) => !isAmong(tried, endpoint));
  }

  #step(): Endpoint | undefined {
    return this.#equal ? this.#rotate() : this.#richest();
  }

  #rotate(): Endpoint | undefined {
    const endpoint = this.#endpoints[this.#next];
    this.#next = this.#next + 1 < this.#endpoints.length ? this.#next + 1 : 0;
    return endpoint;
  }

  #richest(): Endpoint | undefined {
    let best = 0;
    for (let i = 0; i < this.#endpoints.length; i += 1) {
      this.#credit[i] = (this.#credit[i] ?? 0) + (this.#endpoints[i]?.weight ?? 0);
      if ((this.#credit[i] ?? 0) > (this.#credit[best] ?? 0)) best = i;
    }
    this.#credit[best] = (this.#credit[best] ?? 0) - this.#total;
    return this.#endpoints[best];
  }
}

/** Index of a destination by weight; `chance` in [0, 1). Pure. All weights 0 gives -1. */
export function pickWeighted(
  weights: readonly { readonly weight: number }[],
  chance: number,
): number {
  if (weights.length === 1) return (weights[0]?.weight ?? 0) > 0 ? 0 : -1;
  let total = 0;
  for (const { weight } of weights) total += weight;
  let rest = chance * total;
  for (let i = 0; i < weights.length; i += 1) {
    rest -= weights[i]?.weight ?? 0;
    if (rest < 0) return i;
  }
  return -1;
}

/** By name: a set that was published anew holds the same endpoints as other objects. */
function isAmong(tried: readonly Endpoint[], endpoint: Endpoint): boolean {
  for (const other of tried) if (other.name === endpoint.name) return true;
  return false;
}
