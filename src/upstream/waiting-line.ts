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

/** What a connection is wanted for. */
export interface UpstreamRequest {
  readonly endpoint: Endpoint;
  /** An HTTP request: a connection that was used before will do, and HTTP/1.1 is what TLS is told of. */
  readonly isHttp: boolean;
  /** Whom a PROXY header speaks of; absent = nobody. */
  readonly proxied?: ProxiedClient | undefined;
}

/** Who lets wait. */
export interface WaitingOwner {
  /** Of a wait that begins now, on the clock of deadlines: see Waiting. */
  readonly limits: { readonly untilMs: number; readonly urgentMs: number };
  /** This one waits no longer. */
  left(waiting: Waiting): void;
  /** What those are told who have waited in vain. */
  readonly waitedInVain: Failure;
}

/** One that waits. */
export class Waiting implements Deadlined {
  readonly request: UpstreamRequest;
  readonly seeker: UpstreamSeeker;
  deadlineMs: number;
  /** From then on it takes precedence over those whose endpoint has a connection to hand over. */
  readonly urgentMs: number;
  readonly #owner: WaitingOwner;

  constructor(request: UpstreamRequest, seeker: UpstreamSeeker, owner: WaitingOwner) {
    this.request = request;
    this.seeker = seeker;
    this.#owner = owner;
    this.deadlineMs = owner.limits.untilMs;
    this.urgentMs = owner.limits.urgentMs;
  }

  /** It is not wanted any more; a second call is no error. */
  leave(): void {
    this.#owner.left(this);
  }

  /** Its time is over. */
  onDeadline(): void {
    const { waitedInVain } = this.#owner;
    this.leave();
    this.seeker.onUpstreamClose(waitedInVain);
  }
}
