/** The connection to an endpoint that an exchange or a tunnel has, is making, or waits for. */
import type { Failure } from "../core/failure.ts";
import type { Endpoint } from "../core/service.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import type { ServiceState } from "../upstream/service-state.ts";
import type { UpstreamRequest, UpstreamSeeker, Waiting } from "../upstream/waiting-line.ts";

/** At most one at a time. Owned by whoever is its seeker. */
export class UpstreamLink {
  readonly #seeker: UpstreamSeeker;
  #connection: UpstreamConnection | undefined;
  #waiting: Waiting | undefined;

  constructor(seeker: UpstreamSeeker) {
    this.#seeker = seeker;
  }

  /** Made or being made; undefined while there is none. */
  get connection(): UpstreamConnection | undefined {
    return this.#connection;
  }

  /** Nobody has been asked for anything yet. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  /** Takes one that was kept alive; undefined when there is none. */
  reuse(service: ServiceState, endpoint: Endpoint): UpstreamConnection | undefined {
    this.#connection = service.takeIdle(endpoint, this.#seeker);
    return this.#connection;
  }

  /** Takes one that was kept ready, to this endpoint if one is named; undefined when there is none. */
  takeWarm(service: ServiceState, endpoint: Endpoint | undefined): UpstreamConnection | undefined {
    this.#connection = service.takeWarm(this.#seeker, endpoint);
    return this.#connection;
  }

  /** Begins to make one, or to wait for one: the seeker is told. A failure when too many wait already. */
  open(service: ServiceState, request: UpstreamRequest): Failure | undefined {
    this.#connection = service.dial(request, this.#seeker);
    if (this.#connection !== undefined) return undefined;
    const place = service.wait(request, this.#seeker);
    if ("kind" in place) return place;
    this.#waiting = place;
    return undefined;
  }

  /** The wait is over. */
  granted(connection: UpstreamConnection): void {
    this.#waiting = undefined;
    this.#connection = connection;
  }

  /** The request is over; `isReusable` = its connection may be used for another one. */
  giveBack(service: ServiceState | undefined, isReusable: boolean): void {
    const connection = this.#connection;
    this.#connection = undefined;
    // Bytes that the endpoint has not taken would stand before the next request.
    const isFlushed = connection?.socket.writableLength === 0;
    if (connection !== undefined && isReusable && isFlushed) service?.release(connection);
    else connection?.destroy();
  }

  /** The connection is gone, or somebody else's now; or the wait was in vain. */
  forget(): void {
    this.#waiting = undefined;
    this.#connection = undefined;
  }

  /** Closes the connection, or stops waiting; the seeker hears nothing more. */
  drop(): void {
    this.#waiting?.leave();
    this.#waiting = undefined;
    this.#connection?.destroy();
    this.#connection = undefined;
  }
}
