/** What all workers together use of one service. */
import type { PoolPolicy } from "../core/service.ts";
import { type CountKey, CountKeys, type SharedCounts } from "../core/shared-counts.ts";

/** Which limit lets no further connection in. */
export type PoolLimit = "connections" | "endpoint_connections";

/** Owned by the service's pool in one worker; what a worker that dies had counted is forgotten with it. */
export class PoolCounts {
  readonly #counts: SharedCounts;
  readonly #service: string;
  readonly #all: CountKey;
  readonly #queue: CountKey;
  readonly #retries: CountKey;
  readonly #endpoints: CountKeys;

  /** `service` is its name: the counts live on when a reload takes it away and brings it back. */
  constructor(counts: SharedCounts, service: string) {
    this.#counts = counts;
    this.#service = service;
    this.#all = counts.keyOf(`open ${service}`);
    this.#queue = counts.keyOf(`wait ${service}`);
    this.#endpoints = new CountKeys(counts, `open ${service} `);
    this.#retries = counts.keyOf(`retry ${service}`);
  }

  /** Counts one more connection to the endpoint, or counts nothing and says which limit is reached. */
  take(policy: PoolPolicy, endpoint: string): PoolLimit | undefined {
    const { connectionsMax, endpointConnectionsMax } = policy;
    if (!this.#add(this.#all, connectionsMax)) return "connections";
    const endpointMax = endpointConnectionsMax ?? Number.POSITIVE_INFINITY;
    if (this.#add(this.#endpoints.of(endpoint), endpointMax)) return undefined;
    this.#counts.remove(this.#all);
    return "endpoint_connections";
  }

  /** One connection to the endpoint is closed. */
  give(endpoint: string): void {
    this.#counts.remove(this.#all);
    this.#counts.remove(this.#endpoints.of(endpoint));
  }

  /** A connection turned out to lead to another endpoint of the service. */
  move(from: string, to: string): void {
    this.#counts.remove(this.#endpoints.of(from));
    this.#counts.add(this.#endpoints.of(to));
  }

  /** How many connections there are. */
  get open(): number {
    return this.#counts.total(this.#all);
  }

  /** How many of them lead to the endpoint. */
  openTo(endpoint: string): number {
    return this.#counts.total(this.#endpoints.of(endpoint));
  }

  /** Counts one more that waits for the endpoint; false = there are too many in all, and it is not counted. */
  queue(max: number, endpoint: string): boolean {
    if (!this.#add(this.#queue, max)) return false;
    this.#counts.add(this.#queueFor(endpoint));
    return true;
  }

  /** One waits for the endpoint no longer. */
  unqueue(endpoint: string): void {
    this.#counts.remove(this.#queue);
    this.#counts.remove(this.#queueFor(endpoint));
  }

  /** How many wait, for this endpoint or for any. */
  queued(endpoint?: string): number {
    return this.#counts.total(endpoint === undefined ? this.#queue : this.#queueFor(endpoint));
  }

  /** Counts one more retry; false = there are too many, and it is not counted. */
  takeRetry(max: number): boolean {
    return this.#add(this.#retries, max);
  }

  /** A retry is over. */
  giveRetry(): void {
    this.#counts.remove(this.#retries);
  }

  /**
   * Two workers that reach for the last place at once both see one too many and both step back; so each looks once more
   * while there seems to be room.
   */
  #add(key: CountKey, max: number): boolean {
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (this.#counts.add(key) <= max) return true;
      this.#counts.remove(key);
      if (this.#counts.total(key) >= max) return false;
    }
    return false;
  }

  #queueFor(endpoint: string): string {
    return `wait ${this.#service} ${endpoint}`;
  }
}

const TRIES = 3;
