/** One TCP connection to an endpoint, and whoever uses it now. */
import type { Socket } from "node:net";
import type { EndpointLoad } from "../core/balance/candidate.ts";
import type { Failure, FailureKind } from "../core/failure.ts";
import { observe } from "../core/metric-layout.ts";
import type { Endpoint } from "../core/service.ts";
import type { Deadlined, Deadlines } from "./deadlines.ts";
import type { OutcomeReporter } from "./outcome-reporter.ts";
import type { OwnConnections } from "./own-connections.ts";
import { type Dialler, RacingDial } from "./racing-dial.ts";
import { resetSocket } from "./reset-socket.ts";

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
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
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
}

/**
 * Owns the socket from `connect` to `close`. Half-open: an endpoint's FIN is only reported. Every failure of the
 * platform becomes a Failure here and is told once.
 */
export class UpstreamConnection implements Deadlined, Dialler {
  /** Time from dial to connected; undefined before. */
  connectMs: number | undefined;
  /** In use by a pool: the limit of idleness. */
  deadlineMs: number;
  /** Called when it closes while nobody uses it. */
  onIdleClose: ((connection: UpstreamConnection) => void) | undefined;
  readonly #context: UpstreamContext;
  readonly #options: DialOptions;
  readonly #startedMs: number;
  readonly #dial: RacingDial;
  #user: UpstreamUser | undefined;
  /** Of `endpoint`: one more while there is a user. */
  #load: EndpointLoad;
  #ended = false;
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

  /** That of `endpoint`. */
  get socket(): Socket {
    return this.#dial.socket;
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
  }

  /** Closes with a reset, as the other side of a tunnel was reset; the user hears nothing more. */
  reset(): void {
    this.user = undefined;
    if (this.connectMs === undefined) this.#dial.destroy();
    else resetSocket(this.socket);
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
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.#onError(error));
    this.socket.on("end", () => this.#onEnd());
    this.socket.on("drain", () => this.user?.onUpstreamDrain());
    this.socket.on("close", () => this.#onClose());
    this.#moveLoad();
    this.connectMs = this.#context.now() - this.#startedMs;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    observe(this.#context.counters(), this.#options.connectSlot, this.connectMs / 1000);
    const { header, allowLoop } = this.#options;
    if (!allowLoop)
      this.#ownKey = this.#context.ownConnections.remember(this.socket, this.endpoint.port);
    if (header === undefined) return this.user?.onUpstreamConnect(this);
    this.socket.cork();
    this.socket.write(header);
    this.user?.onUpstreamConnect(this);
    this.socket.uncork();
  }

  /** See Dialler. */
  onDialFailed(error: NodeJS.ErrnoException | undefined): void {
    if (error !== undefined) this.#onError(error);
    this.#onClose();
  }

  /** See Dialler. */
  onDialledRead(length: number): boolean {
    if (this.user === undefined) {
      // Bytes that nobody asked for: an answer to no request must never meet the next one.
      this.socket.destroy();
      return false;
    }
    this.user.onUpstreamData(this.#context.readBuffer.subarray(0, length));
    return true;
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.user === undefined) this.socket.destroy();
    else this.user.onUpstreamEnd();
  }

  #onError(error: NodeJS.ErrnoException): void {
    const { code } = error;
    if (this.connectMs !== undefined) this.#fail("upstream-reset", code ?? error.message);
    else if (code === "ECONNREFUSED") this.#fail("connect-refused", code);
    else if (code === "ETIMEDOUT") this.#fail("connect-timeout", code);
    else this.#fail("connect-failed", code ?? error.message);
  }

  #close(): void {
    if (this.connectMs === undefined) this.#dial.destroy();
    else this.socket.destroy();
  }

  #onClose(): void {
    this.#context.deadlines.delete(this);
    this.#context.ownConnections.forget(this.#ownKey);
    this.#count(-1);
    const { user } = this;
    this.user = undefined;
    if (user === undefined) this.onIdleClose?.(this);
    else user.onUpstreamClose(this.#failure ?? { kind: "upstream-reset", detail: "closed" });
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
