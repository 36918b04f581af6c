/** A connection over TLS, seen as the data plane sees a plain one. */
import type { TLSSocket } from "node:tls";
import type { Socket as NodeSocket } from "node:net";
import type { SocketAddress } from "../core/proxy-protocol/header.ts";
import { unmapAddress } from "../core/client-address.ts";
import type { BytesPart, Socket, SocketFault, SocketUser } from "./socket.ts";

/** Owns a TLSSocket of Node, and the socket below it, from before the handshake. */
export class SecuredSocket implements Socket {
  user: SocketUser | undefined;
  onFinish: (() => void) | undefined;
  readonly isSecured = true;
  readonly #socket: TLSSocket;
  #fault: SocketFault | undefined;

  /** `below` is the one that the other was made over. */
  constructor(socket: TLSSocket, below: NodeSocket, user: SocketUser) {
    this.#socket = socket;
    this.user = user;
    // The secured one tells.
    below.on("error", () => undefined);
    socket.on("error", (error: NodeJS.ErrnoException) => this.#onError(error));
    socket.on("close", () => this.#onClose());
    socket.on("data", (bytes: Buffer) => this.#onBytes(bytes));
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.user?.onDrain());
    socket.on("finish", () => this.onFinish?.());
  }

  /** Why the peer's certificate was not accepted. */
  get authorizationError(): TLSSocket["authorizationError"] {
    return this.#socket.authorizationError;
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  get writable(): boolean {
    return this.#socket.writable;
  }

  get writableNeedDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  get writableEnded(): boolean {
    return this.#socket.writableEnded;
  }

  get writableFinished(): boolean {
    return this.#socket.writableFinished;
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  get remote(): SocketAddress {
    const { remoteAddress, remotePort } = this.#socket;
    return { address: unmapAddress(remoteAddress ?? ""), port: remotePort ?? 0 };
  }

  get local(): SocketAddress {
    const { localAddress, localPort } = this.#socket;
    return { address: unmapAddress(localAddress ?? ""), port: localPort ?? 0 };
  }

  write(data: string | Uint8Array): boolean {
    // Node makes an error of it, which would close a connection that still reads.
    if (!this.writable) return false;
    return typeof data === "string" ? this.#socket.write(data, "latin1") : this.#socket.write(data);
  }

  writeCopy(bytes: Uint8Array): boolean {
    return this.write(Buffer.from(bytes));
  }

  writeJoined(head: string, { bytes, start, length }: BytesPart, tail: string): boolean {
    const joined = Buffer.allocUnsafe(head.length + length + tail.length);
    joined.write(head, 0, "latin1");
    bytes.copy(joined, head.length, start, start + length);
    joined.write(tail, head.length + length, "latin1");
    return this.write(joined);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  isPaused(): boolean {
    return this.#socket.isPaused();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    // Node makes an error with a stack for each further one.
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** TLS has an end of its own: without it the peer knows that this is none. */
  reset(): void {
    this.#socket.destroy();
  }

  setKeepAlive(delayMs: number): void {
    this.#socket.setKeepAlive(true, delayMs);
  }

  #onBytes(bytes: Buffer): void {
    if (this.user === undefined) this.#socket.destroy();
    else this.user.onBytes(bytes);
  }

  #onEnd(): void {
    if (this.user === undefined) this.#socket.destroy();
    else this.user.onEnd();
  }

  /** Node leaves it open after an error that comes behind the handshake. */
  #onError(error: NodeJS.ErrnoException): void {
    this.#fault ??= error;
    this.#socket.destroy();
  }

  #onClose(): void {
    const { user } = this;
    this.user = undefined;
    this.onFinish = undefined;
    user?.onClose(this.#fault);
  }
}
