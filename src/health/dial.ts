/** Connects to an endpoint as the data plane would: PROXY header, then TLS, when the service has them. */
import { type Socket, connect, isIP } from "node:net";
import {
  type ConnectionOptions,
  type SecureContext,
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
} from "node:tls";
import { writeProxyV1, writeProxyV2 } from "../core/proxy-protocol/write.ts";
import type { Endpoint, EndpointTls } from "../core/service.ts";
import type { CheckTask } from "./check-task.ts";

/** Who is told of the connection. */
export interface DialUser {
  /** Connected, and the handshake is over if there is one. */
  onReady(socket: Socket): void;
  /** It failed, or broke later. At most once. */
  onFailed(detail: string): void;
}

/** What stays the same for many dials. */
export interface DialContext {
  readonly tls: TlsContexts;
  /** What is offered by ALPN (RFC 7301). */
  readonly alpn: string;
}

/** Certificates and keys are parsed once for each service of a snapshot. Owned by whoever checks. */
export class TlsContexts {
  readonly #contexts = new WeakMap<EndpointTls, SecureContext>();

  /** Throws on a certificate or key that OpenSSL cannot read. */
  of(tls: EndpointTls): SecureContext {
    const known = this.#contexts.get(tls);
    if (known !== undefined) return known;
    const context = createSecureContext({
      ca: tls.ca,
      cert: tls.certificate,
      key: tls.privateKey,
    });
    this.#contexts.set(tls, context);
    return context;
  }
}

/** Begins to connect; returns how to drop the connection at once, whatever has become of it. */
export function dial(task: CheckTask, context: DialContext, user: DialUser): () => void {
  const { endpoint, service } = task;
  const raw = connect(
    endpoint.port === 0
      ? { path: endpoint.host }
      : { host: endpoint.host, port: endpoint.port, noDelay: true },
  );
  const once = failOnce(user);
  let secured: Socket | undefined;
  raw.on("error", (error: NodeJS.ErrnoException) => once(wordsOf(error)));
  raw.on("connect", () => {
    const header = localHeader(service.proxyProtocol);
    if (header !== undefined) raw.write(header);
    if (service.tls === undefined) return user.onReady(raw);
    try {
      secured = secure({ raw, tls: service.tls, endpoint }, context, { ...user, onFailed: once });
    } catch (error) {
      once(String(error));
    }
  });
  return () => {
    secured?.destroy();
    raw.destroy();
  };
}

interface PlainConnection {
  readonly raw: Socket;
  readonly tls: EndpointTls;
  readonly endpoint: Endpoint;
}

function secure(
  { raw, tls, endpoint }: PlainConnection,
  context: DialContext,
  user: DialUser,
): Socket {
  const name = tls.serverName ?? endpoint.dnsName ?? "";
  const options: ConnectionOptions = {
    socket: raw,
    secureContext: context.tls.of(tls),
    rejectUnauthorized: !tls.insecure,
    ALPNProtocols: [context.alpn],
    // An address has no place in the server name (RFC 6066 §3), but in the certificate it has.
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(name === "" || isIP(name) !== 0 ? {} : { servername: name }),
  };
  const socket = connectTls(options);
  socket.on("error", (error: NodeJS.ErrnoException) => user.onFailed(wordsOf(error)));
  socket.on("secureConnect", () => {
    if (context.alpn === "h2" && socket.alpnProtocol !== "h2") {
      user.onFailed("TLS without HTTP/2 (ALPN)");
    } else user.onReady(socket);
  });
  return socket;
}

/** The header of a connection that is the box's own (PROXY protocol §2.1 UNKNOWN, §2.2 LOCAL). */
function localHeader(version: "v1" | "v2" | undefined): Uint8Array | undefined {
  if (version === undefined) return undefined;
  const nobody = { address: "", port: 0 };
  return version === "v1" ? writeProxyV1(nobody, nobody) : writeProxyV2(nobody, nobody);
}

function failOnce(user: DialUser): (detail: string) => void {
  let failed = false;
  return (detail) => {
    if (failed) return;
    failed = true;
    user.onFailed(detail);
  };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect refused",
  ECONNRESET: "connection reset",
  ETIMEDOUT: "connect timed out",
  EHOSTUNREACH: "host unreachable",
  ENETUNREACH: "network unreachable",
  ENOENT: "no such socket",
  EACCES: "no permission to connect",
  EMFILE: "this box has no descriptors left",
};

/** OpenSSL's own words say what is wrong with a certificate. */
function wordsOf(error: NodeJS.ErrnoException): string {
  return WORDS[error.code ?? ""] ?? error.message;
}
