/** One connection to an endpoint, plain or over TLS, and whoever uses it now. */
import type { Socket } from "node:net";
import type { EndpointLoad } from "../core/balance/candidate.ts";
import type { TLSSocket } from "node:tls";
import type { Failure, FailureKind } from "../core/failure.ts";
import { observe } from "../core/metric-layout.ts";
import type { Endpoint } from "../core/service.ts";
import type { Deadlined, Deadlines } from "./deadlines.ts";
import { type BoxAuthorities, type EndpointTlsClient, describeTlsError } from "./endpoint-tls.ts";
import type { OutcomeReporter } from "./outcome-reporter.ts";
import type { OwnConnections } from "./own-connections.ts";
import { type Dialler, RacingDial } from "./racing-dial.ts";
import { resetSocket } from "./reset-socket.ts";
import type { SharedPools } from "./shared-pools.ts";

/** Who is told what happens on an upstream connection; nobody while it is idle. */
export interface UpstreamUser {
  onUpstreamConnect(connection: UpstreamConnection): void;
  /** `bytes` is valid only during the call; see read-buffer.ts. */
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
  readonly readBuffer: Buffer;
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
export class UpstreamConnection implements Deadlined, Dialler {
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
  #secured: TLSSocket | undefined;
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
    const { readBuffer } = context;
    this.#dial = new RacingDial({ endpoint, sibling, readBuffer }, this);
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
    return this.connectMs !== undefined && !this.#ended && !this.socket.destroyed;
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
    else resetSocket(this.socket);
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
    if (tls !== undefined) return this.#secure(tls);
    this.#listen(this.socket);
    this.#onConnected();
  }

  /** See Dialler. */
  onDialFailed(error: NodeJS.ErrnoException | undefined): void {
    if (error !== undefined) this.#onError(error);
    this.#onClose();
  }

  /** See Dialler. */
  onDialledRead(length: number): boolean {
    return this.#onBytes(this.#context.readBuffer.subarray(0, length));
  }

  /** See Dialler. Over TLS it is the secured socket that tells. */
  onDialledError(error: NodeJS.ErrnoException): void {
    if (this.#secured === undefined) this.#onError(error);
  }

  /** See Dialler. */
  onDialledClose(): void {
    if (this.#secured === undefined) this.#onClose();
  }

  /** What was written in plain text leaves before the handshake. */
  #secure({ client, alpn }: HandshakePolicy): void {
    const { socket } = this.#dial;
    const { header } = this.#options;
    if (header !== undefined) socket.write(header);
    const secured = client.begin({ socket, endpoint: this.endpoint, alpn });
    if ("kind" in secured) {
      this.#failure ??= secured;
      socket.destroy();
      return;
    }
    this.#secured = secured;
    this.#listen(secured);
    secured.on("error", (error: NodeJS.ErrnoException) => this.#onError(error));
    secured.on("close", () => this.#onClose());
    secured.on("data", (bytes: Buffer) => this.#onBytes(bytes));
    secured.once("secureConnect", () => this.#onConnected());
  }

  #listen(socket: Socket): void {
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.user?.onUpstreamDrain());
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

  /** False pauses a plain socket. */
  #onBytes(bytes: Buffer): boolean {
    if (this.user === undefined) {
      // Bytes that nobody asked for: an answer to no request must never meet the next one.
      this.socket.destroy();
      return false;
    }
    this.user.onUpstreamData(bytes);
    return true;
  }

  #onEnd(): void {
    this.#ended = true;
    // An end within the handshake is followed by an error.
    if (this.connectMs === undefined) return;
    if (this.user === undefined) this.socket.destroy();
    else this.user.onUpstreamEnd();
  }

  #onError(error: NodeJS.ErrnoException): void {
    const { code } = error;
    const secured = this.#secured;
    const failure = secured === undefined ? undefined : describeTlsError(error, secured);
    // A client's certificate is refused only after the handshake in TLS 1.3: the request may have been seen by then.
    if (this.connectMs !== undefined)
      this.#fail("upstream-reset", failure?.detail ?? code ?? error.message);
    else if (failure !== undefined) this.#failure ??= failure;
    else if (secured !== undefined) this.#fail("connect-tls", `${code} during the handshake`);
    else if (code === "ECONNREFUSED") this.#fail("connect-refused", code);
    else if (code === "ETIMEDOUT") this.#fail("connect-timeout", code);
    else this.#fail("connect-failed", code ?? error.message);
    // Node leaves it open after an error that comes behind the handshake.
    secured?.destroy();
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

  #onClose(): void {
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
