/** What the edge says of the client to the endpoint; see also field-names.ts for what it drops. */
import {
  type ForwardedChain,
  forwardedElement,
  forwardedLines,
  readForwarded,
  valuesOf,
} from "../core/headers.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import { type Cidr, anyCidrHolds } from "../core/ip.ts";
import type { Gateway } from "../core/model.ts";

/** What all requests of a connection have in common. */
export interface EdgeConnection {
  /** The peer's address without port. */
  readonly peer: string;
  /** The listener's port. */
  readonly port: number;
  /** The box's id in CDN-Loop (RFC 8586). */
  readonly boxId: string;
}

/** How a gateway treats what earlier proxies said. */
export interface EdgePolicy {
  readonly gateway: Gateway;
  readonly trusted: readonly Cidr[];
}

/** What is said of one request. */
export interface EdgeFields {
  /** Complete lines with CRLF. */
  readonly lines: string;
  /** The client's address as far as trusted proxies tell; undefined = the peer itself. */
  readonly client: string | undefined;
  readonly requestId: string;
}

/** A request id from a trusted proxy is kept when it is one harmless word. */
const REQUEST_ID = /^[A-Za-z0-9._:/+=-]{1,128}$/;

/** The lines that are the same for all requests of a connection from a stranger. Pure. */
export function connectionEdgeFields({ peer, port, boxId }: EdgeConnection): string {
  const lines = [
    `X-Forwarded-For: ${peer}`,
    "X-Forwarded-Proto: http",
    `X-Forwarded-Port: ${port}`,
    `CDN-Loop: ${boxId}`,
    "",
  ];
  // What is joined is one flat string; what is added up would be walked piece by piece in each request.
  return lines.join("\r\n");
}

/** The lines of one request from a stranger: whatever it said under these names has been dropped. Pure. */
export function requestEdgeFields(head: RequestHead, requestId: string): string {
  const host = head.authority === "" ? "" : `X-Forwarded-Host: ${head.authority}\r\n`;
  return `${host}X-Request-Id: ${requestId}\r\n`;
}

/** Whether a gateway says no more than the lines above, whoever the peer is. Pure. */
export function isPlainPolicy({ gateway, trusted }: EdgePolicy): boolean {
  return trusted.length === 0 && !gateway.forwarded && !gateway.via;
}

/** All lines of one request where a gateway trusts proxies, or speaks Forwarded or Via. Pure. */
export function buildEdgeFields(
  connection: EdgeConnection,
  policy: EdgePolicy,
  request: { readonly head: RequestHead; readonly requestId: string },
): EdgeFields {
  const { peer, port, boxId } = connection;
  const { gateway, trusted } = policy;
  const { forwarding, requestId: said } = request.head.section;
  const isTrusted = anyCidrHolds(trusted, peer);
  const facts = { peer, proto: "http", host: request.head.authority, port };
  const chain: ForwardedChain = readForwarded(facts, forwarding, trusted);
  const keepsId = isTrusted && said !== undefined && REQUEST_ID.test(said);
  const requestId = keepsId ? said : request.requestId;
  const earlier = isTrusted ? valuesOf(forwarding, "forwarded").join(", ") : "";
  const lines =
    forwardedLines(chain, peer) +
    (gateway.forwarded ? forwardedElement(chain, peer, earlier) : "") +
    (gateway.via ? `Via: 1.${request.head.minor} gatehouse\r\n` : "") +
    `CDN-Loop: ${boxId}\r\nX-Request-Id: ${requestId}\r\n`;
  return { lines, client: chain.client === peer ? undefined : chain.client, requestId };
}

/** Whether a CDN-Loop value says that the request was here before (RFC 8586 §2). Pure. */
export function hasPassedHere(loop: string | undefined, boxId: string): boolean {
  if (loop === undefined) return false;
  return loop.split(",").some((member) => member.split(";")[0]?.trim() === boxId);
}
