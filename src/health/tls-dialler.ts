/** TLS to an endpoint, as its service says. */
import { isIP, type Socket } from "node:net";
import {
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
  checkServerIdentity,
  connect,
  createSecureContext,
} from "node:tls";
import type { Endpoint, EndpointTls } from "../core/service.ts";

/** A connection that is to become TLS. */
export interface PlainConnection {
  readonly raw: Socket;
  readonly tls: EndpointTls;
  readonly endpoint: Endpoint;
  /** What is offered by ALPN (RFC 7301). */
  readonly alpn: string;
}

/** Parses certificates and keys once for each service of a snapshot. Owned by whoever checks. */
export class TlsDialler {
  readonly #contexts = new WeakMap<EndpointTls, SecureContext>();

  /** Begins the handshake. Throws on a certificate or key that OpenSSL cannot read. */
  secure({ raw, tls, endpoint, alpn }: PlainConnection): TLSSocket {
    const name = tls.serverName ?? endpoint.dnsName ?? "";
    const options: ConnectionOptions = {
      socket: raw,
      secureContext: this.#contextOf(tls),
      rejectUnauthorized: !tls.insecure,
      ALPNProtocols: [alpn],
      // An address has no place in the server name (RFC 6066 §3), but in the certificate it has.
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
      ...(name === "" || isIP(name) !== 0 ? {} : { servername: name }),
    };
    return connect(options);
  }

  #contextOf(tls: EndpointTls): SecureContext {
    const known = this.#contexts.get(tls);
    if (known !== undefined) return known;
    const { ca, certificate: cert, privateKey: key } = tls;
    const context = createSecureContext({ ca, cert, key });
    this.#contexts.set(tls, context);
    return context;
  }
}
