/** Two sockets joined: bytes both ways as they come, half-close kept, back-pressure, an idle limit. */
import type { Failure } from "../core/failure.ts";
import type { UpstreamConnection, UpstreamUser } from "../upstream/connection.ts";
import type { Socket } from "../transport/socket.ts";

/** Who made the tunnel, and is told of it. */
export interface TunnelOwner {
  /** Bytes have passed, or those that waited have left; the idle limit begins anew. */
  onTunnelBytes(received: number, sent: number): void;
  /** One side is closed after its FIN; this is the other one's socket. It is to end gently, within a limit. */
  onTunnelLeft(socket: Socket): void;
  /** Both sides are closed; undefined when both ended properly. The last call. */
  onTunnelDone(failure: Failure | undefined): void;
}

/** A tunnel that has been silent for so long gets TCP keep-alive. Most are over before, and never pay for it. */
const SILENCE_MS = 30_000;
/** Then the kernel waits as long again before it asks the peers whether they are there. */
const KEEP_ALIVE_INITIAL_MS = 30_000;

/**
 * Joins an accepted socket to a connected upstream connection. The owner keeps listening to the accepted socket and
 * calls the `downstream…` methods; upstream events come here. Memory: what one read brings plus the sockets' write
 * queues, which back-pressure keeps to their high-water marks.
 *
 * A side that resets before its FIN has failed, and the other one is reset. A side that is closed after its FIN has said
 * all: that is delivered, though the other side goes on speaking, and what nobody hears any more is dropped.
 */
export class Tunnel implements UpstreamUser {
  readonly #socket: Socket;
  readonly #upstream: UpstreamConnection;
  readonly #owner: TunnelOwner;
  #keepAlive = false;
  #downstreamEnded = false;
  #upstreamEnded = false;
  #downstreamClosed = false;
  #upstreamClosed = false;
  #failure: Failure | undefined;

  /** Effect: takes over the upstream connection. */
  constructor(socket: Socket, upstream: UpstreamConnection, owner: TunnelOwner) {
    this.#socket = socket;
    this.#upstream = upstream;
    this.#owner = owner;
    upstream.user = this;
  }

  /** How long to wait for the next byte before `onSilence`; `idleMs` is the limit. */
  waitMs(idleMs: number): number {
    return this.#keepAlive ? idleMs : Math.min(idleMs, SILENCE_MS);
  }

  /** No byte came while `waitMs` said to wait. Returns how much longer to wait, or cuts both sides. */
  onSilence(idleMs: number): number | undefined {
    if (this.#keepAlive || idleMs <= SILENCE_MS) {
      this.cut({ kind: "tunnel-idle", detail: "" });
      return undefined;
    }
    this.#keepAlive = true;
    this.#socket.setKeepAlive(KEEP_ALIVE_INITIAL_MS);
    this.#upstream.socket.setKeepAlive(KEEP_ALIVE_INITIAL_MS);
    return idleMs - SILENCE_MS;
  }

  /** Bytes from the client, valid only during the call. */
  downstreamData(bytes: Buffer): void {
    if (this.#upstreamClosed) return;
    this.#owner.onTunnelBytes(bytes.length, 0);
    if (!this.#upstream.socket.writeCopy(bytes)) this.#socket.pause();
  }

  /** The client takes bytes again. */
  downstreamDrain(): void {
    this.#owner.onTunnelBytes(0, 0);
    this.#upstream.socket.resume();
  }

  /** The client's FIN: passed on, the other direction lives. */
  downstreamEnd(): void {
    this.#downstreamEnded = true;
    endSocket(this.#upstream.socket, this.#upstreamEnded);
  }

  /** The client's socket is closed. */
  downstreamClose(): void {
    this.#downstreamClosed = true;
    if (!this.#upstreamClosed && this.#downstreamEnded) {
      this.#owner.onTunnelLeft(this.#upstream.socket);
    } else if (!this.#upstreamClosed) {
      this.#failure ??= { kind: "client-closed", detail: "reset" };
      this.#upstreamClosed = true;
      this.#upstream.reset();
    }
    this.#checkDone();
  }

  /** Cuts both sides with a reset. */
  cut(failure: Failure): void {
    this.#failure ??= failure;
    this.#upstreamClosed = true;
    this.#upstream.reset();
    if (this.#downstreamClosed) this.#checkDone();
    else this.#socket.reset();
  }

  onUpstreamConnect(): void {
    // It was connected before it was joined.
  }

  onUpstreamData(bytes: Buffer): void {
    if (this.#downstreamClosed) return;
    this.#owner.onTunnelBytes(0, bytes.length);
    if (!this.#socket.writeCopy(bytes)) this.#upstream.socket.pause();
  }

  onUpstreamEnd(): void {
    this.#upstreamEnded = true;
    endSocket(this.#socket, this.#downstreamEnded);
  }

  onUpstreamDrain(): void {
    this.#owner.onTunnelBytes(0, 0);
    this.#socket.resume();
  }

  onUpstreamClose(failure: Failure): void {
    this.#upstreamClosed = true;
    if (!this.#downstreamClosed && this.#upstreamEnded) this.#owner.onTunnelLeft(this.#socket);
    else if (!this.#downstreamClosed) {
      this.#failure ??= failure;
      this.#socket.reset();
    }
    this.#checkDone();
  }

  #checkDone(): void {
    if (this.#downstreamClosed && this.#upstreamClosed) this.#owner.onTunnelDone(this.#failure);
  }
}

/**
 * Passes a FIN on. When the peer has sent its own and the kernel has all bytes, closing says the same in one call; but
 * not over TLS, where a FIN without a close_notify before it may be an attacker's (RFC 8446 §6.1).
 */
function endSocket(socket: Socket, peerHasEnded: boolean): void {
  const isSaid = socket.writableLength === 0 && !socket.isSecured;
  if (peerHasEnded && isSaid) socket.destroy();
  else socket.end();
}
