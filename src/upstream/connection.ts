/** One connection to an endpoint, plain or over TLS, and whoever uses it now. */
import type { EndpointLoad } from "../core/balance/candidate.ts";
import type { Failure, FailureKind } from "../core/failure.ts";
import { observe } from "../core/metric-layout.ts";
import type { Endpoint } from "../core/service.ts";
import type { Deadlined, Deadlines } from "./deadlines.ts";
import { type BoxAuthorities, type EndpointTlsClient, describeTlsError } from "./endpoint-tls.ts";
import type { OutcomeReporter } from "./outcome-reporter.ts";
import type { OwnConnections } from "./own-connections.ts";
import { type Dialler, RacingDial } from "./racing-dial.ts";
import type { SharedPools } from "./shared-pools.ts";
import { SecuredSocket } from "../transport/secured-socket.ts";
import type { Socket, SocketFault, SocketUser } from "../transport/socket.ts";
import type { SocketMemory } from "../transport/socket-memory.ts";

/** Who is told what happens on an upstream connection; nobody while it is idle. */
export interface UpstreamUser {
  onUpstreamConnect(connection: UpstreamConnection): void;
  /** `bytes` is valid only during the call; see SocketUser. */
  onUpstreamData(bytes: Buffer): void;
  /** The endpoint will send no more. */
  onUpstreamEnd(): void;
  /** What was written has left for the kernel; more may be written. */
  onUpstreamDrain(): void;
  /** The connection is gone, or was never made. The last call. */
  onUpstreamClose(failure: Failure): void;
}

/** What connections of one worker share. */
export interface UpstreamContext {
  readonly deadlines: Deadlines;
  readonly counters: () => Float64Array;
  readonly memory: SocketMemory;
  readonly ownConnections: OwnConnections;
  readonly outcomes: OutcomeReporter;
  readonly pools: SharedPools;
  readonly authorities: BoxAuthorities;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Whose connection it is. */
export interface ConnectionOwner {
  /** It leads to another endpoint of the service than the one that was dialled first. */
  onConnectionMoved(from: string, to: string): void;
  /** It is closed, or is being closed: its place is free. Called once. */
  onConnectionGone(connection: UpstreamConnection): void;
}

/** The handshake that follows the connection. */
export interface HandshakePolicy {
  readonly client: EndpointTlsClient;
  /** See HandshakeOptions. */
  readonly alpn: readonly string[];
}

/** What to connect to, and how long to wait. */
export interface DialOptions {
  readonly endpoint: Endpoint;
  /** Tried too when that one is slow: the same name in the other address family; undefined = there is none. */
  readonly sibling: Endpoint | undefined;
  /** Where the use of an endpoint is counted. */
  readonly loadOf: (endpoint: Endpoint) => EndpointLoad;
  readonly connectMs: number;
  /** Slot of `gatehouse_upstream_connections_active`. */
  readonly activeSlot: number;
  /** Slot of `gatehouse_upstream_connect_seconds`. */
  readonly connectSlot: number;
  /** Sent before anything else; it speaks of one client, so such a connection is never used for another. */
  readonly header: Uint8Array | undefined;
  /** It may come back to this box. */
  readonly allowLoop: boolean;
  /** Undefined = plain. The header goes before it, in plain text. */
  readonly tls: HandshakePolicy | undefined;
  /** By which rules it was made; see Pool. */
  readonly generation: number;
  readonly owner: ConnectionOwner;
}

/**
 * Owns the socket from `connect` to `close`. Half-open: an endpoint's FIN is only reported. Every failure of the
 * platform becomes a Failure here and is told once.
 */
export class UpstreamConnection implements Deadlined, Dialler, SocketUser {
  /** Time from dial to connected, the TLS handshake included; undefined before. */
  connectMs: number | undefined;
  /** In use by a pool: the limit of idleness. */
  deadlineMs: number;
  /** Called when it closes while nobody uses it. */
  onIdleClose: ((connection: UpstreamConnection) => void) | undefined;
  /** How many requests it has been given for. */
  requests = 0;
  readonly #context: UpstreamContext;
  readonly #options: DialOptions;
  readonly #startedMs: number;
  readonly #dial: RacingDial;
  #user: UpstreamUser | undefined;
  /** Of `endpoint`: one more while there is a user. */
  #load: EndpointLoad;
  /** TCP is there; TLS may not be yet. */
  #isDialled = false;
  #secured: SecuredSocket | undefined;
  #ended = false;
  /** Its owner knows that it is closed. */
  #isGone = false;
  /** By which it is known as our own. */
  #ownKey: string | undefined;
  #failure: Failure | undefined;

  /** Effect: starts to connect at once. `user` is told of all that follows. */
  constructor(context: UpstreamContext, options: DialOptions, user: UpstreamUser) {
    this.#context = context;
    this.#options = options;
    this.#load = options.loadOf(options.endpoint);
    this.user = user;
    this.#startedMs = context.now();
    this.deadlineMs = context.deadlines.after(options.connectMs);
    const { endpoint, sibling } = options;
    const { memory } = context;
    this.#dial = new RacingDial({ endpoint, sibling, memory }, this);
    context.deadlines.add(this);
    this.#count(1);
  }

  /** Who is told of it; undefined while it is idle, and once it is given up. */
  get user(): UpstreamUser | undefined {
    return this.#user;
  }

  /** Effect: the endpoint has one request or tunnel more or less when somebody comes or goes. */
  set user(user: UpstreamUser | undefined) {
    this.#load.active += Number(user !== undefined) - Number(this.#user !== undefined);
    this.#user = user;
  }

  /** The one that it is connected to; before, the one dialled first. */
  get endpoint(): Endpoint {
    return this.#dial.endpoint;
  }

  /** That of `endpoint`; with TLS, the secured one. */
  get socket(): Socket {
    return this.#secured ?? this.#dial.socket;
  }

  /** See DialOptions. */
  get generation(): number {
    return this.#options.generation;
  }

  /** It began with a header that speaks of one client. */
  get isOneClients(): boolean {
    return this.#options.header !== undefined;
  }

  /** Connected and not known to be closing. */
  get usable(): boolean {
    return this.connectMs !== undefined && !this.#ended && this.socket.writable;
  }

  /** Closes at once; the user hears nothing more. */
  destroy(): void {
    this.user = undefined;
    this.onIdleClose = undefined;
    this.#close();
    this.#leave();
  }

  /** Closes with a reset, as the other side of a tunnel was reset; the user hears nothing more. */
  reset(): void {
    this.user = undefined;
    if (this.connectMs === undefined) this.#close();
    else this.socket.reset();
    this.#leave();
  }

  /** The connect time limit, or the idle limit of a kept-alive connection. */
  onDeadline(): void {
    if (this.connectMs === undefined) {
      this.#fail("connect-timeout", `no connection within ${this.#options.connectMs} ms`);
    }
    this.#close();
  }

  /** See Dialler. */
  onDialled(): void {
    const { endpoint, allowLoop, tls, owner } = this.#options;
    this.#isDialled = true;
    if (this.endpoint.name !== endpoint.name)
      owner.onConnectionMoved(endpoint.name, this.endpoint.name);
    this.#moveLoad();
    if (!allowLoop)
      this.#ownKey = this.#context.ownConnections.remember(this.socket, this.endpoint.port);
    this.#dial.socket.user = this;
    if (tls !== undefined) return this.#secure(tls);
    this.#dial.socket.resume();
    this.#onConnected();
  }

  /** See Dialler. */
  onDialFailed(fault: SocketFault | undefined): void {
    this.onClose(fault);
  }

  /** What was written in plain text leaves before the handshake. */
  #secure({ client, alpn }: HandshakePolicy): void {
    const plain = this.#dial.socket;
    const { header } = this.#options;
    if (header !== undefined) plain.write(header);
    const below = plain.toNodeSocket();
    const secured = client.begin({ socket: below, endpoint: this.endpoint, alpn });
    if ("kind" in secured) {
      this.#failure ??= secured;
      below.on("close", () => this.onClose(undefined));
      below.destroy();
      return;
    }
    this.#secured = new SecuredSocket(secured, below, this);
    secured.once("secureConnect", () => this.#onConnected());
  }

  #onConnected(): void {
    const { connectSlot, header, tls } = this.#options;
    this.connectMs = this.#context.now() - this.#startedMs;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    observe(this.#context.counters(), connectSlot, this.connectMs / 1000);
    if (header === undefined || tls !== undefined) return this.user?.onUpstreamConnect(this);
    this.socket.cork();
    this.socket.write(header);
    this.user?.onUpstreamConnect(this);
    this.socket.uncork();
  }

  /** See SocketUser. */
  onBytes(bytes: Buffer): void {
    // Bytes that nobody asked for: an answer to no request must never meet the next one.
    if (this.user === undefined) this.socket.destroy();
    else this.user.onUpstreamData(bytes);
  }

  /** See SocketUser. */
  onEnd(): void {
    this.#ended = true;
    // An end within the handshake is followed by an error.
    if (this.connectMs === undefined) return;
    if (this.user === undefined) this.socket.destroy();
    else this.user.onUpstreamEnd();
  }

  /** See SocketUser. */
  onDrain(): void {
    this.user?.onUpstreamDrain();
  }

  #noteFault(fault: SocketFault): void {
    const { code, message } = fault;
    const secured = this.#secured;
    const failure = secured === undefined ? undefined : describeTlsError(fault, secured);
    // A client's certificate is refused only after the handshake in TLS 1.3: the request may have been seen by then.
    if (this.connectMs !== undefined)
      this.#fail("upstream-reset", failure?.detail ?? code ?? message);
    else if (failure !== undefined) this.#failure ??= failure;
    else if (secured !== undefined) this.#fail("connect-tls", `${code} during the handshake`);
    else if (code === "ECONNREFUSED") this.#fail("connect-refused", code);
    else if (code === "ETIMEDOUT") this.#fail("connect-timeout", code);
    else this.#fail("connect-failed", code ?? message);
  }

  #close(): void {
    if (this.#isDialled) this.socket.destroy();
    else this.#dial.destroy();
  }

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#options.owner.onConnectionGone(this);
  }

  /** See SocketUser. */
  onClose(fault: SocketFault | undefined): void {
    if (fault !== undefined) this.#noteFault(fault);
    this.#context.deadlines.delete(this);
    this.#context.ownConnections.forget(this.#ownKey);
    this.#count(-1);
    const { user } = this;
    this.user = undefined;
    if (user === undefined) this.onIdleClose?.(this);
    this.#leave();
    if (user === undefined) return;
    if (this.#secured !== undefined && this.connectMs === undefined)
      this.#fail("connect-tls", "closed during the handshake");
    user.onUpstreamClose(this.#failure ?? { kind: "upstream-reset", detail: "closed" });
  }

  #fail(kind: FailureKind, detail: string): void {
    this.#failure ??= { kind, detail };
  }

  /** The sibling has won. */
  #moveLoad(): void {
    const { user } = this;
    this.user = undefined;
    this.#load = this.#options.loadOf(this.endpoint);
    this.user = user;
  }

  #count(change: number): void {
    const counters = this.#context.counters();
    const slot = this.#options.activeSlot;
    counters[slot] = (counters[slot] ?? 0) + change;
  }
}
