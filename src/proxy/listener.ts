/** One bound address in one worker: accepts, and hands each connection to the code of its protocol. */
import { type Server, createServer } from "node:net";
import { type Failure, failureOffset } from "../core/failure.ts";
import type { Listener } from "../core/model.ts";
import {
  type DownstreamConnection,
  type ListenerView,
  type ProxyContext,
  addTo,
} from "./context.ts";
import { Accepted } from "./accepted.ts";
import { acceptInto } from "../transport/accept.ts";
import type { Socket, SocketUser } from "../transport/socket.ts";
import { HttpConnection } from "./http-connection.ts";
import { type GateKeeper, ProxyGate } from "./proxy-gate.ts";
import { TcpConnection } from "./tcp-connection.ts";
import { reportUnread } from "./unread-report.ts";
import { TlsConnection } from "./tls-connection.ts";

/** Connections that may wait between binding and the commit of a reload, which takes milliseconds. */
const HELD_MAX = 1024;
/** The kernel cuts it to net.core.somaxconn. */
const BACKLOG = 65_535;

const CONNECTIONS = { http: HttpConnection, tls: TlsConnection, tcp: TcpConnection } as const;

/** Owned by its worker. `reusePort`: every worker binds the address and the kernel spreads connections. */
export class BoundListener implements ListenerView, GateKeeper {
  readonly view: ListenerView = this;
  listener: Listener;
  open = true;
  readonly context: ProxyContext;
  readonly #server: Server;
  /** With the key under which their addresses are counted. */
  readonly #connections = new Map<DownstreamConnection, string | undefined>();
  /** Accepted before the commit; undefined after it. */
  #held: Socket[] | undefined = [];

  constructor(listener: Listener, context: ProxyContext) {
    this.listener = listener;
    this.context = context;
    this.#server = createServer();
  }

  /** Connections that are open now. */
  get active(): number {
    return this.#connections.size;
  }

  /** Those, in the order in which they came. */
  get connections(): Iterable<DownstreamConnection> {
    return this.#connections.keys();
  }

  /** Binds and listens; resolves to undefined, also when it was closed meanwhile, or to the errno name when that failed. */
  bind(): Promise<string | undefined> {
    const { host, port } = this.listener.address;
    return new Promise((resolve) => {
      this.#server.once("close", () => resolve(undefined));
      this.#server.once("error", (error: NodeJS.ErrnoException) =>
        resolve(error.code ?? error.message),
      );
      this.#server.listen(
        { port, backlog: BACKLOG, reusePort: true, ...(host === undefined ? {} : { host }) },
        () => {
          this.#server.removeAllListeners("error");
          acceptInto(this.#server, this.context.memory, (socket) => this.#onConnection(socket));
          // A failed accept (out of descriptors) ends that connection only.
          this.#server.on("error", () => undefined);
          resolve(undefined);
        },
      );
    });
  }

  /** The snapshot that brought it holds: what waited is served. */
  commit(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const socket of held) this.#accept(socket);
  }

  /** Stops accepting; connections end after what they are doing. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.#server.close();
    for (const socket of this.#held ?? []) socket.destroy();
    this.#held = undefined;
    for (const connection of this.#connections.keys()) connection.drain();
  }

  /** A time limit of a drain: requests, or tunnels, that are still open are cut. */
  reset(what: "requests" | "tunnels"): void {
    for (const connection of this.#connections.keys()) {
      if (connection.isTunnel === (what === "tunnels")) connection.reset();
    }
  }

  /** See ListenerView. */
  forget(connection: DownstreamConnection): void {
    const addressKey = this.#connections.get(connection);
    if (this.#connections.delete(connection)) this.#left(addressKey);
  }

  #onConnection(socket: Socket): void {
    if (this.#held === undefined) return this.#accept(socket);
    if (this.#held.length < HELD_MAX) this.#held.push(socket);
    else socket.destroy();
  }

  /** See GateKeeper. */
  opened(gate: ProxyGate, accepted: Accepted, rest: Buffer): void {
    this.#connections.delete(gate);
    const connection = this.#open(accepted);
    if (rest.length > 0) connection?.onBytes(rest);
  }

  #accept(socket: Socket): void {
    const trusted = this.listener.proxyProtocol;
    addTo(this.context, this.listener.slots.connections, 1);
    const limit = this.context.limits.enter(this.listener);
    if (limit !== undefined) return this.#overflow(new Accepted(socket), limit);
    addTo(this.context, this.listener.slots.connectionsActive, 1);
    if (trusted === undefined) {
      this.#open(new Accepted(socket));
      return;
    }
    const gate = new ProxyGate(socket, this);
    this.#connections.set(gate, undefined);
    gate.start(trusted);
  }

  #open(accepted: Accepted): SocketUser | undefined {
    const { connectionsPerIpMax } = this.listener.limits;
    const addressKey =
      connectionsPerIpMax === undefined
        ? undefined
        : this.context.limits.enterAddress(this.listener, accepted.client.address);
    if (connectionsPerIpMax !== undefined && addressKey === undefined) {
      this.#left(undefined);
      this.#overflow(accepted, `limits.connections_per_ip is ${connectionsPerIpMax}`);
      return undefined;
    }
    const create = CONNECTIONS[this.listener.protocol];
    const connection = new create(accepted, this, this.context);
    this.#connections.set(connection, addressKey);
    return connection;
  }

  #left(addressKey: string | undefined): void {
    addTo(this.context, this.listener.slots.connectionsActive, -1);
    this.context.limits.leave(this.listener.id, addressKey);
  }

  /** Closed at once: an answer would cost what there is too little of. */
  #overflow({ socket, clientName: client }: Accepted, detail: string): void {
    const { listener, context } = this;
    const failure: Failure = { kind: "overflow", detail };
    socket.destroy();
    addTo(context, listener.slots.failures + failureOffset(failure.kind), 1);
    const time = context.wallClock();
    reportUnread(context, listener.protocol, { failure, time, client, durationMs: 0, bytesIn: 0 });
  }
}
