/** Endpoints inside the test's own process, for what no real server can be made to do. */
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { Scope } from "./harness.ts";
import { startTcpServer } from "./raw-tcp.ts";

/** An HTTP server on a free loopback port. */
export async function startHttpEndpoint(scope: Scope, listener: RequestListener): Promise<number> {
  const server = createServer({ keepAliveTimeout: 0 }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A TCP server on a free loopback port that sends back what comes. */
export function startEcho(scope: Scope): Promise<number> {
  return startTcpServer(scope, (socket) => void socket.pipe(socket));
}
