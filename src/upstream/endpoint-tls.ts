/** TLS to the endpoints of one service: what is trusted and shown, and sessions that spare a handshake. */
import type { Socket } from "node:net";
import {
  type SecureContext,
  type TLSSocket,
  connect,
  createSecureContext,
  getCACertificates,
  setDefaultCACertificates,
} from "node:tls";
import type { Failure } from "../core/failure.ts";
import type { Endpoint, EndpointTls } from "../core/service.ts";
import type { SocketFault } from "../transport/socket.ts";

/** RFC 8996 forbids everything older. */
const VERSION_MIN = "TLSv1.2";
/** Of one service in one worker; one takes 2 KiB or so. */
const SESSIONS_MAX = 256;
const DETAIL_LENGTH_MAX = 300;

/** The authorities of the box, for a whole thread. Owned by its worker. */
export class BoxAuthorities {
  #isLoaded = false;

  /**
   * Makes those that the box trusts the default of this thread: what is in the directory and file of OpenSSL, which
   * SSL_CERT_DIR and SSL_CERT_FILE name, as for every other program of the box; where there are none, those of the
   * runtime (Mozilla's) stay. Effect: the first call reads them, which takes some 50 ms.
   */
  load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    // Most are found twice and more: in a bundle, and in files with links to them.
    const found = [...new Set(getCACertificates("system"))];
    if (found.length > 0) setDefaultCACertificates(found);
  }
}

/** What a handshake is begun with. */
export interface HandshakeOptions {
  /** Connected; whatever was written to it before goes out before. */
  readonly socket: Socket;
  readonly endpoint: Endpoint;
  /** Offered, in order; [] = the extension is not sent. */
  readonly alpn: readonly string[];
}

/** Owned by a ServiceState, and made anew when a reload changes it: sessions of other rules are forgotten. */
export class EndpointTlsClient {
  readonly #policy: EndpointTls;
  readonly #authorities: BoxAuthorities;
  #context: SecureContext | undefined;
  /** By server name and endpoint, the oldest first. */
  readonly #sessions = new Map<string, Buffer>();

  /** `policy` has passed the check. Reads nothing yet. */
  constructor(policy: EndpointTls, authorities: BoxAuthorities) {
    this.#policy = policy;
    this.#authorities = authorities;
  }

  /**
   * Begins a handshake; `secureConnect` follows, or `error`, for `describeTlsError`. A failure before anything was sent
   * is returned: there is no name to verify, or the certificates cannot be used.
   */
  begin({ socket, endpoint, alpn }: HandshakeOptions): TLSSocket | Failure {
    const { insecure } = this.#policy;
    const name = this.#policy.serverName ?? endpoint.dnsName;
    if (name === undefined && !insecure) {
      const detail = `${endpoint.name} has no name to verify: say tls.sni`;
      return { kind: "connect-certificate", detail };
    }
    const key = `${name ?? ""} ${endpoint.name}`;
    try {
      const session = this.#sessions.get(key);
      const secured = connect({
        socket,
        secureContext: this.#secureContext(),
        rejectUnauthorized: !insecure,
        ALPNProtocols: [...alpn],
        ...(name === undefined ? {} : { servername: name }),
        ...(session === undefined ? {} : { session }),
      });
      secured.on("session", (fresh: Buffer) => this.#remember(key, fresh));
      return secured;
    } catch (error) {
      return { kind: "connect-tls", detail: shorten(String(error)) };
    }
  }

  #secureContext(): SecureContext {
    if (this.#context !== undefined) return this.#context;
    const { ca, certificate, privateKey } = this.#policy;
    if (ca === undefined) this.#authorities.load();
    this.#context = createSecureContext({
      minVersion: VERSION_MIN,
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(privateKey === undefined ? {} : { key: privateKey }),
    });
    return this.#context;
  }

  #remember(key: string, session: Buffer): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    if (this.#sessions.size <= SESSIONS_MAX) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }
}

/** Whether connections made by one are as good as connections made by the other. Pure. */
export function isSameTls(one: EndpointTls | undefined, other: EndpointTls | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.serverName === other.serverName &&
    one.ca === other.ca &&
    one.certificate === other.certificate &&
    one.privateKey === other.privateKey &&
    one.insecure === other.insecure
  );
}

/**
 * What the fault of a secured socket means; undefined when it is one of the connection below. Pure. Texts of the
 * endpoint's certificate may be in the detail, cut to a bound.
 */
export function describeTlsError(
  error: SocketFault,
  { authorizationError }: Pick<TLSSocket, "authorizationError">,
): Failure | undefined {
  const code = error.code ?? "";
  // Only a certificate that was not accepted sets it.
  if (authorizationError !== null && authorizationError !== undefined) {
    const reason = CERTIFICATE_REASONS[code];
    // Node goes on with advice for whoever writes programs.
    const [message = ""] = error.message.split(";", 1);
    const detail = reason === undefined ? message : `${reason}: ${message}`;
    return { kind: "connect-certificate", detail: shorten(detail) };
  }
  if (!code.startsWith("ERR_SSL_") && !code.startsWith("ERR_TLS_")) return undefined;
  const reason = HANDSHAKE_REASONS[code] ?? "";
  return { kind: "connect-tls", detail: shorten(`${reason}${code}`) };
}

/** Codes of OpenSSL's verification (X509_V_ERR_…) and of Node's check of the name. */
const CERTIFICATE_REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "expired",
  CERT_NOT_YET_VALID: "not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "wrong name",
  DEPTH_ZERO_SELF_SIGNED_CERT: "unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "unknown authority",
  UNABLE_TO_GET_ISSUER_CERT: "unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknown authority",
};

const HANDSHAKE_REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: "the endpoint does not speak TLS: ",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the endpoint does not speak TLS: ",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "the endpoint wants a certificate of ours: ",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the endpoint does not know the authority of our certificate: ",
};

function shorten(text: string): string {
  return text.length <= DETAIL_LENGTH_MAX ? text : `${text.slice(0, DETAIL_LENGTH_MAX)}…`;
}
