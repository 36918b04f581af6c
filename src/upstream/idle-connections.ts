/** Connections of one pool that nobody uses now, by endpoint, in the order in which they became idle. */
import type { UpstreamConnection } from "./connection.ts";

/** Owned by a pool, which also ends them. */
export class IdleConnections {
  readonly #byEndpoint = new Map<string, UpstreamConnection[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many lead to the endpoint. */
  sizeOf(endpoint: string): number {
    return this.#byEndpoint.get(endpoint)?.length ?? 0;
  }

  /** Keeps one. */
  add(connection: UpstreamConnection): void {
    const { name } = connection.endpoint;
    const kept = this.#byEndpoint.get(name);
    if (kept === undefined) this.#byEndpoint.set(name, [connection]);
    else kept.push(connection);
    this.#size += 1;
  }

  /** The one to the endpoint that was used last and is usable; those above it that are not are dropped. */
  takeNewest(endpoint: string): UpstreamConnection | undefined {
    const kept = this.#byEndpoint.get(endpoint);
    let connection = kept?.pop();
    while (connection !== undefined) {
      this.#size -= 1;
      if (connection.usable) return connection;
      connection = kept?.pop();
    }
    return undefined;
  }

  /** The one that has been idle for longest, of this endpoint or of all; it stays here. */
  oldest(endpoint?: string): UpstreamConnection | undefined {
    if (endpoint !== undefined) return this.#byEndpoint.get(endpoint)?.[0];
    let oldest: UpstreamConnection | undefined;
    for (const [first] of this.#byEndpoint.values()) {
      if (first !== undefined && first.deadlineMs < (oldest?.deadlineMs ?? Infinity))
        oldest = first;
    }
    return oldest;
  }

  /** Forgets one; what is not here is no error. */
  remove(connection: UpstreamConnection): void {
    const kept = this.#byEndpoint.get(connection.endpoint.name);
    const index = kept?.indexOf(connection) ?? -1;
    if (index < 0) return;
    kept?.splice(index, 1);
    this.#size -= 1;
  }

  /** Endpoints that there have been connections to. */
  endpoints(): readonly string[] {
    return [...this.#byEndpoint.keys()];
  }

  /** Forgets all to one endpoint and gives them back. */
  takeAll(endpoint: string): readonly UpstreamConnection[] {
    const kept = this.#byEndpoint.get(endpoint) ?? [];
    this.#byEndpoint.delete(endpoint);
    this.#size -= kept.length;
    return kept;
  }
}
