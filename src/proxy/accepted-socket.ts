/** Sockets of clients that read into memory of the thread instead of memory of their own. */
import { type Server, Socket } from "node:net";

/** Who gets what a socket reads. */
export interface ByteReader {
  /** `bytes` is valid only during the call; see upstream/read-buffer.ts. */
  onBytes(bytes: Buffer): void;
}

/**
 * What a Socket may be made of besides what is documented. `onread` is, for sockets that connect; `handle` is how Node
 * itself makes the sockets of a server.
 */
interface SocketParts {
  readonly handle: object;
  readonly allowHalfOpen: boolean;
  readonly onread: {
    readonly buffer: Buffer;
    readonly callback: (this: unknown, length: number, buffer: Uint8Array) => boolean;
  };
}

/** The part of a listening server where Node puts its own callback. */
interface ListeningServer {
  readonly _handle: { onconnection: (error: number, handle: object | undefined) => void } | null;
}

/** A socket fresh from `accept`, half-open allowed. It reads from the start, and only while it has a reader. */
export class AcceptedSocket extends Socket {
  /** Set before the event loop turns; without one what comes ends the connection. */
  reader: ByteReader | undefined;

  /** `buffer` is shared by all sockets of the thread. */
  constructor(handle: object, buffer: Buffer) {
    const parts: SocketParts = {
      handle,
      allowHalfOpen: true,
      onread: { buffer, callback: onRead },
    };
    super(parts as ConstructorParameters<typeof Socket>[0]);
  }
}

/**
 * Makes a server that listens hand out its connections as AcceptedSocket. Node allocates 64 KiB for every read of a
 * server's sockets, which costs time, and while data waits for a slow endpoint memory; there is no documented way to
 * give them a buffer. The runtime is part of the executable, and tests fail should it ever do this another way. A failed
 * accept (out of descriptors) is that connection's own end.
 */
export function acceptInto(
  server: Server,
  buffer: Buffer,
  accept: (socket: AcceptedSocket) => void,
): void {
  const { _handle: handle } = server as unknown as ListeningServer;
  if (typeof handle?.onconnection !== "function") {
    throw new TypeError("the runtime accepts connections in another way");
  }
  handle.onconnection = (_error, connection): void => {
    if (connection === undefined) return;
    const socket = new AcceptedSocket(connection, buffer);
    socket.setNoDelay(true);
    accept(socket);
  };
}

function onRead(this: unknown, length: number, buffer: Uint8Array): boolean {
  const socket = this as AcceptedSocket;
  if (socket.reader === undefined) socket.destroy();
  else socket.reader.onBytes((buffer as Buffer).subarray(0, length));
  return true;
}
