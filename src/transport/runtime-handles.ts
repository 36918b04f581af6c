/**
 * The stream handles of the runtime, on which Node's own sockets are built. They are not documented. The runtime is part
 * of the executable, so what is here is here for all of its users; what is missing stops the program at its start.
 */
import { writeSync } from "node:fs";
import { isIPv6 } from "node:net";

/** Who is told what becomes of a handle, from the event loop. Statuses are 0 or a negative errno (libuv). */
export interface HandleOwner {
  /** So many bytes are in the buffer, or END_OF_STREAM, or a status. */
  handleRead(bytes: number): void;
  /** A write that was not done at once is over; `kept` is what the request kept for it. */
  handleWritten(status: number, kept: string | Uint8Array | undefined): void;
  handleConnected(status: number): void;
  handleShutdown(status: number): void;
  handleClosed(): void;
}

/** A TCP connection or a Unix socket. Statuses are 0 or a negative errno (libuv). */
export interface StreamHandle {
  /** Its owner. Not `owner`: on a handle that is the runtime's own word for the same. */
  heldBy: HandleOwner;
  /** Must return nothing, or the buffer is another one. */
  onread: (this: StreamHandle) => void;
  /** -1 once it is closed. */
  readonly fd: number;
  /** Bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number;
  /** Reads go into this memory from now on. */
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  /** Tries to write at once; what is left is written later, and `isWriteDone` says so. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  writeLatin1String(request: WriteRequest, text: string): number;
  /** Sends a FIN once all is written. */
  shutdown(request: ShutdownRequest): number;
  close(closed: (this: StreamHandle) => void): void;
  connect(request: ConnectRequest, host: string, port?: number): number;
  /** TCP only, as all that follow. */
  connect6?(request: ConnectRequest, host: string, port: number): number;
  /** Closes with RST. */
  reset?(closed: (this: StreamHandle) => void): number;
  setNoDelay?(on: boolean): number;
  setKeepAlive?(on: boolean, delaySeconds: number): number;
  getpeername?(name: SocketName): number;
  getsockname?(name: SocketName): number;
}

/** Filled in by the runtime. */
export interface SocketName {
  address?: string;
  port?: number;
}

/** One write. It may be used again as long as its writes are done at once. */
export interface WriteRequest {
  /** Told once a write that was not done at once is over. */
  oncomplete: (this: WriteRequest, status: number) => void;
  owner: HandleOwner | undefined;
  /** Memory that the write needs until it is over. */
  kept: string | Uint8Array | undefined;
}

export interface ShutdownRequest {
  oncomplete: (this: ShutdownRequest, status: number) => void;
  owner: HandleOwner;
}

export interface ConnectRequest {
  oncomplete: (this: ConnectRequest, status: number) => void;
  owner: HandleOwner;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => ShutdownRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

interface TcpBinding {
  readonly TCP: new (type: number) => StreamHandle;
  readonly TCPConnectWrap: new () => ConnectRequest;
  readonly constants: { readonly SOCKET: number };
}

interface PipeBinding {
  readonly Pipe: new (type: number) => StreamHandle;
  readonly PipeConnectWrap: new () => ConnectRequest;
  readonly constants: { readonly SOCKET: number };
}

/** The end of a stream, where other negative numbers are an errno (libuv's UV_EOF). */
export const END_OF_STREAM = -4095;

const STREAM = load<StreamBinding>("stream_wrap", [
  "WriteWrap",
  "ShutdownWrap",
  "streamBaseState",
  "kReadBytesOrError",
  "kLastWriteWasAsync",
]);
const TCP = load<TcpBinding>("tcp_wrap", ["TCP", "TCPConnectWrap", "constants"]);
const PIPE = load<PipeBinding>("pipe_wrap", ["Pipe", "PipeConnectWrap", "constants"]);
const METHODS: readonly (keyof StreamHandle)[] = [
  "fd",
  "onread",
  "writeQueueSize",
  "useUserBuffer",
  "readStart",
  "readStop",
  "writeBuffer",
  "writeLatin1String",
  "shutdown",
  "close",
  "connect",
];
for (const handle of [TCP.TCP, PIPE.Pipe]) demand(handle.prototype as object, handle.name, METHODS);

const STATE = STREAM.streamBaseState;
const READ_BYTES = STREAM.kReadBytesOrError;
const LAST_WRITE_ASYNC = STREAM.kLastWriteWasAsync;

/** A handle to connect with. Effect: none in the kernel yet. */
export function createHandle(isPath: boolean): StreamHandle {
  return isPath ? new PIPE.Pipe(PIPE.constants.SOCKET) : new TCP.TCP(TCP.constants.SOCKET);
}

/** Begins to connect, to a path when the port is 0; its owner is told, unless the status is not 0. */
export function connectHandle(handle: StreamHandle, host: string, port: number): number {
  const request = port === 0 ? new PIPE.PipeConnectWrap() : new TCP.TCPConnectWrap();
  request.owner = handle.heldBy;
  request.oncomplete = onConnected;
  return port > 0 && isIPv6(host) && handle.connect6 !== undefined
    ? handle.connect6(request, host, port)
    : handle.connect(request, host, port);
}

/** Once, before `readStart`: reads go into this memory, and its owner is told. */
export function readInto(handle: StreamHandle, buffer: Uint8Array): void {
  handle.onread = onRead;
  handle.useUserBuffer(buffer);
}

/** A request for writes. */
export function createWriteRequest(): WriteRequest {
  return new STREAM.WriteWrap();
}

/**
 * Writes what the kernel takes at once, from memory that is only lent: a handle's own write would go on with it later.
 * Returns how many bytes that were; 0 also when there is an error, which the next write meets again.
 */
export function tryWrite(handle: StreamHandle, bytes: Uint8Array): number {
  try {
    return writeSync(handle.fd, bytes);
  } catch {
    return 0;
  }
}

/** Whether the last write of the thread was done at once. */
export function isWriteDone(): boolean {
  return STATE[LAST_WRITE_ASYNC] === 0;
}

/** The last write goes on: its owner is told when it is over, and the request is of no other use. */
export function awaitWrite(
  request: WriteRequest,
  owner: HandleOwner,
  kept: string | Uint8Array,
): void {
  request.owner = owner;
  request.kept = kept;
  request.oncomplete = onWritten;
}

/** A FIN; its owner is told when it is sent, unless the status is not 0. */
export function shutdownHandle(handle: StreamHandle): number {
  const request = new STREAM.ShutdownWrap();
  request.owner = handle.heldBy;
  request.oncomplete = onShutdown;
  return handle.shutdown(request);
}

/** Its owner is told when it is closed. */
export function closeHandle(handle: StreamHandle): void {
  handle.close(onClosed);
}

/** The same with an RST; false = there is none, and nothing is done. */
export function resetHandle(handle: StreamHandle): boolean {
  return handle.reset?.(onClosed) === 0;
}

// The runtime calls these with the handle or the request as `this`.

function onRead(this: StreamHandle): void {
  this.heldBy.handleRead(STATE[READ_BYTES] ?? 0);
}

function onWritten(this: WriteRequest, status: number): void {
  const { owner, kept } = this;
  this.owner = undefined;
  this.kept = undefined;
  owner?.handleWritten(status, kept);
}

function onConnected(this: ConnectRequest, status: number): void {
  this.owner.handleConnected(status);
}

function onShutdown(this: ShutdownRequest, status: number): void {
  this.owner.handleShutdown(status);
}

function onClosed(this: StreamHandle): void {
  this.heldBy.handleClosed();
}

function load<Binding extends object>(name: string, needed: readonly (keyof Binding)[]): Binding {
  const { binding } = process as unknown as { binding: (name: string) => Binding };
  const found = binding.call(process, name);
  demand(found, name, needed);
  return found;
}

/** Throws when something is not there, also by inheritance. */
function demand(object: object, name: string, needed: readonly PropertyKey[]): void {
  const missing = needed.find((key) => !(key in object));
  if (missing === undefined) return;
  throw new TypeError(`the runtime has other stream handles: ${name} lacks ${String(missing)}`);
}
