/** What the edge says of the client to the endpoint; see also field-names.ts for what it drops. */
import type { RequestHead } from "../core/http1/request-head.ts";
import type { Listener } from "../core/model.ts";

/** The lines that are the same for all requests of a connection. Pure. */
export function connectionEdgeFields(clientHost: string, listener: Listener): string {
  return (
    `X-Forwarded-For: ${clientHost}\r\nX-Forwarded-Proto: http\r\n` +
    `X-Forwarded-Port: ${listener.address.port}\r\n`
  );
}

/** The lines of one request: whatever the client said under these names has been dropped. Pure. */
export function requestEdgeFields(head: RequestHead, requestId: string): string {
  const host = head.authority === "" ? "" : `X-Forwarded-Host: ${head.authority}\r\n`;
  return `${host}X-Request-Id: ${requestId}\r\n`;
}
