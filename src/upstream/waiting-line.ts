/** Requests and tunnels of one pool that wait for a connection, in the order in which they came. */
import type { Failure } from "../core/failure.ts";
import type { Endpoint } from "../core/service.ts";
import type { UpstreamConnection, UpstreamUser } from "./connection.ts";
import type { Deadlined } from "./deadlines.ts";
import type { ProxiedClient } from "./proxied-client.ts";

/** Who can wait for a connection. */
export interface UpstreamSeeker extends UpstreamUser {
  /** The wait is over: a connection that was kept alive and is `usable`, or one that is being made. */
  onUpstreamGranted(connection: UpstreamConnection): void;
}

/** What is waited for. */
export interface WaitRequest {
  readonly endpoint: Endpoint;
  readonly seeker: UpstreamSeeker;
  readonly proxied: ProxiedClient | undefined;
  /** A connection that was used before will do. */
  readonly takesUsed: boolean;
}

/** Who lets wait. */
export interface WaitingOwner {
  /** This one waits no longer. */
  left(waiting: Waiting): void;
  /** What those are told who have waited in vain. */
  readonly waitedInVain: Failure;
}

/** One that waits. */
export class Waiting implements Deadlined {
  readonly request: WaitRequest;
  deadlineMs: number;
  /** From then on it takes precedence over those whose endpoint has a connection to hand over. */
  readonly urgentMs: number;
  readonly #owner: WaitingOwner;

  /** `untilMs` is on the clock of deadlines, as `urgentMs`. */
  constructor(
    request: WaitRequest,
    limits: { untilMs: number; urgentMs: number },
    owner: WaitingOwner,
  ) {
    this.request = request;
    this.deadlineMs = limits.untilMs;
    this.urgentMs = limits.urgentMs;
    this.#owner = owner;
  }

  /** It is not wanted any more; a second call is no error. */
  leave(): void {
    this.#owner.left(this);
  }

  /** Its time is over. */
  onDeadline(): void {
    const { waitedInVain } = this.#owner;
    this.leave();
    this.request.seeker.onUpstreamClose(waitedInVain);
  }
}
