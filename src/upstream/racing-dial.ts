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
  /** The connected socket has failed; `onDialledClose` follows. */
  onDialledError(error: NodeJS.ErrnoException): void;
  /** The connected socket is closed. */
  onDialledClose(): void;
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
  #second: Socket | undefined;
  /** Tries that may still come through. */
  #open = 0;
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
    this.#timer = setTimeout(() => {
      this.#second = this.#try(sibling);
    }, ATTEMPT_DELAY_MS);
    this.#timer.unref();
  }

  /** Gives all tries up; `onDialFailed` follows. */
  destroy(): void {
    this.#stopTimer();
    this.socket.destroy();
    this.#second?.destroy();
  }

  #try(endpoint: Endpoint): Socket {
    const { host, port } = endpoint;
    const options = { allowHalfOpen: true, noDelay: true };
    const socket = connect({
      ...(port === 0 ? { path: host, ...options } : { host, port, ...options }),
      onread: {
        buffer: this.#readBuffer,
        callback: (length) => this.#dialler.onDialledRead(length),
      },
    });
    socket.on("error", (error: NodeJS.ErrnoException) => this.#onError(socket, error));
    socket.on("connect", () => this.#win(endpoint, socket));
    socket.on("close", () => this.#onClose(socket));
    this.#open += 1;
    return socket;
  }

  #win(endpoint: Endpoint, socket: Socket): void {
    if (this.#won) return;
    this.#won = true;
    this.#stopTimer();
    const loser = socket === this.#second ? this.socket : this.#second;
    this.endpoint = endpoint;
    this.socket = socket;
    loser?.destroy();
    this.#dialler.onDialled();
  }

  #onError(socket: Socket, error: NodeJS.ErrnoException): void {
    if (!this.#won) this.#error ??= error;
    else if (socket === this.socket) this.#dialler.onDialledError(error);
  }

  #onClose(socket: Socket): void {
    this.#open -= 1;
    if (this.#won) {
      if (socket === this.socket) this.#dialler.onDialledClose();
    } else if (this.#open === 0) {
      this.#stopTimer();
      this.#dialler.onDialFailed(this.#error);
    }
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }
}
