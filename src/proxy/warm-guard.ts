/** A tunnel on a connection that was kept ready, which may be dead: nobody knew before it was written to. */
import type { Failure } from "../core/failure.ts";
import type { UpstreamConnection, UpstreamUser } from "../upstream/connection.ts";
import type { Tunnel } from "./tunnel.ts";

/** Who began the tunnel. */
export interface WarmGuardOwner {
  /** Begins once more, on a new connection, with what the client has sent; false = that cannot be done any more. */
  startAnew(): boolean;
}

/** The tunnel hears of the connection once the endpoint has sent its first byte; before, its owner may begin anew. */
export function guardWarm(
  connection: UpstreamConnection,
  tunnel: Tunnel,
  owner: WarmGuardOwner,
): void {
  connection.user = new WarmGuard(connection, tunnel, owner);
}

/** Stands between the connection and its tunnel until the endpoint has sent its first byte. */
class WarmGuard implements UpstreamUser {
  readonly #connection: UpstreamConnection;
  readonly #tunnel: Tunnel;
  readonly #owner: WarmGuardOwner;

  constructor(connection: UpstreamConnection, tunnel: Tunnel, owner: WarmGuardOwner) {
    this.#connection = connection;
    this.#tunnel = tunnel;
    this.#owner = owner;
  }

  onUpstreamConnect(): void {
    // It is connected.
  }

  onUpstreamData(bytes: Buffer): void {
    this.#connection.user = this.#tunnel;
    this.#tunnel.onUpstreamData(bytes);
  }

  onUpstreamEnd(): void {
    if (this.#owner.startAnew()) return;
    this.#connection.user = this.#tunnel;
    this.#tunnel.onUpstreamEnd();
  }

  onUpstreamDrain(): void {
    this.#tunnel.onUpstreamDrain();
  }

  onUpstreamClose(failure: Failure): void {
    if (!this.#owner.startAnew()) this.#tunnel.onUpstreamClose(failure);
  }
}
