/** The connections that this box makes to itself by mistake: known by both their ends, in all workers. */
import type { Socket } from "node:net";
import { formatAddress, unmapAddress } from "../core/client-address.ts";
import type { CountKey, SharedCounts } from "../core/shared-counts.ts";

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
    const key = keyOf(endName(socket, "local"), endName(socket, "remote"));
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
    return this.#counts.total(keyOf(endName(accepted, "remote"), endName(accepted, "local"))) > 0;
  }
}

function endName(socket: Socket, end: "local" | "remote"): string {
  const address = end === "local" ? socket.localAddress : socket.remoteAddress;
  const port = end === "local" ? socket.localPort : socket.remotePort;
  return formatAddress(unmapAddress(address ?? ""), port ?? 0);
}

function keyOf(from: string, to: string): string {
  return `from ${from} to ${to}`;
}
