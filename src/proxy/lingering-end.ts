/** The gentle end of a connection whose peer may still be sending. */
import { type Deadlined, type Deadlines } from "../upstream/deadlines.ts";
import type { Socket } from "../transport/socket.ts";

/** How long what a peer still sends is read and dropped after the FIN … */
const LINGER_MS = 2000;
/** … and how much of it. */
const DROPPED_BYTES_MAX = 1024 * 1024;

/** Who closes, and how long the peer may take for the bytes that it has not taken yet. */
export interface LingeringOwner {
  /** Hands its deadline over and calls `onDeadline`. */
  readonly item: Deadlined;
  readonly deadlines: Deadlines;
  readonly flushMs: number;
}

/**
 * Sends what is written and a FIN, and reads on for a while: closing with unread bytes would reset the last answer away
 * before the peer sees it (RFC 9112 §9.6). The time to linger begins when the answer has left.
 */
export class LingeringEnd {
  readonly #socket: Socket;
  #left = DROPPED_BYTES_MAX;

  /** Effect: ends and resumes the socket, sets the owner's deadline. */
  constructor(socket: Socket, { item, deadlines, flushMs }: LingeringOwner) {
    this.#socket = socket;
    const linger = (): void => {
      item.deadlineMs = deadlines.after(LINGER_MS);
    };
    item.deadlineMs = deadlines.after(flushMs);
    if (socket.writableFinished) linger();
    else socket.onFinish = linger;
    socket.end();
    socket.resume();
  }

  /** So many bytes came and are dropped. */
  drop(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) this.#socket.destroy();
  }

  /** The peer has had its time; an answer that it did not take must not look complete. */
  onDeadline(): void {
    if (this.#socket.writableFinished) this.#socket.destroy();
    else this.#socket.reset();
  }
}
