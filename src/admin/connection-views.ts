/** The open connections as the admin API says them. Pure. */
import { formatAddress } from "../core/client-address.ts";
import type { ConnectionsPage, ListedConnection } from "../core/open-connections.ts";
import type { ConnectionsView, ConnectionView } from "../core/views.ts";

/** Everything of one page; `silent`: workers that did not answer, `now` in milliseconds since the epoch. */
export function connectionsView(
  page: ConnectionsPage<ListedConnection>,
  silent: readonly number[],
  now: number,
): ConnectionsView {
  return {
    total: page.total,
    connections: page.connections.map((connection) => connectionView(connection, now)),
    silent_workers: [...silent],
  };
}

function connectionView(connection: ListedConnection, now: number): ConnectionView {
  const { kind, state, listener, client, gateway, host, service, endpoint } = connection;
  return {
    kind,
    state,
    worker: connection.worker,
    listener,
    ...(gateway === undefined ? {} : { gateway }),
    ...(client.address === "" ? {} : { client: formatAddress(client.address, client.port) }),
    ...(host === undefined ? {} : kind === "tls" ? { sni: host } : { host }),
    ...(service === undefined ? {} : { service }),
    ...(endpoint === undefined ? {} : { endpoint }),
    opened_at: new Date(connection.openedAt).toISOString(),
    // A clock that was set back shows no negative age.
    age_ms: Math.max(0, now - connection.openedAt),
    bytes_in: connection.bytesIn,
    bytes_out: connection.bytesOut,
    ...(connection.requests === undefined ? {} : { requests: connection.requests }),
  };
}
