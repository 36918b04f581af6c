/** Connections of one service that are kept ready for tunnels, so that they begin without the round trip of connecting. */
import type { Failure } from "../core/failure.ts";
import type { Endpoint } from "../core/service.ts";
import type { UpstreamConnection, UpstreamUser } from "./connection.ts";
import type { Deadlined, Deadlines } from "./deadlines.ts";
import type { UpstreamRequest } from "./waiting-line.ts";

/** After a failure, twice as long after each further one. */
const REST_MS_MIN = 500;
const REST_MS_MAX = 30_000;
/** One that is closed sooner was not welcome: its endpoint speaks first, or lets nobody wait. */
const LIFE_MS_MIN = 1000;

/** What they are made with. */
export interface WarmContext {
  readonly deadlines: Deadlines;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** The next endpoint, as the balancer has it. */
  readonly pick: () => Endpoint | undefined;
  /** A new connection, only while there is room that nobody waits for. */
  readonly dial: (request: UpstreamRequest, user: UpstreamUser) => UpstreamConnection | undefined;
  /** What became of a dial, for the endpoint's health. */
  readonly noteOutcome: (endpoint: string, failure: Failure | undefined) => void;
}

/** How many there are to be, and for how long each. */
export interface WarmPolicy {
  readonly count: number;
  readonly ageMs: number;
}

/**
 * Owned by a ServiceState. Each is replaced when it is taken, closed or too old; the balancer says where it leads to, so
 * that whoever takes any of them goes where it would have gone.
 */
export class WarmConnections implements Deadlined {
  /** When to fill up again; Infinity = there is nothing to wait for. */
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #context: WarmContext;
  #policy: WarmPolicy = { count: 0, ageMs: 0 };
  /** The oldest first. */
  #ready: UpstreamConnection[] = [];
  readonly #bornMs = new WeakMap<UpstreamConnection, number>();
  readonly #dialling = new Map<WarmDial, UpstreamConnection>();
  /** In a row. */
  #failures = 0;
  /** Nothing is made before the deadline. */
  #isResting = false;
  #isFilling = false;

  constructor(context: WarmContext) {
    this.#context = context;
  }

  /** How many can be taken. */
  get size(): number {
    return this.#ready.length;
  }

  /** A reload. Effect: fills up, or closes what is too many. */
  setPolicy(policy: WarmPolicy): void {
    this.#policy = policy;
    for (const connection of this.#ready.splice(policy.count)) connection.destroy();
    const surplus = [...this.#dialling].slice(policy.count);
    for (const [dial, connection] of surplus) this.#drop(dial, connection);
    if (policy.count === 0) this.#rested();
    this.fill();
  }

  /** Those to endpoints that are not among these are closed, and replaced. */
  keepOnly(isKept: (endpoint: string) => boolean): void {
    const gone = this.#ready.filter(({ endpoint }) => !isKept(endpoint.name));
    this.#ready = this.#ready.filter((connection) => !gone.includes(connection));
    for (const connection of gone) connection.destroy();
    for (const [dial, connection] of this.#dialling)
      if (!isKept(dial.endpoint)) this.#drop(dial, connection);
    this.#rested();
    this.#failures = 0;
    this.fill();
  }

  /** The newest one, or the newest to this endpoint; it is the caller's. Effect: another one is made soon. */
  take(endpoint: string | undefined): UpstreamConnection | undefined {
    const index = this.#ready.findLastIndex(
      (each) => each.usable && (endpoint === undefined || each.endpoint.name === endpoint),
    );
    if (index < 0) return undefined;
    const [taken] = this.#ready.splice(index, 1);
    this.#failures = 0;
    this.#fillSoon();
    return taken;
  }

  /** The one that may be given up first, of those to this endpoint or of all; it stays here. */
  oldest(endpoint?: string): UpstreamConnection | undefined {
    return this.#ready.find((each) => endpoint === undefined || each.endpoint.name === endpoint);
  }

  /** Forgets one that is given up; another is made when there is room. */
  remove(connection: UpstreamConnection): void {
    const index = this.#ready.indexOf(connection);
    if (index < 0) return;
    this.#ready.splice(index, 1);
    this.#rest(REST_MS_MIN);
  }

  /** Makes what is missing, unless dials have failed lately. */
  fill(): void {
    const missing = this.#policy.count - this.#ready.length - this.#dialling.size;
    for (let i = 0; i < missing && !this.#isResting; i += 1) {
      const endpoint = this.#context.pick();
      // Whoever brings endpoints, or their health, fills up.
      if (endpoint === undefined) return;
      const dial = new WarmDial(endpoint.name, this);
      const connection = this.#context.dial({ endpoint, isHttp: false }, dial);
      if (connection === undefined) return this.#rest(REST_MS_MIN);
      this.#dialling.set(dial, connection);
    }
  }

  /** The rest after a failure, or without room, is over. */
  onDeadline(): void {
    this.#rested();
    this.fill();
  }

  /** Called by its dials. */
  made(dial: WarmDial, connection: UpstreamConnection): void {
    const { deadlines, now } = this.#context;
    this.#dialling.delete(dial);
    this.#context.noteOutcome(connection.endpoint.name, undefined);
    connection.user = undefined;
    connection.onIdleClose = this.#lost;
    connection.deadlineMs = deadlines.after(this.#policy.ageMs);
    this.#bornMs.set(connection, now());
    this.#ready.push(connection);
  }

  /** Called by its dials. */
  failed(dial: WarmDial, failure: Failure): void {
    this.#dialling.delete(dial);
    this.#context.noteOutcome(dial.endpoint, failure);
    this.#backOff();
  }

  /** Closed by its endpoint, or too old. */
  readonly #lost = (connection: UpstreamConnection): void => {
    const index = this.#ready.indexOf(connection);
    if (index >= 0) this.#ready.splice(index, 1);
    const livedMs = this.#context.now() - (this.#bornMs.get(connection) ?? 0);
    if (livedMs < LIFE_MS_MIN) return this.#backOff();
    this.#failures = 0;
    this.#fillSoon();
  };

  #drop(dial: WarmDial, connection: UpstreamConnection): void {
    this.#dialling.delete(dial);
    connection.destroy();
  }

  #backOff(): void {
    this.#failures += 1;
    this.#rest(Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** (this.#failures - 1)));
  }

  #rest(ms: number): void {
    if (this.#policy.count === 0) return;
    this.#isResting = true;
    this.deadlineMs = this.#context.deadlines.after(ms);
    this.#context.deadlines.add(this);
  }

  #rested(): void {
    this.#isResting = false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#context.deadlines.delete(this);
  }

  /** After what is under way: the tunnel that has taken one comes first. */
  #fillSoon(): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    setImmediate(() => {
      this.#isFilling = false;
      this.fill();
    });
  }
}

/** One that is being made. */
class WarmDial implements UpstreamUser {
  readonly endpoint: string;
  readonly #owner: WarmConnections;

  constructor(endpoint: string, owner: WarmConnections) {
    this.endpoint = endpoint;
    this.#owner = owner;
  }

  onUpstreamConnect(connection: UpstreamConnection): void {
    this.#owner.made(this, connection);
  }

  onUpstreamData(): void {
    // Nobody listens to it once it is made.
  }

  onUpstreamEnd(): void {
    // Nor then.
  }

  onUpstreamDrain(): void {
    // Nothing is written.
  }

  onUpstreamClose(failure: Failure): void {
    this.#owner.failed(this, failure);
  }
}
