/**
 * Where the admin API listens. The listening is done here with nothing but a socket; the HTTP server and the app are
 * loaded by the first connection: they cost some 60 ms and 18 MB, which no box should pay that nobody asks.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { AdminFunctions } from "../admin/app.ts";
import type { AdminServer } from "../admin/server.ts";
import type { AdminAddress } from "../core/model.ts";
import { removeStaleSocket } from "./stale-socket.ts";

/** An address that is not "off". */
export type OpenAdminAddress = Exclude<AdminAddress, { kind: "off" }>;

/** The admin API while it listens. */
export interface AdminHandle {
  /** As `--admin` takes it: `127.0.0.1:9901`, `[::1]:9901`, `unix:/path`; the real port where the file says 0. */
  readonly address: string;
  /** Stops listening, lets requests finish for at most one second, then cuts them off. */
  close(): Promise<void>;
}

/** More than any number of people and scrapers; each is a descriptor that traffic cannot have. */
const CONNECTIONS_MAX = 64;
const CLOSE_LIMIT_MS = 1000;
/** Owner and group may connect. */
const SOCKET_UMASK = 0o117;

/** Begins to listen; rejects with a sentence for people (`EADDRINUSE`, `EACCES` …), and then nothing is left open. */
export async function startAdmin(
  address: OpenAdminAddress,
  functions: AdminFunctions,
): Promise<AdminHandle> {
  if (address.kind === "unix") await removeStaleSocket(address.path);
  const load = lazily(async () => {
    const { createAdminApp } = await import("../admin/app.ts");
    const { createAdminServer } = await import("../admin/server.ts");
    return createAdminServer(createAdminApp(functions, address));
  });
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    void handOver(socket, load, functions);
  });
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, address);
  server.on("error", functions.problem);
  return { address: addressOf(server, address), close: () => closeAll(server, sockets) };
}

async function handOver(
  socket: Socket,
  load: () => Promise<AdminServer>,
  functions: AdminFunctions,
): Promise<void> {
  try {
    const http = await load();
    if (socket.destroyed) return;
    http.emit("connection", socket);
    socket.resume();
  } catch (error) {
    functions.problem(error);
    socket.destroy();
  }
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

function listen(server: Server, address: OpenAdminAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(problemOf(address, error)));
    server.once("listening", () => {
      server.removeAllListeners("error");
      resolve();
    });
    if (address.kind === "tcp") {
      server.listen({ host: address.host, port: address.port });
      return;
    }
    // A socket file gets its mode when it is bound, which listen() does before it returns.
    const before = process.umask(SOCKET_UMASK);
    server.listen({ path: address.path });
    process.umask(before);
  });
}

function problemOf(address: OpenAdminAddress, error: NodeJS.ErrnoException): Error {
  const name = address.kind === "unix" ? `unix:${address.path}` : tcpName(address);
  const { code } = error;
  const why =
    code === "EADDRINUSE"
      ? "something else listens there; stop it or change admin.listen"
      : code === "EACCES" || code === "EPERM"
        ? "this user may not; change admin.listen or the permissions"
        : code === "EADDRNOTAVAIL"
          ? "this box has no such address; change admin.listen"
          : error.message;
  return new Error(`The admin API cannot listen on ${name}: ${why}`, { cause: error });
}

function addressOf(server: Server, address: OpenAdminAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  return tcpName({ host: address.host, port });
}

function tcpName({ host, port }: { readonly host: string; readonly port: number }): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function closeAll(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, CLOSE_LIMIT_MS);
    server.close(() => {
      clearTimeout(limit);
      resolve();
    });
  });
}
