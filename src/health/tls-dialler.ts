/** TLS to an endpoint as the data plane has it: the same trust, names and versions. */
import type { Socket } from "node:net";
import {
  type SecureContext,
  type TLSSocket,
  connect,
  createSecureContext,
  getCACertificates,
  setDefaultCACertificates,
} from "node:tls";
import type { Endpoint, EndpointTls } from "../core/service.ts";

/** RFC 8996 forbids everything older. */
const VERSION_MIN = "TLSv1.2";

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
  #knowsAuthorities = false;

  /** Begins the handshake. Throws when there is no name to verify, and on what OpenSSL cannot read. */
  secure({ raw, tls, endpoint, alpn }: PlainConnection): TLSSocket {
    const name = tls.serverName ?? endpoint.dnsName;
    if (name === undefined && !tls.insecure) throw new Error("no name to verify: say tls.sni");
    return connect({
      socket: raw,
      secureContext: this.#contextOf(tls),
      rejectUnauthorized: !tls.insecure,
      ALPNProtocols: [alpn],
      ...(name === undefined ? {} : { servername: name }),
    });
  }

  #contextOf(tls: EndpointTls): SecureContext {
    const known = this.#contexts.get(tls);
    if (known !== undefined) return known;
    const { ca, certificate, privateKey } = tls;
    if (ca === undefined) this.#trustTheBox();
    const context = createSecureContext({
      minVersion: VERSION_MIN,
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { cert: certificate }),
      ...(privateKey === undefined ? {} : { key: privateKey }),
    });
    this.#contexts.set(tls, context);
    return context;
  }

  /** Those that the box trusts; where there are none, those of the runtime. Effect: reads them, some 50 ms, once. */
  #trustTheBox(): void {
    if (this.#knowsAuthorities) return;
    this.#knowsAuthorities = true;
    const found = [...new Set(getCACertificates("system"))];
    if (found.length > 0) setDefaultCACertificates(found);
  }
}
