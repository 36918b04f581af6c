/** Connects to an endpoint as the data plane would: PROXY header, then TLS, when the service has them. */
import { type Socket, connect } from "node:net";
import { isOwnTrouble } from "../core/own-trouble.ts";
import { writeProxyV1, writeProxyV2 } from "../core/proxy-protocol/write.ts";
import type { CheckTask } from "./check-task.ts";
import type { TlsDialler } from "./tls-dialler.ts";

/** Who is told of the connection. */
export interface DialUser {
  /** Connected, and the handshake is over if there is one. */
  onReady(socket: Socket): void;
  /** It failed, or broke later; undefined = for lack of descriptors, ports or memory here. */
  onFailed(detail: string | undefined): void;
}

/** It is loaded by the first that needs it: TLS costs some 6 ms and 4 MB. */
export type LoadTls = () => Promise<TlsDialler>;

/** What stays the same for many dials. */
export interface DialContext {
  readonly loadTls: LoadTls;
  /** What is offered by ALPN (RFC 7301). */
  readonly alpn: string;
}

/** Begins to connect; returns how to drop the connection at once, whatever has become of it. Never throws. */
export function dial(task: CheckTask, context: DialContext, user: DialUser): () => void {
  const { endpoint, service } = task;
  const raw = connect(
    endpoint.port === 0
      ? { path: endpoint.host }
      : { host: endpoint.host, port: endpoint.port, noDelay: true },
  );
  raw.on("error", (error: NodeJS.ErrnoException) => user.onFailed(wordsOf(error)));
  raw.on("connect", () => {
    const header = localHeader(service.proxyProtocol);
    if (header !== undefined) raw.write(header);
    if (service.tls === undefined) user.onReady(raw);
    else void secure({ raw, task }, context, user);
  });
  // What is above it goes with it.
  return () => raw.destroy();
}

async function secure(
  { raw, task: { endpoint, service } }: { readonly raw: Socket; readonly task: CheckTask },
  { loadTls, alpn }: DialContext,
  user: DialUser,
): Promise<void> {
  try {
    const dialler = await loadTls();
    if (raw.destroyed || service.tls === undefined) return;
    const socket = dialler.secure({ raw, tls: service.tls, endpoint, alpn });
    socket.on("error", (error: NodeJS.ErrnoException) => user.onFailed(wordsOf(error)));
    socket.on("secureConnect", () => {
      if (alpn === "h2" && socket.alpnProtocol !== "h2") user.onFailed("TLS without HTTP/2 (ALPN)");
      else user.onReady(socket);
    });
  } catch (error) {
    user.onFailed(error instanceof Error ? error.message : String(error));
  }
}

/** The header of a connection that is the box's own (PROXY protocol §2.1 UNKNOWN, §2.2 LOCAL). */
function localHeader(version: "v1" | "v2" | undefined): Uint8Array | undefined {
  if (version === undefined) return undefined;
  const nobody = { address: "", port: 0 };
  return version === "v1" ? writeProxyV1(nobody, nobody) : writeProxyV2(nobody, nobody);
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect refused",
  ECONNRESET: "connection reset",
  ETIMEDOUT: "connect timed out",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOENT: "no such socket",
  EACCES: "no permission to connect",
};

/** OpenSSL's own words say what is wrong with a certificate. */
function wordsOf(error: NodeJS.ErrnoException): string | undefined {
  if (isOwnTrouble(error.code)) return undefined;
  return WORDS[error.code ?? ""] ?? error.message;
}
