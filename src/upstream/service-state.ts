/** The live state of one service in one worker: whose turn it is, and the connections kept alive. */
import type { Endpoint, HealthTable, Service } from "../core/service.ts";
import { RetryBudget } from "../core/retry.ts";
import type { Failure } from "../core/failure.ts";
import type { UpstreamConnection, UpstreamContext, UpstreamUser } from "./connection.ts";
import { EndpointPicker } from "./endpoint-picker.ts";
import { EndpointTlsClient, isSameTls } from "./endpoint-tls.ts";
import { ServiceOutcomes } from "./outcome-reporter.ts";
import { Pool, type PoolDial, use } from "./pool.ts";
import { proxyHeaderFor } from "./proxied-client.ts";
import { Siblings } from "./siblings.ts";
import type { UpstreamRequest, UpstreamSeeker, Waiting } from "./waiting-line.ts";
import { WarmConnections } from "./warm-connections.ts";

/** What TLS is told that HTTP requests speak (RFC 7301). */
const HTTP_ALPN = ["http/1.1"];
/** Endpoints that are asked whether there is room, before a request waits for the first of them. */
const ROOM_TRIES = 8;

/**
 * Lives over reloads as long as the file has a service of that name. Owned by its worker.
 */
export class ServiceState {
  readonly retryBudget = new RetryBudget();
  /** Told of what endpoints do. */
  readonly outcomes: ServiceOutcomes;
  readonly #context: UpstreamContext;
  readonly #pool: Pool;
  readonly #warm: WarmConnections;
  #service: Service;
  #names: ReadonlySet<string> = new Set();
  #health: HealthTable = {};
  #tls: EndpointTlsClient | undefined;
  readonly #picker: EndpointPicker;
  readonly #siblings = new Siblings();

  /** `start` moves the rotation, so that workers do not all begin with the same endpoint. */
  constructor(context: UpstreamContext, service: Service, start: number) {
    this.#context = context;
    this.#service = service;
    const { random, wallClock } = context;
    this.#picker = new EndpointPicker({ random, wallClock, start }, service);
    this.outcomes = new ServiceOutcomes(context.outcomes, service);
    this.#pool = new Pool(context, service, (request) => this.#describeDial(request));
    this.#tls = this.#createTls();
    this.#warm = this.#createWarm();
    this.#pool.addSpare(this.#warm);
    this.#updateWarm();
  }

  /** As the newest snapshot has it. */
  get service(): Service {
    return this.#service;
  }

  /** A reload: the policy changes, connections stay, unless they would be made in another way now. `zone` is the box's own. */
  update(service: Service, zone?: string): void {
    const before = this.#service;
    this.#service = service;
    this.#picker.setPolicy(service, zone);
    this.outcomes.update(service);
    const isOtherTls = !isSameTls(before.tls, service.tls);
    if (isOtherTls) this.#tls = this.#createTls();
    const isOther = isOtherTls || before.proxyProtocol !== service.proxyProtocol;
    this.#pool.update(service, isOther);
    if (isOther) this.#warm.keepOnly(() => false);
    this.#updateWarm();
  }

  /** New endpoints: idle connections to those that are gone are closed, busy ones finish. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    const names = new Set(endpoints.map((endpoint) => endpoint.name));
    this.#names = names;
    this.#picker.setEndpoints(endpoints);
    this.outcomes.setEndpoints(names);
    this.#siblings.setEndpoints(endpoints);
    this.#pool.setEndpoints(names);
    this.#warm.keepOnly(this.#isWarmable);
    // With none left, as of a service that a reload has taken away, who waits already may still be served.
    if (names.size > 0) this.#pool.keepWaiting(this.#isWorthWaiting);
  }

  /** What the control plane thinks of the endpoints now. */
  setHealth(health: HealthTable): void {
    this.#picker.setHealth(health);
    this.outcomes.setHealth(health);
    this.#siblings.setHealth(health);
    this.#health = health;
    this.#warm.keepOnly(this.#isWarmable);
    this.#pool.keepWaiting(this.#isWorthWaiting);
  }

  /**
   * The next endpoint, of this subset alone if one is named, that is not among `tried`, one with room for a connection
   * if there is one near; undefined when there is none. `hash` is that of the request, which belongs to one endpoint and
   * waits for it; undefined = chance decides where hashing would.
   */
  pick(tried: readonly Endpoint[], subset?: string, hash?: number): Endpoint | undefined {
    const first = this.#picker.pick(tried, subset, hash);
    if (first === undefined || !this.#pool.isFull(first) || hash !== undefined) return first;
    const full = [...tried, first];
    for (let i = 0; i < ROOM_TRIES; i += 1) {
      const next = this.#picker.pick(full, subset, undefined);
      if (next === undefined) return first;
      if (!this.#pool.isFull(next)) return next;
      full.push(next);
    }
    return first;
  }

  /** How many requests and tunnels each endpoint has in this worker; what has none is left out. */
  get loads(): ReadonlyMap<string, number> {
    return this.#picker.loads;
  }

  /** See Pool. */
  takeIdle(endpoint: Endpoint, user: UpstreamUser): UpstreamConnection | undefined {
    return this.#pool.takeIdle(endpoint, user);
  }

  /** See Pool. */
  dial(request: UpstreamRequest, user: UpstreamUser): UpstreamConnection | undefined {
    return this.#pool.dial(request, user);
  }

  /**
   * A connection that was kept ready for a tunnel, to this endpoint if one is named; undefined when there is none. It may
   * turn out closed once it is written to.
   */
  takeWarm(user: UpstreamUser, endpoint?: Endpoint): UpstreamConnection | undefined {
    const connection = this.#warm.take(endpoint?.name);
    if (connection !== undefined) use(connection, user);
    return connection;
  }

  /** See Pool: what follows a `dial` that has come to nothing. */
  wait(request: UpstreamRequest, seeker: UpstreamSeeker): Waiting | Failure {
    return this.#pool.wait(request, seeker);
  }

  /** See Pool. */
  release(connection: UpstreamConnection): void {
    this.#pool.release(connection);
  }

  /** A request that an endpoint has got is sent again; false = as many are under way as may be. `giveRetry` follows. */
  takeRetry(): boolean {
    return this.#pool.takeRetry();
  }

  /** What `takeRetry` has let begin is over. */
  giveRetry(): void {
    this.#pool.giveRetry();
  }

  /** The service is gone, or the worker drains: nothing idle is kept. */
  close(): void {
    this.setEndpoints([]);
  }

  readonly #isWarmable = (endpoint: string): boolean =>
    this.#names.has(endpoint) && (this.#health[endpoint]?.state ?? "healthy") === "healthy";

  /** What was taken out by hand gets nothing new, also of what waits; what is ill may be all there is. */
  readonly #isWorthWaiting = (endpoint: string): boolean =>
    this.#names.has(endpoint) && this.#health[endpoint]?.state !== "out";

  #createWarm(): WarmConnections {
    const { deadlines, now } = this.#context;
    return new WarmConnections({
      deadlines,
      now,
      pick: () => this.#picker.pick([], undefined, undefined),
      dial: (request, user) => this.#pool.dialSpare(request, user),
      noteOutcome: (endpoint, failure) => {
        if (failure === undefined) this.outcomes.connected(endpoint);
        else this.outcomes.failed(endpoint, failure);
      },
    });
  }

  /** A PROXY header speaks of a client, who is not there yet. */
  #updateWarm(): void {
    const { pool, proxyProtocol, timeouts } = this.#service;
    const count = proxyProtocol === undefined ? pool.warm : 0;
    this.#warm.setPolicy({ count, ageMs: timeouts.idleMs });
  }

  #createTls(): EndpointTlsClient | undefined {
    const { tls } = this.#service;
    return tls === undefined ? undefined : new EndpointTlsClient(tls, this.#context.authorities);
  }

  #describeDial({ endpoint, proxied, isHttp }: UpstreamRequest): PoolDial {
    const client = this.#tls;
    return {
      endpoint,
      sibling: this.#siblings.of(endpoint),
      loadOf: this.#picker.loadOf,
      header: proxyHeaderFor(this.#service, proxied),
      tls: client === undefined ? undefined : { client, alpn: isHttp ? HTTP_ALPN : [] },
    };
  }
}
