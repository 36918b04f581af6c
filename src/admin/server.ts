/** The HTTP server under the admin app. */
import { createAdaptorServer } from "@hono/node-server";
import type { AdminApp } from "./app.ts";

/** How long a client may take. */
export interface AdminTimeouts {
  readonly headersMs: number;
  readonly requestMs: number;
  /** How often the two above are looked at. */
  readonly checkMs: number;
}

/** A server that listens nowhere: it is given connections by `emit("connection", socket)`. */
export type AdminServer = Pick<ReturnType<typeof createAdaptorServer>, "emit">;

const TIMEOUTS: AdminTimeouts = { headersMs: 5000, requestMs: 10_000, checkMs: 5000 };
const HEADER_BYTES_MAX = 16 * 1024;

/** Makes the server. Costs some 60 ms and 18 MB, for web Request and HTTP/2 are loaded: only for whoever asks. */
export function createAdminServer(app: AdminApp, timeouts: AdminTimeouts = TIMEOUTS): AdminServer {
  const server = createAdaptorServer({
    fetch: app.fetch,
    // The globals belong to the whole process.
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: timeouts.checkMs,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
  });
  // Node begins to watch the two time-outs when a server says that it listens.
  server.emit("listening");
  return server;
}
