/** Two ends of one connection on loopback: ours, and one of Node's whose every move the test makes. */
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import type { Socket as NodeSocket } from "node:net";
import type { TestContext } from "node:test";
import { type DialUser, HandleSocket } from "../../src/transport/handle-socket.ts";
import type { WriteRequest } from "../../src/transport/runtime-handles.ts";
import { SocketMemory } from "../../src/transport/socket-memory.ts";
import type { SocketFault } from "../../src/transport/socket.ts";
import { EndpointServer } from "../upstream/endpoint-server.ts";

/** For each test, so that what it opened is closed when it fails. */
export const LIMIT = { timeout: 5_000 };

export type Told = "connect" | "bytes" | "end" | "drain" | "close";

/** Writes down what it is told, and does what the test wants then. */
export class RecordingUser implements DialUser {
  /** In order; bytes that follow each other only once. */
  readonly told: Told[] = [];
  data = "";
  fault: SocketFault | undefined;
  /** What is done inside the call. */
  readonly acts: Partial<Record<Told, () => void>> = {};
  readonly #waiting = new Map<Told, () => void>();

  onConnect(): void {
    this.#tell("connect");
  }

  onBytes(bytes: Buffer): void {
    this.data += bytes.toString("latin1");
    this.#tell("bytes");
  }

  onEnd(): void {
    this.#tell("end");
  }

  onDrain(): void {
    this.#tell("drain");
  }

  onClose(fault: SocketFault | undefined): void {
    this.fault = fault;
    this.#tell("close");
  }

  /** Waits until it has been told this. */
  async until(event: Told): Promise<void> {
    if (this.told.includes(event)) return;
    await new Promise<void>((resolve) => this.#waiting.set(event, resolve));
  }

  #tell(event: Told): void {
    if (event !== "bytes" || this.told.at(-1) !== "bytes") this.told.push(event);
    this.acts[event]?.();
    this.#waiting.get(event)?.();
  }
}

/** Both ends of a connection. */
export interface Pair {
  readonly server: EndpointServer;
  readonly memory: SocketMemory;
  readonly user: RecordingUser;
  readonly socket: HandleSocket;
  /** It neither reads nor ends by itself. */
  readonly far: NodeSocket;
}

/** Dials, and is connected at both ends. Ours does not read yet. */
export async function connectPair(
  t: TestContext,
  { server, memory = new SocketMemory() }: Partial<Pair> = {},
): Promise<Pair> {
  const listening = server ?? (await EndpointServer.start(t));
  const user = new RecordingUser();
  const socket = HandleSocket.dial(listening.endpoint, memory, user);
  t.after(() => socket.destroy());
  const [far] = await Promise.all([listening.accept(), user.until("connect")]);
  far.pause();
  return { server: listening, memory, user, socket, far };
}

/** Everything that comes until the peer's FIN. */
export async function readAll(socket: NodeSocket): Promise<string> {
  let text = "";
  socket.on("data", (bytes: Buffer) => (text += bytes.toString("latin1")));
  const ended = once(socket, "end");
  socket.resume();
  await ended;
  return text;
}

/** The next error of a socket that reads. */
export async function failureOf(socket: NodeSocket): Promise<string | undefined> {
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => socket.once("error", resolve));
  socket.resume();
  return (await failed).code;
}

/** It is closed, with an error or without. */
export async function gone(socket: NodeSocket): Promise<void> {
  await new Promise((resolve) => socket.once("close", resolve));
}

/** Resets, and it is gone. */
export async function resetFar(far: NodeSocket): Promise<void> {
  const closed = gone(far);
  far.resetAndDestroy();
  await closed;
}

/** Writes to a peer that does not read, until bytes wait that want a pause; returns how many were written. */
export function fill(socket: HandleSocket, piece: Uint8Array): number {
  let written = 0;
  while (!socket.writableNeedDrain) {
    socket.writeCopy(piece);
    written += piece.length;
  }
  return written;
}

/** Sockets of this process that the kernel knows. */
export function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((name) => isSocket(`/proc/self/fd/${name}`)).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    // It was that of the listing.
    return false;
  }
}

/** Knows what writes in flight keep. */
export class WatchedMemory extends SocketMemory {
  readonly #requests: WriteRequest[] = [];

  override requestTaken(): void {
    this.#requests.push(this.request);
    super.requestTaken();
  }

  /** What each write in flight keeps, in order. */
  get kept(): readonly (string | Uint8Array)[] {
    return this.#requests.map(({ kept }) => kept).filter((kept) => kept !== undefined);
  }

  /** The memory behind it. */
  get keptBytes(): number {
    const blocks = this.kept.filter((kept) => typeof kept !== "string").map(({ buffer }) => buffer);
    return [...new Set(blocks)].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}
