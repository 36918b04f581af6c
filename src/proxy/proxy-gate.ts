/** What stands before a connection whose address is not the client's: the PROXY header that tells the client's. */
import { type Failure, type FailureKind, failureOffset } from "../core/failure.ts";
import { type Cidr, anyCidrHolds } from "../core/ip.ts";
import type { OpenConnection } from "../core/open-connections.ts";
import { ProxyHeaderReader } from "../core/proxy-protocol/reader.ts";
import type { Deadlined } from "../upstream/deadlines.ts";
import type { Socket, SocketUser } from "../transport/socket.ts";
import { Accepted, nameOf } from "./accepted.ts";
import {
  type DownstreamConnection,
  type ListenerView,
  type ProxyContext,
  addTo,
} from "./context.ts";
import { reportUnread } from "./unread-report.ts";

/** Who is told that the header is there: the connection begins with it. */
export interface GateKeeper {
  readonly view: ListenerView;
  readonly context: ProxyContext;
  /** The gate is done with the socket. `rest` is what came behind the header, valid only during the call. */
  opened(gate: ProxyGate, accepted: Accepted, rest: Buffer): void;
}

/**
 * Owns the accepted socket until the header is whole. There is no guessing: an address that is trusted must send one,
 * and any other must not be here at all (the specification, §2). Nothing is ever written to the socket.
 */
export class ProxyGate implements SocketUser, Deadlined, DownstreamConnection {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly isTunnel = false;
  readonly #socket: Socket;
  readonly #keeper: GateKeeper;
  readonly #reader = new ProxyHeaderReader();
  readonly #startedMs: number;
  readonly #startedAt: number;
  #bytes = 0;
  #over = false;

  /** `socket` must be fresh from `accept`. Effect: none before `start`. */
  constructor(socket: Socket, keeper: GateKeeper) {
    this.#socket = socket;
    this.#keeper = keeper;
    this.#startedMs = keeper.context.now();
    this.#startedAt = keeper.context.wallClock();
  }

  /** Effect: reads from now on, or closes at once when the peer is not trusted. */
  start(trusted: readonly Cidr[]): void {
    const { context, view } = this.#keeper;
    const { headerMs, helloMs } = view.listener.timeouts;
    const socket = this.#socket;
    socket.user = this;
    const { address } = socket.remote;
    if (address === "") return this.#refuse("connection-empty", "");
    if (!anyCidrHolds(trusted, address)) return this.#refuse("proxy-untrusted", address);
    socket.resume();
    this.deadlineMs = context.deadlines.after(
      view.listener.protocol === "http" ? headerMs : helloMs,
    );
    context.deadlines.add(this);
  }

  /** See DownstreamConnection. */
  drain(): void {
    this.#refuse("draining", "");
  }

  /** See DownstreamConnection. */
  reset(): void {
    this.#refuse("draining", "time limit of the drain");
  }

  /** See DownstreamConnection: the client is the proxy itself as yet. */
  describe(): OpenConnection {
    return {
      kind: this.#keeper.view.listener.protocol,
      state: "proxy-header",
      openedAt: this.#startedAt,
      listener: this.#keeper.view.listener.id,
      client: this.#socket.remote,
      gateway: undefined,
      host: undefined,
      service: undefined,
      endpoint: undefined,
      bytesIn: this.#bytes,
      bytesOut: 0,
      requests: undefined,
    };
  }

  onDeadline(): void {
    this.#refuse("proxy-header-timeout", `${this.#bytes} bytes came`);
  }

  /** See SocketUser. */
  onBytes(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const result = this.#reader.push(chunk);
    if (result.kind === "incomplete") return;
    if (result.kind === "refused")
      return this.#refuse(`proxy-header-${result.reason}`, result.detail);
    this.#release();
    const accepted = new Accepted(this.#socket, result.header.addresses);
    this.#keeper.opened(this, accepted, chunk.subarray(result.streamStart));
  }

  /** See SocketUser. */
  onEnd(): void {
    if (this.#bytes === 0) this.#refuse("connection-empty", "");
    else this.#refuse("proxy-header-malformed", "closed inside the header");
  }

  /** See SocketUser. */
  onDrain(): void {
    // Nothing is written.
  }

  /** See SocketUser. */
  onClose(): void {
    if (!this.#over) this.onEnd();
    this.#keeper.context.deadlines.delete(this);
    this.#keeper.view.forget(this);
  }

  /** Hands the socket over. */
  #release(): void {
    this.#over = true;
    this.#keeper.context.deadlines.delete(this);
    this.#socket.user = undefined;
  }

  #refuse(kind: FailureKind, detail: string): void {
    if (this.#over) return;
    this.#over = true;
    const { context, view } = this.#keeper;
    const failure: Failure = { kind, detail };
    addTo(context, view.listener.slots.failures + failureOffset(kind), 1);
    reportUnread(context, view.listener.protocol, {
      failure,
      time: this.#startedAt,
      client: nameOf(this.#socket.remote),
      durationMs: context.now() - this.#startedMs,
      bytesIn: this.#bytes,
    });
    this.#socket.destroy();
  }
}
