/** The connections that this box makes to itself by mistake: known by both their ends, in all workers. */
import { formatAddress } from "../core/client-address.ts";
import type { SocketAddress } from "../core/proxy-protocol/header.ts";
import type { CountKey, SharedCounts } from "../core/shared-counts.ts";
import type { Socket } from "../transport/socket.ts";

/**
 * Owned by its worker. Only connections to a port that we listen on can come back, so only those are kept. Address
 * translation on the way hides one: then the limits of connections end the loop.
 */
export class OwnConnections {
  readonly #counts: SharedCounts;
  /** Counts all that are remembered. */
  readonly #any: CountKey;
  /** The ports of the listeners, as the newest snapshot has them. */
  ports: ReadonlySet<number> = new Set();

  constructor(counts: SharedCounts) {
    this.#counts = counts;
    this.#any = counts.keyOf("own");
  }

  /**
   * Remembers a connection that was made to this port; gives the key to forget it by, or undefined when it cannot come
   * back.
   */
  remember(socket: Socket, port: number): string | undefined {
    if (!this.ports.has(port)) return undefined;
    const key = keyOf(socket.local, socket.remote);
    this.#counts.add(this.#any);
    this.#counts.add(key);
    return key;
  }

  forget(key: string | undefined): void {
    if (key === undefined) return;
    this.#counts.remove(this.#any);
    this.#counts.remove(key);
  }

  /** Whether an accepted connection is one that a worker of this box has made. */
  includes(accepted: Socket): boolean {
    // Hardly ever is there one, and addresses are questions to the kernel.
    if (this.#counts.total(this.#any) === 0) return false;
    return this.#counts.total(keyOf(accepted.remote, accepted.local)) > 0;
  }
}

function keyOf(from: SocketAddress, to: SocketAddress): string {
  return `from ${formatAddress(from.address, from.port)} to ${formatAddress(to.address, to.port)}`;
}
