/** Connecting to an endpoint, helped by a second try in the other address family (Happy Eyeballs, RFC 8305). */
import { type Socket, connect } from "node:net";
import type { Endpoint } from "../core/service.ts";

/** What to connect to, and where what comes is read into. */
export interface RacingDialOptions {
  readonly endpoint: Endpoint;
  /** The same name in the other address family; undefined = there is none. */
  readonly sibling: Endpoint | undefined;
  readonly readBuffer: Buffer;
}

/** Who dials. */
export interface Dialler {
  /** The socket of `RacingDial.socket` is connected, and is the caller's from now on. */
  onDialled(): void;
  /** No try has come to anything, or all were given up: the last call. `error` is that of the first try that had one. */
  onDialFailed(error: NodeJS.ErrnoException | undefined): void;
  /** So many bytes are in the buffer; false pauses the socket. */
  onDialledRead(length: number): boolean;
}

/** RFC 8305 §8: the recommended Connection Attempt Delay. */
const ATTEMPT_DELAY_MS = 250;

/**
 * Owns its sockets until one of them is connected; the others are destroyed then. At most two tries: the second one
 * begins when the first has neither come through nor failed in a quarter of a second. A first one that fails sooner is
 * the end, since whoever dials then has other endpoints to choose from. The limit in time is the caller's.
 */
export class RacingDial {
  /** Of the winner; until there is one, of the first try. */
  endpoint: Endpoint;
  socket: Socket;
  readonly #dialler: Dialler;
  readonly #readBuffer: Buffer;
  readonly #open = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;
  #won = false;
  #error: NodeJS.ErrnoException | undefined;

  /** Effect: begins at once. Tells nothing before the next turn of the event loop. */
  constructor({ endpoint, sibling, readBuffer }: RacingDialOptions, dialler: Dialler) {
    this.#dialler = dialler;
    this.#readBuffer = readBuffer;
    this.endpoint = endpoint;
    this.socket = this.#try(endpoint);
    if (sibling === undefined) return;
    this.#timer = setTimeout(() => this.#try(sibling), ATTEMPT_DELAY_MS);
    this.#timer.unref();
  }

  /** Gives all tries up; `onDialFailed` follows. */
  destroy(): void {
    clearTimeout(this.#timer);
    for (const socket of this.#open) socket.destroy();
  }

  #try(endpoint: Endpoint): Socket {
    const { host, port } = endpoint;
    const socket = connect({
      ...(port === 0 ? { path: host } : { host, port }),
      allowHalfOpen: true,
      noDelay: true,
      onread: {
        buffer: this.#readBuffer,
        callback: (length) => this.#dialler.onDialledRead(length),
      },
    });
    // After the race it is the owner's handler that counts; this one stays and does nothing any more.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.#error ??= error;
    });
    socket.once("connect", () => this.#win(endpoint, socket));
    socket.once("close", () => this.#lose(socket));
    this.#open.add(socket);
    return socket;
  }

  #win(endpoint: Endpoint, socket: Socket): void {
    if (this.#won) return;
    this.#won = true;
    this.endpoint = endpoint;
    this.socket = socket;
    this.#open.delete(socket);
    this.destroy();
    this.#dialler.onDialled();
  }

  #lose(socket: Socket): void {
    this.#open.delete(socket);
    if (this.#won || this.#open.size > 0) return;
    clearTimeout(this.#timer);
    this.#dialler.onDialFailed(this.#error);
  }
}
