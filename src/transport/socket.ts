/** What the data plane needs of a connection, whether it is plain or secured. */
import type { SocketAddress } from "../core/proxy-protocol/header.ts";

/** Why a socket was closed by the platform. */
export interface SocketFault {
  /** An errno name, or a code of the TLS library. */
  readonly code?: string | undefined;
  readonly message: string;
}

/** Who is told what happens on a socket. Every call comes from the event loop, never from inside a call of the socket. */
export interface SocketUser {
  /** `bytes` is valid only during the call: the memory is that of the next read of any socket. */
  onBytes(bytes: Buffer): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** The socket wanted a pause, and all that waited has left for the kernel. Does not come once a write has failed. */
  onDrain(): void;
  /** The socket is closed. The last call. `fault` undefined = we closed it, or both sides had ended. */
  onClose(fault: SocketFault | undefined): void;
}

/** Names and meanings are those of Node's sockets where there is one. Half-open: a FIN of the peer only ends reading. */
export interface Socket {
  /** Set before the event loop turns; without one what comes ends the connection. */
  user: SocketUser | undefined;
  /** Called once the FIN that `end` has asked for is sent. */
  onFinish: (() => void) | undefined;
  /** Over TLS a FIN alone may be an attacker's: who ends must say so first. */
  readonly isSecured: boolean;
  readonly destroyed: boolean;
  /** What is written may reach the peer. False, and everything is dropped, also between a failed write and `onClose`. */
  readonly writable: boolean;
  /** So much waits that the source should pause; `onDrain` follows. */
  readonly writableNeedDrain: boolean;
  /** Bytes that wait. */
  readonly writableLength: number;
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  readonly bytesRead: number;
  /** Those that wait included. */
  readonly bytesWritten: number;
  /** The address is empty when the kernel knows of no peer any more. */
  readonly remote: SocketAddress;
  readonly local: SocketAddress;
  /** Latin-1 text, or bytes that nobody changes from now on. False when the source should pause. */
  write(data: string | Uint8Array): boolean;
  /** Bytes that are valid only during the call. */
  writeCopy(bytes: Uint8Array): boolean;
  /** The same, between two texts in Latin-1: all in one write. */
  writeJoined(head: string, part: BytesPart, tail: string): boolean;
  /** What is written waits for `uncork`, and leaves in one piece. */
  cork(): void;
  uncork(): void;
  isPaused(): boolean;
  pause(): void;
  resume(): void;
  /** A FIN once all is written. */
  end(): void;
  /** Closes at once; what waits is lost. */
  destroy(): void;
  /** The same with an RST, so that the peer cannot take it for the end; plainly where there is none. */
  reset(): void;
  setKeepAlive(delayMs: number): void;
}

/** A range of bytes that are valid only during a call. */
export interface BytesPart {
  readonly bytes: Buffer;
  readonly start: number;
  readonly length: number;
}
