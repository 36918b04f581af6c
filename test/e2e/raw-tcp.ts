/** Bare TCP on loopback: what no HTTP or TLS library would send. */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { DEADLINE_MS } from "../processes.ts";
import type { Scope } from "./harness.ts";

/** Connects; rejects when nobody listens. */
export async function dial(scope: Scope, port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  scope.after(() => void socket.destroy());
  await once(socket, "connect", { signal: AbortSignal.timeout(DEADLINE_MS) });
  // Whoever waits for the end hears of a reset by `close`.
  socket.on("error", () => undefined);
  return socket;
}

/** Everything that the peer sends until it closes, in whatever way; rejects at the deadline. */
export async function readToEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("end", () => socket.end());
  const timer = setTimeout(() => socket.destroy(new Error("not closed in time")), DEADLINE_MS);
  timer.unref();
  await new Promise<void>((resolve, reject) => {
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === undefined) reject(error);
    });
    socket.on("close", () => resolve());
  });
  clearTimeout(timer);
  return Buffer.concat(chunks);
}

/** True when a connection to this port is refused. */
export async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}

/** A server on a free loopback port, closed with all its connections. */
export async function startTcpServer(
  scope: Scope,
  onConnection: (socket: Socket) => void,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}
