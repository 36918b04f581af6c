/** The live state of one service in one worker: whose turn it is, and the connections kept alive. */
import type { Endpoint, HealthTable, Service } from "../core/service.ts";
import { RetryBudget } from "../core/retry.ts";
import { UpstreamConnection, type UpstreamContext, type UpstreamUser } from "./connection.ts";
import { EndpointPicker } from "./endpoint-picker.ts";
import { ServiceOutcomes } from "./outcome-reporter.ts";
import { type ProxiedClient, proxyHeaderFor } from "./proxied-client.ts";
import { Siblings } from "./siblings.ts";

/** Kept-alive connections to one endpoint; more would only hold descriptors on both sides. */
const IDLE_PER_ENDPOINT_MAX = 256;

/**
 * Lives over reloads as long as the file has a service of that name. Owned by its worker.
 */
export class ServiceState {
  readonly retryBudget = new RetryBudget();
  /** Told of what endpoints do. */
  readonly outcomes: ServiceOutcomes;
  readonly #context: UpstreamContext;
  readonly #idle = new Map<string, UpstreamConnection[]>();
  #service: Service;
  #names: ReadonlySet<string> = new Set();
  readonly #picker: EndpointPicker;
  readonly #siblings = new Siblings();

  /** `start` moves the rotation, so that workers do not all begin with the same endpoint. */
  constructor(context: UpstreamContext, service: Service, start: number) {
    this.#context = context;
    this.#service = service;
    const { random, wallClock } = context;
    this.#picker = new EndpointPicker({ random, wallClock, start }, service);
    this.outcomes = new ServiceOutcomes(context.outcomes, service);
  }

  /** As the newest snapshot has it. */
  get service(): Service {
    return this.#service;
  }

  /** A reload: the policy changes, connections stay. `zone` is the box's own. */
  update(service: Service, zone?: string): void {
    this.#service = service;
    this.#picker.setPolicy(service, zone);
    this.outcomes.update(service);
  }

  /** New endpoints: idle connections to those that are gone are closed, busy ones finish. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    this.#names = new Set(endpoints.map((endpoint) => endpoint.name));
    this.#picker.setEndpoints(endpoints);
    this.outcomes.setEndpoints(this.#names);
    this.#siblings.setEndpoints(endpoints);
    for (const name of this.#idle.keys()) {
      if (!this.#names.has(name)) this.#closeIdle(name);
    }
  }

  /** What the control plane thinks of the endpoints now. */
  setHealth(health: HealthTable): void {
    this.#picker.setHealth(health);
    this.outcomes.setHealth(health);
    this.#siblings.setHealth(health);
  }

  /**
   * The next endpoint, of this subset alone if one is named, that is not among `tried`; undefined when there is none.
   * `hash` is that of the request; undefined = chance decides where hashing would.
   */
  pick(tried: readonly Endpoint[], subset?: string, hash?: number): Endpoint | undefined {
    return this.#picker.pick(tried, subset, hash);
  }

  /**
   * A kept-alive connection to the endpoint, the one used last first; undefined when there is none, or when each begins
   * with a header that speaks of one client.
   */
  takeIdle(endpoint: Endpoint, user: UpstreamUser): UpstreamConnection | undefined {
    if (this.#service.proxyProtocol !== undefined) return undefined;
    const idle = this.#idle.get(endpoint.name);
    let connection = idle?.pop();
    while (connection !== undefined && !connection.usable) connection = idle?.pop();
    if (connection === undefined) return undefined;
    connection.deadlineMs = Number.POSITIVE_INFINITY;
    connection.onIdleClose = undefined;
    connection.user = user;
    return connection;
  }

  /** A new connection; `user` is told when it is there. `proxied` is whom a PROXY header speaks of. */
  dial(endpoint: Endpoint, user: UpstreamUser, proxied?: ProxiedClient): UpstreamConnection {
    const { timeouts, slots } = this.#service;
    return new UpstreamConnection(
      this.#context,
      {
        endpoint,
        sibling: this.#siblings.of(endpoint),
        loadOf: this.#picker.loadOf,
        connectMs: timeouts.connectMs,
        activeSlot: slots.upstreamActive,
        connectSlot: slots.connectSeconds,
        allowLoop: this.#service.allowLoop,
        header: proxyHeaderFor(this.#service, proxied),
      },
      user,
    );
  }

  /** Keeps a connection for the next request, or closes it when its endpoint is gone or enough are kept. */
  release(connection: UpstreamConnection): void {
    const { name } = connection.endpoint;
    const kept = this.#idle.get(name) ?? [];
    if (connection.isOneClients) return connection.destroy();
    if (!this.#names.has(name) || !connection.usable || kept.length >= IDLE_PER_ENDPOINT_MAX) {
      connection.destroy();
      return;
    }
    connection.user = undefined;
    connection.onIdleClose = this.#forget;
    connection.deadlineMs = this.#context.deadlines.after(this.#service.timeouts.idleMs);
    kept.push(connection);
    this.#idle.set(name, kept);
  }

  /** The service is gone, or the worker drains: nothing idle is kept. */
  close(): void {
    this.setEndpoints([]);
  }

  readonly #forget = (connection: UpstreamConnection): void => {
    const kept = this.#idle.get(connection.endpoint.name);
    const index = kept?.indexOf(connection) ?? -1;
    if (index >= 0) kept?.splice(index, 1);
  };

  #closeIdle(name: string): void {
    const idle = this.#idle.get(name) ?? [];
    this.#idle.delete(name);
    for (const connection of idle) connection.destroy();
  }
}
