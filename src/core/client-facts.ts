/** Who asks, as routes see it. */
import { readForwarded } from "./headers.ts";
import type { RequestHead } from "./http1/request-head.ts";
import type { Cidr } from "./ip.ts";

/** What conditions on `source` and `scheme` look at. */
export interface ClientFacts {
  /** The client's address without port. */
  readonly client: string;
  /** What it spoke to the outermost trusted proxy, or to us. */
  readonly scheme: string;
}

/** The client as far as the networks of trusted proxies let it be told. Pure. */
export function readClientFacts(
  head: RequestHead,
  connection: { readonly peer: string; readonly port: number },
  trusted: readonly Cidr[],
): ClientFacts {
  const { peer, port } = connection;
  if (trusted.length === 0) return { client: peer, scheme: "http" };
  const facts = { peer, proto: "http", host: head.authority, port };
  const { client, proto } = readForwarded(facts, head.section.forwarding, trusted);
  return { client, scheme: proto };
}
