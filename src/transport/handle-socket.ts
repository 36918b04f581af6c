/** A plain connection on a handle of the runtime, without the streams that Node builds on it. */
import { getSystemErrorName } from "node:util";
import { Socket as NodeSocket } from "node:net";
import type { SocketAddress } from "../core/proxy-protocol/header.ts";
import { unmapAddress } from "../core/client-address.ts";
import {
  END_OF_STREAM,
  type HandleOwner,
  type SocketName,
  type StreamHandle,
  awaitWrite,
  closeHandle,
  connectHandle,
  createHandle,
  isWriteDone,
  readInto,
  resetHandle,
  shutdownHandle,
  tryWrite,
} from "./runtime-handles.ts";
import type { BytesPart, Socket, SocketFault, SocketUser } from "./socket.ts";
import type { SocketMemory } from "./socket-memory.ts";

/** So many bytes may wait before the source should pause: as with Node's sockets. */
const HIGH_WATER_BYTES = 64 * 1024;
/** And so many writes, each of which costs some hundred bytes besides its own. */
const HIGH_WATER_WRITES = 32;
/** A shorter text goes to the kernel from the stack of the runtime; a buffer costs more than the string. */
const TEXT_BYTES_MAX = 2048;
/** From here on a copy costs more than to ask the kernel first. */
const TRY_BYTES_MIN = 16 * 1024;

/** Who dials. */
export interface DialUser extends SocketUser {
  onConnect(): void;
}

/** What to connect to. */
export interface DialAddress {
  /** An IP address, or the path of a Unix socket when the port is 0. */
  readonly host: string;
  readonly port: number;
}

/**
 * Owns the handle. Node's own sockets are streams for every use: each costs some kilobytes, and each write an event of
 * the next turn. Measured in one run, a tunnel took 177 µs on two of them and 160 here, HAProxy 123; idle 14 and 8 KiB.
 */
export class HandleSocket implements Socket, HandleOwner {
  user: SocketUser | undefined;
  onFinish: (() => void) | undefined;
  readonly isSecured = false;
  destroyed = false;
  writableNeedDrain = false;
  writableEnded = false;
  writableFinished = false;
  bytesRead = 0;
  bytesWritten = 0;
  readonly #handle: StreamHandle;
  readonly #memory: SocketMemory;
  #remote: SocketAddress | undefined;
  #hasBuffer = false;
  #reading = false;
  /** What `resume` and `end` ask for waits until the connection is there. */
  #connecting = false;
  /** We have dialled: there may be an answer to be read though nothing can be written any more. */
  #awaitsAnswer = false;
  /** The peer has sent its FIN. */
  #readEnded = false;
  /** The kernel has been asked for our FIN, and has not answered. */
  #endIsOnItsWay = false;
  /** Writes in flight. */
  #writes = 0;
  #corked: Uint8Array[] | undefined;
  /** The peer takes nothing any more; what it has sent before is still read. */
  #writeFault: SocketFault | undefined;
  #fault: SocketFault | undefined;

  /** Reads from `resume` on. */
  constructor(handle: StreamHandle, memory: SocketMemory) {
    this.#handle = handle;
    this.#memory = memory;
    handle.heldBy = this;
  }

  /** Begins to connect; `user` is told of all that follows, and nothing before the event loop turns. */
  static dial({ host, port }: DialAddress, memory: SocketMemory, user: DialUser): HandleSocket {
    const handle = createHandle(port === 0);
    const socket = new HandleSocket(handle, memory);
    socket.user = user;
    socket.#connecting = true;
    socket.#awaitsAnswer = true;
    const status = connectHandle(handle, host, port);
    if (status !== 0) socket.#close(faultOf(status, "connect"));
    return socket;
  }

  get writable(): boolean {
    return !this.destroyed && !this.writableEnded && this.#writeFault === undefined;
  }

  get writableLength(): number {
    return this.#writes === 0 ? 0 : this.#handle.writeQueueSize;
  }

  get remote(): SocketAddress {
    this.#remote ??= nameOf(this.#handle, "getpeername");
    return this.#remote;
  }

  get local(): SocketAddress {
    return nameOf(this.#handle, "getsockname");
  }

  write(data: string | Uint8Array): boolean {
    if (!this.writable) return false;
    this.bytesWritten += data.length;
    return this.#corked === undefined ? this.#send(data) : this.#holdBack(this.#corked, data);
  }

  writeCopy(bytes: Uint8Array): boolean {
    const rest = bytes.length < TRY_BYTES_MIN ? bytes : this.#writeAtOnce(bytes);
    if (rest.length === 0) return !this.writableNeedDrain;
    const buffer = this.#bufferFor(rest.length);
    if (buffer === undefined) return this.write(Buffer.from(rest));
    buffer.set(rest);
    return this.#writeFrom(buffer, rest.length);
  }

  writeJoined(head: string, { bytes, start, length }: BytesPart, tail: string): boolean {
    const total = head.length + length + tail.length;
    if (total === length) return this.writeCopy(bytes.subarray(start, start + length));
    if (total <= TEXT_BYTES_MAX)
      return this.write(head + bytes.toString("latin1", start, start + length) + tail);
    const buffer = this.#bufferFor(total);
    const joined = buffer ?? Buffer.allocUnsafe(total);
    if (head !== "") joined.write(head, 0, "latin1");
    bytes.copy(joined, head.length, start, start + length);
    if (tail !== "") joined.write(tail, head.length + length, "latin1");
    return buffer === undefined ? this.write(joined) : this.#writeFrom(joined, total);
  }

  cork(): void {
    this.#corked ??= [];
  }

  uncork(): void {
    const corked = this.#corked;
    this.#corked = undefined;
    if (corked !== undefined && corked.length > 0 && this.writable)
      this.#send(Buffer.concat(corked));
  }

  isPaused(): boolean {
    return !this.#reading;
  }

  pause(): void {
    if (!this.#reading || this.destroyed) return;
    this.#reading = false;
    this.#handle.readStop();
  }

  resume(): void {
    if (this.#reading || this.destroyed || this.#readEnded) return;
    this.#reading = true;
    if (!this.#connecting) this.#startReading();
  }

  end(): void {
    if (this.writableEnded || this.destroyed) return;
    this.uncork();
    this.writableEnded = true;
    if (this.#writes === 0 && !this.#connecting) this.#shutdown();
  }

  destroy(): void {
    this.#close(undefined);
  }

  /** While the FIN that `end` asked for is on its way to the kernel, libuv refuses a reset. */
  reset(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    const handle = this.#handle;
    if (this.#endIsOnItsWay || !resetHandle(handle)) closeHandle(handle);
  }

  setKeepAlive(delayMs: number): void {
    if (!this.destroyed) this.#handle.setKeepAlive?.(true, Math.floor(delayMs / 1000));
  }

  setNoDelay(): void {
    if (!this.destroyed) this.#handle.setNoDelay?.(true);
  }

  /**
   * The connection as a socket of Node, for what needs one. It must not have been read from. This one is of no use then.
   * When it is closed already, so is the other, for the same reason.
   */
  toNodeSocket(): NodeSocket {
    this.user = undefined;
    // A socket of Node becomes the `owner` of its handle: it would be told of the close in our place.
    if (this.destroyed) return closedNodeSocket(this.#fault);
    this.destroyed = true;
    // `handle` is not documented: it is how Node makes the sockets of its servers.
    const parts: object = { handle: this.#handle, allowHalfOpen: true };
    return new NodeSocket(parts);
  }

  /** See HandleOwner. */
  handleConnected(status: number): void {
    if (this.destroyed) return;
    if (status !== 0) return this.#close(faultOf(status, "connect"));
    (this.user as DialUser | undefined)?.onConnect();
    this.#connecting = false;
    if (this.destroyed) return;
    if (this.#reading) this.#startReading();
    if (this.writableEnded && this.#writes === 0) this.#shutdown();
  }

  /** See HandleOwner. */
  handleRead(bytes: number): void {
    if (this.destroyed || bytes === 0) return;
    if (bytes > 0) {
      this.bytesRead += bytes;
      if (this.user === undefined) this.#close(undefined);
      else this.user.onBytes(this.#memory.readBuffer.subarray(0, bytes));
    } else if (bytes === END_OF_STREAM) this.#endReading();
    else this.#close(faultOf(bytes, "read"));
  }

  /** See HandleOwner. */
  handleWritten(status: number, kept: string | Uint8Array | undefined): void {
    this.#memory.bufferDone(kept);
    this.#writes -= 1;
    if (this.destroyed) return;
    if (status < 0) return this.#failWrite(status);
    if (this.#writes > 0) return;
    if (this.writableEnded) this.#shutdown();
    if (!this.writableNeedDrain) return;
    this.writableNeedDrain = false;
    this.user?.onDrain();
  }

  /** See HandleOwner. */
  handleShutdown(status: number): void {
    this.#endIsOnItsWay = false;
    this.#finish(status);
  }

  /** See HandleOwner. */
  handleClosed(): void {
    const { user } = this;
    this.user = undefined;
    this.onFinish = undefined;
    user?.onClose(this.#fault);
  }

  #startReading(): void {
    if (!this.#hasBuffer) {
      this.#hasBuffer = true;
      readInto(this.#handle, this.#memory.readBuffer);
    }
    const status = this.#handle.readStart();
    if (status !== 0) this.#close(faultOf(status, "read"));
  }

  #send(data: string | Uint8Array): boolean {
    const { request } = this.#memory;
    const status =
      typeof data === "string"
        ? this.#handle.writeLatin1String(request, data)
        : this.#handle.writeBuffer(request, data);
    if (status === 0 && isWriteDone()) return !this.writableNeedDrain;
    return this.#settleWrite(status, data);
  }

  #holdBack(corked: Uint8Array[], data: string | Uint8Array): boolean {
    corked.push(typeof data === "string" ? Buffer.from(data, "latin1") : data);
    return true;
  }

  /** One of the thread's; undefined = the write needs memory of its own, no more than its length. */
  #bufferFor(length: number): Buffer | undefined {
    if (this.#corked !== undefined) return undefined;
    const buffer = this.#memory.bufferFor(length);
    // Behind others it waits for sure, and holds what it is given.
    const isTooLarge = this.#writes > 0 && buffer !== undefined && buffer.length > 2 * length;
    return isTooLarge ? undefined : buffer;
  }

  /** Writes what the kernel takes without a copy, and gives the rest. */
  #writeAtOnce(bytes: Uint8Array): Uint8Array {
    const isAlone = this.#writes === 0 && this.#corked === undefined && !this.#connecting;
    if (!isAlone || !this.writable) return bytes;
    const length = tryWrite(this.#handle, bytes);
    this.bytesWritten += length;
    return length === 0 ? bytes : bytes.subarray(length);
  }

  /** Writes the first bytes of a buffer of the thread. */
  #writeFrom(buffer: Buffer, length: number): boolean {
    if (!this.writable) return false;
    this.bytesWritten += length;
    const bytes = length === buffer.length ? buffer : buffer.subarray(0, length);
    const status = this.#handle.writeBuffer(this.#memory.request, bytes);
    if (status === 0 && isWriteDone()) return !this.writableNeedDrain;
    if (status === 0) this.#memory.bufferTaken(buffer);
    return this.#settleWrite(status, buffer);
  }

  /** A write has failed, or the kernel has not taken all of it: the rest leaves later. */
  #settleWrite(status: number, kept: string | Uint8Array): boolean {
    if (status !== 0) {
      this.#failWrite(status);
      return false;
    }
    const { request } = this.#memory;
    this.#memory.requestTaken();
    awaitWrite(request, this, kept);
    this.#writes += 1;
    this.writableNeedDrain ||=
      this.#writes >= HIGH_WATER_WRITES || this.#handle.writeQueueSize >= HIGH_WATER_BYTES;
    return !this.writableNeedDrain;
  }

  /** An endpoint that has reset may have answered before: that is read, and then the socket closes. */
  #failWrite(status: number): void {
    const fault = faultOf(status, "write");
    const hasLastWords = this.#awaitsAnswer && this.#reading && LAST_WORDS_AFTER.has(fault.code);
    if (hasLastWords) this.#writeFault ??= fault;
    else this.#close(fault);
  }

  #shutdown(): void {
    const status = shutdownHandle(this.#handle);
    if (status === 0) this.#endIsOnItsWay = true;
    else this.#finish(status);
  }

  /** The FIN is sent, or there is nobody left to send it to. */
  #finish(status: number): void {
    if (this.destroyed) return;
    if (status < 0 && getSystemErrorName(status) !== "ENOTCONN") return this.#failWrite(status);
    this.writableFinished = true;
    this.onFinish?.();
    if (this.#readEnded) this.#close(undefined);
  }

  #close(fault: SocketFault | undefined): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.#fault = fault;
    closeHandle(this.#handle);
  }

  #endReading(): void {
    this.#reading = false;
    this.#readEnded = true;
    if (this.#writeFault !== undefined) return this.#close(this.#writeFault);
    if (this.user === undefined) return this.#close(undefined);
    this.user.onEnd();
    if (this.writableFinished) this.#close(undefined);
  }
}

/** Errors of a write behind which there may be an answer still to be read: the peer has reset. */
const LAST_WORDS_AFTER: ReadonlySet<string | undefined> = new Set(["EPIPE", "ECONNRESET"]);

function faultOf(status: number, action: string): SocketFault {
  const code = getSystemErrorName(status);
  return { code, message: `${action} ${code}` };
}

function closedNodeSocket(fault: SocketFault | undefined): NodeSocket {
  const socket = new NodeSocket();
  socket.on("error", () => undefined);
  socket.destroy(fault && Object.assign(new Error(fault.message), { code: fault.code }));
  return socket;
}

function nameOf(handle: StreamHandle, end: "getpeername" | "getsockname"): SocketAddress {
  const name: SocketName = {};
  const status = handle[end]?.(name);
  if (status !== 0) return { address: "", port: 0 };
  return { address: unmapAddress(name.address ?? ""), port: name.port ?? 0 };
}
