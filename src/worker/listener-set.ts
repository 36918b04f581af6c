/** The listeners of one worker over reloads: an unchanged address keeps its socket. */
import type { Listener } from "../core/model.ts";
import type { BindProblem } from "../core/messages.ts";
import type { OpenConnection } from "../core/open-connections.ts";
import type { ProxyContext } from "../proxy/context.ts";
import { BoundListener } from "../proxy/listener.ts";

/** Owned by its worker. */
export class ListenerSet {
  readonly #context: ProxyContext;
  #bound = new Map<string, BoundListener>();
  /** Bound for the snapshot that is being prepared. */
  #fresh = new Map<string, BoundListener>();
  /** Closed by a reload, with connections that live on. */
  #retired: BoundListener[] = [];

  constructor(context: ProxyContext) {
    this.#context = context;
  }

  /** Connections that are open now. */
  get active(): number {
    let active = 0;
    for (const listener of [...this.#bound.values(), ...this.#retired]) active += listener.active;
    return active;
  }

  /** What each of them is doing. No effects. */
  *describe(): Generator<OpenConnection> {
    for (const bound of [...this.#bound.values(), ...this.#retired]) {
      for (const connection of bound.connections) yield connection.describe();
    }
  }

  /** Binds what is new; connections to it wait. Resolves to what could not be bound. */
  async prepare(listeners: readonly Listener[]): Promise<readonly BindProblem[]> {
    const problems: BindProblem[] = [];
    this.abort();
    await Promise.all(
      listeners.map(async (listener) => {
        if (this.#bound.has(listener.id)) return;
        const fresh = new BoundListener(listener, this.#context);
        this.#fresh.set(listener.id, fresh);
        const code = await fresh.bind();
        if (code !== undefined) problems.push({ listener: listener.id, code });
      }),
    );
    return problems;
  }

  /** The new set takes over: what is gone stops accepting. */
  commit(listeners: readonly Listener[]): void {
    const next = new Map<string, BoundListener>();
    for (const listener of listeners) {
      const bound = this.#bound.get(listener.id) ?? this.#fresh.get(listener.id);
      if (bound === undefined) continue;
      bound.listener = listener;
      next.set(listener.id, bound);
    }
    const gone = [...this.#bound.values()].filter((bound) => !next.has(bound.listener.id));
    this.#bound = next;
    this.#retired = [...this.#retired.filter((bound) => bound.active > 0), ...gone];
    for (const bound of gone) bound.close();
    for (const fresh of this.#fresh.values()) fresh.commit();
    this.#fresh = new Map();
  }

  /** The snapshot that was being prepared is dropped. */
  abort(): void {
    for (const fresh of this.#fresh.values()) fresh.close();
    this.#fresh = new Map();
  }

  /** No more connections; those that are open end after what they are doing. */
  close(): void {
    this.abort();
    for (const bound of this.#bound.values()) bound.close();
  }

  /** Cuts what is still open of this kind. */
  reset(what: "requests" | "tunnels"): void {
    for (const bound of [...this.#bound.values(), ...this.#retired]) bound.reset(what);
  }
}
