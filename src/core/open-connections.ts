/** The open downstream connections as plain data: which of them are asked for, and in which order they are told. */
import { type Cidr, anyCidrHolds, parseCidr } from "./ip.ts";
import { hostPatternTakes } from "./match/host-table.ts";
import type { Protocol } from "./model.ts";
import type { SocketAddress } from "./proxy-protocol/header.ts";
import { type Result, failed, success } from "./result.ts";

/**
 * What a connection is doing: `proxy-header`, `hello` and `head` wait for bytes of the client, `connecting` for an
 * endpoint; `request` is one under way, `idle` none, `tunnel` joined to an endpoint; `closing` has said all.
 */
export type ConnectionState =
  | "proxy-header"
  | "hello"
  | "head"
  | "connecting"
  | "request"
  | "idle"
  | "tunnel"
  | "closing";

/** One open connection at one moment; undefined = not known yet, or nothing of the kind. */
export interface OpenConnection {
  readonly kind: Protocol;
  readonly state: ConnectionState;
  /** When it was accepted, or its PROXY header was read: milliseconds since the epoch. */
  readonly openedAt: number;
  /** `Listener.id`. */
  readonly listener: string;
  /** As the PROXY header names it; the address is empty when it was reset already. */
  readonly client: SocketAddress;
  readonly gateway: string | undefined;
  /** The server name, or the Host of the request under way; folded. */
  readonly host: string | undefined;
  readonly service: string | undefined;
  /** `ip:port` of the endpoint that was tried last. */
  readonly endpoint: string | undefined;
  /** Read from the client so far. */
  readonly bytesIn: number;
  /** Written to the client so far, or waiting to be. */
  readonly bytesOut: number;
  /** http: how many requests it has brought. */
  readonly requests: number | undefined;
}

/** Which connections are asked for: those for which all that is said holds. */
export interface ConnectionsQuery {
  readonly kind: string | undefined;
  readonly service: string | undefined;
  readonly gateway: string | undefined;
  readonly client: Cidr | undefined;
  /** A name, `*.suffix` or `*`, folded. */
  readonly host: string | undefined;
  readonly sort: ConnectionsOrder;
  /** How many are told, 1 to 1000. */
  readonly limit: number;
}

/** `age`: the oldest first; `bytes`: most bytes in both directions first. */
export type ConnectionsOrder = "age" | "bytes";

/** What was found. */
export interface ConnectionsPage<T extends OpenConnection = OpenConnection> {
  /** How many there are. */
  readonly total: number;
  /** The first `limit` of them. */
  readonly connections: readonly T[];
}

/** With the worker that has it, 0-based. */
export type ListedConnection = OpenConnection & { readonly worker: number };

/** What may be asked by, in the order in which help lists it. */
export const CONNECTION_FILTERS = [
  "kind",
  "service",
  "gateway",
  "client",
  "host",
  "sort",
  "limit",
] as const;

/** An answer must stay small however many connections a box has. */
const LIMIT_MAX = 1000;
const KINDS: ReadonlySet<string> = new Set<Protocol>(["http", "tls", "tcp"]);

/** Reads a query from texts by the names of CONNECTION_FILTERS; the error is a sentence. Pure. */
export function readConnectionsQuery(
  texts: Readonly<Record<string, string>>,
): Result<ConnectionsQuery, string> {
  const names: readonly string[] = CONNECTION_FILTERS;
  const unknown = Object.keys(texts).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    return failed(`there is no filter "${unknown}"; there are ${names.join(", ")}`);
  }
  const { kind, service, gateway, client, host, sort = "age", limit = String(LIMIT_MAX) } = texts;
  if (kind !== undefined && !KINDS.has(kind)) {
    return failed(`kind is ${[...KINDS].join(", ")}; found "${kind}"`);
  }
  const network = client === undefined ? undefined : parseCidr(client);
  if (client !== undefined && network === undefined) {
    return failed(`client is an IP address or a network such as 10.0.0.0/8; found "${client}"`);
  }
  if (sort !== "age" && sort !== "bytes") return failed(`sort is age or bytes; found "${sort}"`);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > LIMIT_MAX) {
    return failed(`limit is a number from 1 to ${LIMIT_MAX}; found "${limit}"`);
  }
  const pattern = host?.toLowerCase().replace(/\.$/, "");
  const rest = { kind, service, gateway, client: network, host: pattern };
  return success({ ...rest, sort, limit: Number(limit) });
}

/** Counts those that were found, and keeps the first of them. Pure. */
export function pageOf(found: readonly OpenConnection[], query: ConnectionsQuery): ConnectionsPage {
  return { total: found.length, connections: firstOf(found, query) };
}

/** One page of the pages of several workers. Pure. */
export function mergePages(
  pages: readonly ConnectionsPage<ListedConnection>[],
  query: ConnectionsQuery,
): ConnectionsPage<ListedConnection> {
  const all = pages.flatMap(({ connections }) => connections);
  const total = pages.reduce((sum, page) => sum + page.total, 0);
  return { total, connections: firstOf(all, query) };
}

/** Whether all that is asked holds. Pure. */
export function isAskedFor(connection: OpenConnection, query: ConnectionsQuery): boolean {
  const { kind, service, gateway, client, host } = query;
  return (
    (kind === undefined || connection.kind === kind) &&
    (service === undefined || connection.service === service) &&
    (gateway === undefined || connection.gateway === gateway) &&
    (client === undefined || anyCidrHolds([client], connection.client.address)) &&
    (host === undefined ||
      (connection.host !== undefined && hostPatternTakes(host, connection.host)))
  );
}

function firstOf<T extends OpenConnection>(
  connections: readonly T[],
  { sort, limit }: ConnectionsQuery,
): readonly T[] {
  return connections.toSorted(sort === "age" ? byAge : byBytes).slice(0, limit);
}

function byAge(a: OpenConnection, b: OpenConnection): number {
  return a.openedAt - b.openedAt;
}

function byBytes(a: OpenConnection, b: OpenConnection): number {
  return b.bytesIn + b.bytesOut - (a.bytesIn + a.bytesOut) || byAge(a, b);
}
