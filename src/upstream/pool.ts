/** The connections of one service in one worker: kept alive, limited together with the other workers', waited for. */
import type { Failure } from "../core/failure.ts";
import type { Endpoint, Service } from "../core/service.ts";
import {
  type ConnectionOwner,
  type DialOptions,
  UpstreamConnection,
  type UpstreamContext,
  type UpstreamUser,
} from "./connection.ts";
import { IdleConnections } from "./idle-connections.ts";
import { PoolCounts, type PoolLimit } from "./pool-counts.ts";
import type { SharingPool } from "./shared-pools.ts";
import {
  type UpstreamRequest,
  type UpstreamSeeker,
  type Waiting,
  WaitingLine,
} from "./waiting-line.ts";

/** Kept-alive connections to one endpoint; more would only hold descriptors on both sides. */
const IDLE_PER_ENDPOINT_MAX = 256;
/** For so long a place that was given to others is theirs alone: to hear of it takes less than a tenth of that. */
const YIELD_MS = 1;

/** What a connection is made of besides what the pool adds. */
export type PoolDial = Pick<DialOptions, "endpoint" | "sibling" | "loadOf" | "header" | "tls">;

/** Connections that nobody uses, besides those of the pool: they too make room when one is wanted. */
export interface SpareConnections {
  /** The one to be given up first, of those to this endpoint or of all; it stays there. */
  oldest(endpoint?: string): UpstreamConnection | undefined;
  /** Forgets one; what is not there is no error. */
  remove(connection: UpstreamConnection): void;
}

/** How a connection for a request is made. */
export type DescribeDial = (request: UpstreamRequest) => PoolDial;

/**
 * Owned by its worker's ServiceState. The limits hold over all workers: a place is taken in shared memory when a
 * connection is made and given back when it is closed, so that one kept alive costs nothing there. Who finds no place
 * waits, in order; a connection that becomes free goes to whoever waits, here or in another worker.
 */
export class Pool implements SharingPool, ConnectionOwner {
  readonly #context: UpstreamContext;
  readonly #describe: DescribeDial;
  readonly #counts: PoolCounts;
  readonly #idle = new IdleConnections();
  #spare: SpareConnections | undefined;
  readonly #line: WaitingLine;
  /** Those who wait do so for single endpoints that are full: others need not wait behind them. */
  #isLineParted = false;
  /** Connections of this worker, by endpoint and all. */
  readonly #openTo = new Map<string, number>();
  #open = 0;
  #service: Service;
  #names: ReadonlySet<string> = new Set();
  /** Connections of an older one are closed after their request: they were made by other rules. */
  #generation = 0;
  /** A reload has lowered a limit, and more are open. */
  #isOver = false;
  /** A connection is being closed whose place is spoken for. */
  #isPlaceTaken = false;
  /** Whether it was this worker's turn last, when others wait too. */
  #hadTurn = false;
  /** It has just given a place to others, who need a moment to hear of it. */
  #hasYielded = false;

  constructor(context: UpstreamContext, service: Service, describe: DescribeDial) {
    this.#context = context;
    this.#service = service;
    this.#describe = describe;
    const { deadlines, pools } = context;
    this.#counts = new PoolCounts(pools.counts, service.name);
    const counts = this.#counts;
    this.#line = new WaitingLine({ deadlines, pools, counts, service: () => this.#service }, this);
  }

  /** Others that may be given up. */
  addSpare(spare: SpareConnections): void {
    this.#spare = spare;
  }

  /** A reload; `isOther` = connections to the endpoints are made in another way now. */
  update(service: Service, isOther: boolean): void {
    this.#service = service;
    if (isOther) {
      this.#generation += 1;
      for (const name of this.#idle.endpoints()) this.#closeIdle(name);
    }
    this.#isOver = true;
    for (const endpoint of [undefined, ...this.#openTo.keys()]) this.#shrink(endpoint);
    this.#placeIsFree();
  }

  /** The names of the endpoints now: idle connections to others are closed, busy ones finish. */
  setEndpoints(names: ReadonlySet<string>): void {
    this.#names = names;
    const gone = this.#idle.endpoints().filter((name) => !names.has(name));
    for (const name of gone) this.#closeIdle(name);
    if (gone.length > 0) this.#placeIsFree();
  }

  /**
   * A kept-alive connection to the endpoint, the one used last first; undefined when there is none, or when each begins
   * with a header that speaks of one client.
   */
  takeIdle(endpoint: Endpoint, user: UpstreamUser): UpstreamConnection | undefined {
    if (this.#service.proxyProtocol !== undefined) return undefined;
    const connection = this.#idle.takeNewest(endpoint.name);
    if (connection !== undefined) use(connection, user);
    return connection;
  }

  /** A new connection, of which `user` is told; undefined when a limit is reached, or others wait already. */
  dial(request: UpstreamRequest, user: UpstreamUser): UpstreamConnection | undefined {
    if (this.#line.size > 0 && !this.#isLineParted) return undefined;
    if (this.#takePlace(request.endpoint.name) !== undefined) return undefined;
    return this.#connect(request, user);
  }

  /** One that nobody asks for yet: undefined also when anybody waits, or when another one would have to be closed. */
  dialSpare(request: UpstreamRequest, user: UpstreamUser): UpstreamConnection | undefined {
    const { pools } = this.#context;
    if (this.#line.size > 0 || (pools.othersWait && this.#line.others(undefined) > 0))
      return undefined;
    const limit = this.#counts.take(this.#service.pool, request.endpoint.name);
    return limit === undefined ? this.#connect(request, user) : undefined;
  }

  /** A place in the line, or that there is none left. */
  wait(request: UpstreamRequest, seeker: UpstreamSeeker): Waiting | Failure {
    return this.#line.join(request, seeker);
  }

  /** See WaitingLine. */
  keepWaiting(isKept: (endpoint: string) => boolean): void {
    this.#line.keepOnly(isKept);
  }

  /** Hands a connection to whoever waits for one, keeps it for the next request, or closes it. */
  release(connection: UpstreamConnection): void {
    if (!this.#mayKeep(connection)) return connection.destroy();
    const { pools } = this.#context;
    if (this.#line.size === 0 && !pools.othersWait) return this.#keep(connection);
    const { name } = connection.endpoint;
    if (this.#isOthersTurn(name)) {
      this.#closeQuietly(connection);
      this.#hasYielded = true;
      return pools.free();
    }
    // What keeps those who wait for single endpoints back is not that this connection is open.
    const isUrgent =
      !this.#isLineParted && this.#line.hasUrgent(name, (other) => this.#openTo.has(other));
    const waiting = isUrgent ? undefined : this.#line.firstFor(name);
    if (waiting !== undefined) {
      waiting.leave();
      use(connection, waiting.seeker);
      waiting.seeker.onUpstreamGranted(connection);
    } else if (this.#line.size === 0 || this.#isLineParted) this.#keep(connection);
    else {
      this.#closeQuietly(connection);
      this.serve();
    }
  }

  /** Counts a retry that begins; false = there are as many under way as there may be. */
  takeRetry(): boolean {
    return this.#counts.takeRetry(this.#service.pool.retriesMax);
  }

  /** One that was counted is over. */
  giveRetry(): void {
    this.#counts.giveRetry();
  }

  /** There is neither an idle connection to the endpoint nor room for a new one among those to it. */
  isFull(endpoint: Endpoint): boolean {
    const { endpointConnectionsMax } = this.#service.pool;
    if (endpointConnectionsMax === undefined || this.#idle.sizeOf(endpoint.name) > 0) return false;
    return this.#counts.openTo(endpoint.name) >= endpointConnectionsMax;
  }

  /** See SharingPool: makes connections for those who wait, as far as there are places. */
  serve(): void {
    const full = new Set<string>();
    for (const waiting of this.#line) {
      const { endpoint } = waiting.request;
      if (full.has(endpoint.name)) continue;
      const limit = this.#takePlace(endpoint.name);
      if (limit === "connections") return;
      if (limit === "endpoint_connections") full.add(endpoint.name);
      else {
        waiting.leave();
        const connection = this.#connect(waiting.request, waiting.seeker);
        waiting.seeker.onUpstreamGranted(connection);
      }
    }
  }

  /** See SharingPool. */
  onFreed(): void {
    if (!this.#hasYielded) return this.serve();
    this.#hasYielded = false;
    setTimeout(() => this.serve(), YIELD_MS).unref();
  }

  /** See SharingPool. */
  giveUpIdle(): void {
    if (this.#oldest() === undefined) return;
    let given = 0;
    for (const endpoint of this.#areEndpointsFull ? [...this.#openTo.keys()] : [undefined]) {
      const others = this.#line.others(endpoint);
      for (let i = 0; i < others; i += 1) {
        const oldest = this.#oldest(endpoint);
        if (oldest === undefined) break;
        this.#evict(oldest);
        given += 1;
      }
    }
    if (given > 0) this.#context.pools.free();
  }

  /** See ConnectionOwner. */
  onConnectionMoved(from: string, to: string): void {
    this.#count(from, -1);
    this.#count(to, 1);
    this.#counts.move(from, to);
  }

  /** See ConnectionOwner. */
  onConnectionGone(connection: UpstreamConnection): void {
    const { name } = connection.endpoint;
    this.#count(name, -1);
    this.#open -= 1;
    this.#counts.give(name);
    if (this.#open === 0) this.#context.pools.emptied(this);
    if (!this.#isPlaceTaken) this.#placeIsFree(name);
  }

  /** Its place is taken already. */
  #connect(request: UpstreamRequest, user: UpstreamUser): UpstreamConnection {
    const { timeouts, slots, allowLoop } = this.#service;
    this.#open += 1;
    this.#count(request.endpoint.name, 1);
    this.#context.pools.opened(this);
    const connection = new UpstreamConnection(
      this.#context,
      {
        ...this.#describe(request),
        connectMs: timeouts.connectMs,
        activeSlot: slots.upstreamActive,
        connectSlot: slots.connectSeconds,
        allowLoop,
        generation: this.#generation,
        owner: this,
      },
      user,
    );
    connection.requests = 1;
    return connection;
  }

  /** Idle connections make room for new ones. */
  #takePlace(endpoint: string): PoolLimit | undefined {
    for (;;) {
      const limit = this.#counts.take(this.#service.pool, endpoint);
      if (limit === undefined) return undefined;
      const oldest = this.#oldest(limit === "connections" ? undefined : endpoint);
      this.#isLineParted = limit !== "connections";
      if (oldest === undefined) return limit;
      this.#evict(oldest);
    }
  }

  #mayKeep(connection: UpstreamConnection): boolean {
    const { name } = connection.endpoint;
    const requestsMax = this.#service.pool.requestsPerConnectionMax ?? Number.POSITIVE_INFINITY;
    return (
      connection.usable &&
      !connection.isOneClients &&
      connection.generation === this.#generation &&
      connection.requests < requestsMax &&
      this.#names.has(name) &&
      this.#idle.sizeOf(name) < IDLE_PER_ENDPOINT_MAX &&
      !this.#isOverLimit(connection)
    );
  }

  /** Asks the shared counts only after a reload, until they are within the limits again. */
  #isOverLimit({ endpoint }: UpstreamConnection): boolean {
    if (!this.#isOver) return false;
    const { connectionsMax, endpointConnectionsMax } = this.#service.pool;
    const endpointMax = endpointConnectionsMax ?? Number.POSITIVE_INFINITY;
    const isServiceOver = this.#counts.open > connectionsMax;
    const over = [...this.#openTo.keys()].filter((name) => this.#counts.openTo(name) > endpointMax);
    this.#isOver = isServiceOver || over.length > 0;
    return isServiceOver || over.includes(endpoint.name);
  }

  #keep(connection: UpstreamConnection): void {
    connection.user = undefined;
    connection.onIdleClose = this.#forget;
    connection.deadlineMs = this.#context.deadlines.after(this.#service.timeouts.idleMs);
    this.#idle.add(connection);
  }

  readonly #forget = (connection: UpstreamConnection): void => this.#idle.remove(connection);

  /** It is not the limit of the whole service that keeps anybody waiting. */
  get #areEndpointsFull(): boolean {
    const { connectionsMax, endpointConnectionsMax } = this.#service.pool;
    return endpointConnectionsMax !== undefined && this.#counts.open < connectionsMax;
  }

  /**
   * Others wait for the place of a connection to this endpoint, and it is theirs: always when nobody waits here; else every
   * second time while this worker has more than its share.
   */
  #isOthersTurn(endpoint: string): boolean {
    const { pools } = this.#context;
    if (!pools.othersWait) return false;
    if (this.#line.others(this.#areEndpointsFull ? endpoint : undefined) <= 0) return false;
    if (this.#line.size === 0) return true;
    const { connectionsMax, endpointConnectionsMax = connectionsMax } = this.#service.pool;
    const openTo = this.#openTo.get(endpoint) ?? 0;
    const isGreedy =
      this.#open * pools.workers > connectionsMax ||
      openTo * pools.workers > endpointConnectionsMax;
    if (!isGreedy) return false;
    this.#hadTurn = !this.#hadTurn;
    return !this.#hadTurn;
  }

  /** Of a connection to this endpoint, or of any. */
  #placeIsFree(endpoint = ""): void {
    if (this.#line.size > 0) {
      this.#hasYielded = this.#isOthersTurn(endpoint);
      if (!this.#hasYielded) this.serve();
    }
    // Nobody here may want to go where there is room now.
    if (this.#context.pools.othersWait) this.#context.pools.free();
  }

  /** What is idle and too many is closed, of all or of those to one endpoint. */
  #shrink(endpoint: string | undefined): void {
    let oldest = this.#oldest(endpoint);
    while (oldest !== undefined && this.#isOverLimit(oldest)) {
      this.#evict(oldest);
      oldest = this.#oldest(endpoint);
    }
  }

  #oldest(endpoint?: string): UpstreamConnection | undefined {
    return this.#idle.oldest(endpoint) ?? this.#spare?.oldest(endpoint);
  }

  #evict(connection: UpstreamConnection): void {
    this.#idle.remove(connection);
    this.#spare?.remove(connection);
    this.#closeQuietly(connection);
  }

  #closeIdle(name: string): void {
    for (const connection of this.#idle.takeAll(name)) this.#closeQuietly(connection);
  }

  /** What becomes of its place is the caller's business. */
  #closeQuietly(connection: UpstreamConnection): void {
    this.#isPlaceTaken = true;
    connection.destroy();
    this.#isPlaceTaken = false;
  }

  #count(endpoint: string, change: number): void {
    const count = (this.#openTo.get(endpoint) ?? 0) + change;
    if (count > 0) this.#openTo.set(endpoint, count);
    else this.#openTo.delete(endpoint);
  }
}

/** From now on it is this user's. Effect: it is closed by no limit of idleness any more. */
export function use(connection: UpstreamConnection, user: UpstreamUser): void {
  connection.deadlineMs = Number.POSITIVE_INFINITY;
  connection.onIdleClose = undefined;
  connection.user = user;
  connection.requests += 1;
}
