/** The connections of a listening server, as plain sockets of the data plane. */
import type { Server } from "node:net";
import { HandleSocket } from "./handle-socket.ts";
import type { StreamHandle } from "./runtime-handles.ts";
import type { SocketMemory } from "./socket-memory.ts";

/** The part of a listening server where Node puts its own callback. */
interface ListeningServer {
  readonly _handle: {
    onconnection: (status: number, handle: StreamHandle | undefined) => void;
  } | null;
}

/**
 * Makes a server that listens hand out its connections here: they read from `resume` on. A failed accept (out of
 * descriptors) is that connection's own end. Throws when the runtime accepts in another way.
 */
export function acceptInto(
  server: Server,
  memory: SocketMemory,
  accept: (socket: HandleSocket) => void,
): void {
  const { _handle: handle } = server as unknown as ListeningServer;
  if (typeof handle?.onconnection !== "function") {
    throw new TypeError("the runtime accepts connections in another way");
  }
  handle.onconnection = (_status, connection): void => {
    if (connection === undefined) return;
    const socket = new HandleSocket(connection, memory);
    socket.setNoDelay();
    accept(socket);
  };
}
