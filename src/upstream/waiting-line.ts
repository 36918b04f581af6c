/** Requests and tunnels of one pool that wait for a connection, in the order in which they came. */
import type { Failure } from "../core/failure.ts";
import type { Endpoint, Service } from "../core/service.ts";
import type { UpstreamConnection, UpstreamUser } from "./connection.ts";
import type { Deadlined, Deadlines } from "./deadlines.ts";
import type { PoolCounts } from "./pool-counts.ts";
import type { ProxiedClient } from "./proxied-client.ts";
import type { SharedPools, SharingPool } from "./shared-pools.ts";

/** Who can wait for a connection. */
export interface UpstreamSeeker extends UpstreamUser {
  /** The wait is over: a connection that was kept alive and is `usable`, or one that is being made. */
  onUpstreamGranted(connection: UpstreamConnection): void;
}

/** What a connection is wanted for. */
export interface UpstreamRequest {
  readonly endpoint: Endpoint;
  /** An HTTP request: a connection that was used before will do, and HTTP/1.1 is what TLS is told of. */
  readonly isHttp: boolean;
  /** Whom a PROXY header speaks of; absent = nobody. */
  readonly proxied?: ProxiedClient | undefined;
}

/** One that waits. */
export class Waiting implements Deadlined {
  readonly request: UpstreamRequest;
  readonly seeker: UpstreamSeeker;
  deadlineMs: number;
  readonly #line: WaitingLine;

  /** `untilMs` is on the clock of deadlines. */
  constructor(
    wanted: { request: UpstreamRequest; seeker: UpstreamSeeker },
    untilMs: number,
    line: WaitingLine,
  ) {
    this.request = wanted.request;
    this.seeker = wanted.seeker;
    this.deadlineMs = untilMs;
    this.#line = line;
  }

  /** It is not wanted any more; a second call is no error. */
  leave(): void {
    this.#line.remove(this);
  }

  /** Its time is over. */
  onDeadline(): void {
    const { waitedInVain } = this.#line;
    this.leave();
    this.seeker.onUpstreamClose(waitedInVain);
  }
}

/** What a line is made with. */
export interface LineContext {
  readonly deadlines: Deadlines;
  readonly pools: SharedPools;
  readonly counts: PoolCounts;
  /** As the newest snapshot has it. */
  readonly service: () => Service;
}

/** Owned by a pool. Counts who waits over all workers, and asks these for a place as long as somebody does. */
export class WaitingLine implements Deadlined, Iterable<Waiting> {
  /** When to look again, should a signal have been lost. */
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #context: LineContext;
  readonly #pool: SharingPool;
  readonly #line = new Set<Waiting>();

  constructor(context: LineContext, pool: SharingPool) {
    this.#context = context;
    this.#pool = pool;
  }

  /** How many wait here. */
  get size(): number {
    return this.#line.size;
  }

  /** How many wait in other workers, for this endpoint or for any: looks at what is shared. */
  others(endpoint: string | undefined): number {
    const all = this.#context.counts.queued(endpoint);
    if (all === 0 || endpoint === undefined) return all - this.#line.size;
    let own = 0;
    for (const { request } of this.#line) own += Number(request.endpoint.name === endpoint);
    return all - own;
  }

  /** In the order in which they came. */
  [Symbol.iterator](): IterableIterator<Waiting> {
    return this.#line.values();
  }

  /** A place at the end, or that there is none left. */
  join(request: UpstreamRequest, seeker: UpstreamSeeker): Waiting | Failure {
    const { deadlines, pools, counts, service } = this.#context;
    const { pool, timeouts, name } = service();
    if (!counts.queue(pool.pendingMax, request.endpoint.name)) {
      return { kind: "overflow", detail: `${name}: pool.pending is ${pool.pendingMax}` };
    }
    const waiting = new Waiting({ request, seeker }, deadlines.after(timeouts.connectMs), this);
    this.#line.add(waiting);
    deadlines.add(waiting);
    deadlines.add(this);
    this.deadlineMs = deadlines.after(0);
    pools.enter(this.#pool);
    return waiting;
  }

  /** Takes one out; what is not in it is no error. */
  remove(waiting: Waiting): void {
    if (!this.#line.delete(waiting)) return;
    const { deadlines, pools, counts } = this.#context;
    deadlines.delete(waiting);
    if (this.#line.size === 0) deadlines.delete(this);
    counts.unqueue(waiting.request.endpoint.name);
    pools.leave(this.#pool, this.#line.size === 0);
  }

  /** Those who wait for other endpoints than these are told at once that theirs may not be used any more. */
  keepOnly(isKept: (endpoint: string) => boolean): void {
    // Who looks for another endpoint may come back to the end of the line meanwhile, and is kept then.
    for (const waiting of this.#line) {
      const { name } = waiting.request.endpoint;
      if (isKept(name)) continue;
      waiting.leave();
      waiting.seeker.onUpstreamClose({ kind: "no-endpoint", detail: `${name} is gone or out` });
    }
  }

  /** The first who can use a connection to this endpoint that was used before. */
  firstFor(endpoint: string): Waiting | undefined {
    for (const waiting of this.#line) {
      const { request } = waiting;
      if (request.isHttp && request.endpoint.name === endpoint) return waiting;
    }
    return undefined;
  }

  /**
   * The first of all is to get the next place rather than somebody behind it a connection to this endpoint: it wants to go
   * there with a new one, or elsewhere, where no connection leads yet or half of its time is over.
   */
  hasUrgent(endpoint: string, hasConnection: (endpoint: string) => boolean): boolean {
    const [first] = this.#line;
    if (first === undefined) return false;
    const { isHttp, endpoint: wanted } = first.request;
    if (wanted.name === endpoint) return !isHttp;
    return !hasConnection(wanted.name) || !this.#canWait(first);
  }

  /** What those are told who have waited in vain. */
  get waitedInVain(): Failure {
    const { name, pool, timeouts } = this.#context.service();
    const limits = [`pool.connections is ${pool.connectionsMax}`];
    if (pool.endpointConnectionsMax !== undefined)
      limits.push(`pool.endpoint_connections is ${pool.endpointConnectionsMax}`);
    const detail = `${name}: none was free within ${timeouts.connectMs} ms, ${limits.join(", ")}`;
    return { kind: "overflow", detail };
  }

  /** Looks again, and asks the others again. */
  onDeadline(): void {
    const { deadlines, pools } = this.#context;
    this.deadlineMs = deadlines.after(0);
    pools.want();
    this.#pool.serve();
  }

  #canWait({ deadlineMs }: Waiting): boolean {
    const { deadlines, service } = this.#context;
    return deadlines.after(service().timeouts.connectMs / 2) < deadlineMs;
  }
}
