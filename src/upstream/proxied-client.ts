/** What an endpoint is told of the client by a PROXY header. */
import type { Service } from "../core/service.ts";
import type { SocketAddress } from "../core/proxy-protocol/header.ts";
import { type WrittenTlvs, writeProxyV1, writeProxyV2 } from "../core/proxy-protocol/write.ts";

/** Both ends of the client's connection, and what it said that version 2 can carry. */
export interface ProxiedClient {
  readonly client: SocketAddress;
  /** Where the client connected to. */
  readonly destination: SocketAddress;
  readonly tlvs?: WrittenTlvs;
}

const NOBODY: SocketAddress = { address: "", port: 0 };

/**
 * The header that a connection to this service begins with; undefined when it has none. Pure. Without a client the
 * connection is the box's own, and the header says so.
 */
export function proxyHeaderFor(
  { proxyProtocol }: Service,
  proxied: ProxiedClient | undefined,
): Uint8Array | undefined {
  if (proxyProtocol === undefined) return undefined;
  const { client, destination, tlvs } = proxied ?? { client: NOBODY, destination: NOBODY };
  return proxyProtocol === "v1"
    ? writeProxyV1(client, destination)
    : writeProxyV2(client, destination, tlvs);
}
