/** Connecting to an endpoint, helped by a second try in the other address family (Happy Eyeballs, RFC 8305). */
import type { Endpoint } from "../core/service.ts";
import { type DialUser, HandleSocket } from "../transport/handle-socket.ts";
import type { SocketFault } from "../transport/socket.ts";
import type { SocketMemory } from "../transport/socket-memory.ts";

/** What to connect to. */
export interface RacingDialOptions {
  readonly endpoint: Endpoint;
  /** The same name in the other address family; undefined = there is none. */
  readonly sibling: Endpoint | undefined;
  readonly memory: SocketMemory;
}

/** Who dials. */
export interface Dialler {
  /** The socket of `RacingDial.socket` is connected, and is the caller's from now on: it reads nothing yet. */
  onDialled(): void;
  /** No try has come to anything, or all were given up: the last call. `fault` is that of the first try that had one. */
  onDialFailed(fault: SocketFault | undefined): void;
}

/** RFC 8305 §8: the recommended Connection Attempt Delay. */
const ATTEMPT_DELAY_MS = 250;

/**
 * Owns its sockets until one of them is connected; the others are destroyed then. At most two tries: the second one
 * begins when the first has neither come through nor failed in a quarter of a second. A first one that fails sooner is
 * the end, since whoever dials then has other endpoints to choose from. The limit in time is the caller's.
 */
export class RacingDial {
  readonly #dialler: Dialler;
  readonly #memory: SocketMemory;
  #first: Attempt;
  #second: Attempt | undefined;
  /** Tries that may still come through. */
  #open = 0;
  #timer: NodeJS.Timeout | undefined;
  #won = false;
  #fault: SocketFault | undefined;

  /** Effect: begins at once. Tells nothing before the next turn of the event loop. */
  constructor({ endpoint, sibling, memory }: RacingDialOptions, dialler: Dialler) {
    this.#dialler = dialler;
    this.#memory = memory;
    this.#first = this.#try(endpoint);
    if (sibling === undefined) return;
    this.#timer = setTimeout(() => {
      this.#second = this.#try(sibling);
    }, ATTEMPT_DELAY_MS);
    this.#timer.unref();
  }

  /** Of the winner; until there is one, of the first try. */
  get endpoint(): Endpoint {
    return this.#first.endpoint;
  }

  /** See `endpoint`. */
  get socket(): HandleSocket {
    return this.#first.socket;
  }

  /** Gives all tries up; `onDialFailed` follows. */
  destroy(): void {
    this.#stopTimer();
    this.#first.socket.destroy();
    this.#second?.socket.destroy();
  }

  /** Called by its tries. */
  connected(attempt: Attempt): void {
    const { socket } = attempt;
    if (this.#won) return socket.destroy();
    this.#won = true;
    this.#stopTimer();
    const loser = attempt === this.#second ? this.#first : this.#second;
    this.#first = attempt;
    loser?.socket.destroy();
    socket.setNoDelay();
    this.#dialler.onDialled();
  }

  /** Called by its tries. */
  closed(fault: SocketFault | undefined): void {
    this.#open -= 1;
    if (this.#won) return;
    this.#fault ??= fault;
    if (this.#open > 0) return;
    this.#stopTimer();
    this.#dialler.onDialFailed(this.#fault);
  }

  #try(endpoint: Endpoint): Attempt {
    this.#open += 1;
    return new Attempt(this, endpoint, this.#memory);
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }
}

/** One try. */
class Attempt implements DialUser {
  readonly endpoint: Endpoint;
  readonly socket: HandleSocket;
  readonly #race: RacingDial;

  constructor(race: RacingDial, endpoint: Endpoint, memory: SocketMemory) {
    this.#race = race;
    this.endpoint = endpoint;
    this.socket = HandleSocket.dial(endpoint, memory, this);
  }

  onConnect(): void {
    this.#race.connected(this);
  }

  onClose(fault: SocketFault | undefined): void {
    this.#race.closed(fault);
  }

  onBytes(): void {
    // Nothing is read before somebody takes over.
  }

  onEnd(): void {
    // Nor is an end.
  }

  onDrain(): void {
    // Nothing is written before.
  }
}
