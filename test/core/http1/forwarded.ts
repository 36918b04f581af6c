/** What goes to an endpoint for requests that were read. */
import { BODY_CHUNKED } from "../../../src/core/http1/framing.ts";
import { serialiseRequest } from "../../../src/core/http1/serialise.ts";
import type { StreamedRequest } from "./request-stream.ts";

/** HTTP/1.0 may come without Host; then the endpoint is asked by its own name. */
const ENDPOINT = "endpoint:80";

/** The requests one after the other: heads written anew, bodies framed anew. */
export function forwarded(requests: readonly StreamedRequest[]): Buffer {
  return Buffer.concat(
    requests.flatMap(({ head, body }) => {
      const authority = head.authority === "" ? ENDPOINT : head.authority;
      const text = serialiseRequest(head, { authority, edgeFields: "", upgrade: undefined });
      return [Buffer.from(text, "latin1"), head.body === BODY_CHUNKED ? asChunk(body) : body];
    }),
  );
}

function asChunk(body: Buffer): Buffer {
  if (body.length === 0) return Buffer.from("0\r\n\r\n");
  const size = Buffer.from(`${body.length.toString(16)}\r\n`);
  return Buffer.concat([size, body, Buffer.from("\r\n0\r\n\r\n")]);
}
