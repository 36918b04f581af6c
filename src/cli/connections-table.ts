/** The open connections as a table. Pure. */
import type { ConnectionsView, ConnectionView } from "../core/views.ts";
import { formatAge } from "./age.ts";
import { formatBytes } from "./sizes.ts";
import { renderTable } from "./table.ts";

const HEADS = [
  "KIND",
  "STATE",
  "CLIENT",
  "GATEWAY",
  "HOST",
  "SERVICE",
  "ENDPOINT",
  "IN",
  "OUT",
  "AGE",
];

/** How many there are and what is missing, then one row for each connection. */
export function connectionsTable(view: ConnectionsView, colour: boolean): string {
  const { total, connections, silent_workers } = view;
  const shown = connections.length < total ? `, ${connections.length} of them here` : "";
  const missing = silent_workers.map((index) => {
    return `Worker ${index} does not answer: its connections are missing here.\n`;
  });
  const table = renderTable({ heads: HEADS, rows: connections.map(rowOf) }, colour);
  return `${total} open${shown}\n${missing.join("")}\n${table}`;
}

/** A listener stands in for the gateway while none is known. */
function rowOf(connection: ConnectionView): string[] {
  const { kind, state, listener, client = "", gateway = listener, sni, host = "" } = connection;
  const { service = "", endpoint = "", bytes_in, bytes_out, age_ms } = connection;
  const bytes = [bytes_in, bytes_out].map(formatBytes);
  const name = sni ?? host;
  return [kind, state, client, gateway, name, service, endpoint, ...bytes, formatAge(age_ms)];
}
