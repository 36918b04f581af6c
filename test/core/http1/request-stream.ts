/** Reads all requests of one connection with the codec, in the order of steps that the proxy has. */
import type { FailureKind } from "../../../src/core/failure.ts";
import { ChunkedDecoder } from "../../../src/core/http1/chunked.ts";
import { BODY_CHUNKED } from "../../../src/core/http1/framing.ts";
import { type RequestHead, parseRequestHead } from "../../../src/core/http1/request-head.ts";
import { SCAN_FORBIDDEN, SCAN_INCOMPLETE, scanHead } from "../../../src/core/http1/scan.ts";

export const COUNT_MAX = 100;
export const TRAILER_BYTES_MAX = 8 * 1024;

const CR = 0x0d;
const LF = 0x0a;

/** One request that was read to the end of its body. */
export interface StreamedRequest {
  readonly head: RequestHead;
  readonly body: Buffer;
}

/** What became of the bytes. */
export interface StreamOutcome {
  readonly requests: readonly StreamedRequest[];
  /** Why reading ended: nothing left, more is needed, the last request closes, or a refusal. */
  readonly end: "complete" | "incomplete" | "closing" | FailureKind;
  /** Bytes that the requests took, empty lines before them included. */
  readonly used: number;
}

/** Reads requests until the bytes end, one is refused, or one ends the connection. */
export function readRequests(bytes: Buffer): StreamOutcome {
  const requests: StreamedRequest[] = [];
  let used = 0;
  const ended = (end: StreamOutcome["end"]): StreamOutcome => ({ requests, end, used });
  for (;;) {
    let start = used;
    while (bytes[start] === CR && bytes[start + 1] === LF) start += 2;
    if (start === bytes.length) return ended("complete");
    const end = scanHead(bytes, start, bytes.length);
    if (end === SCAN_FORBIDDEN) return ended("bad-request");
    if (end === SCAN_INCOMPLETE) return ended("incomplete");
    const parsed = parseRequestHead(bytes.toString("latin1", start, end), COUNT_MAX);
    if (!parsed.ok) return ended(parsed.error.kind);
    const head = parsed.value;
    const read = readBody(bytes, end, head.body);
    if (typeof read === "string") return ended(read);
    used = read.end;
    requests.push({ head, body: read.body });
    if (!head.keepAlive) return ended("closing");
  }
}

type Body = { readonly body: Buffer; readonly end: number } | "incomplete" | "bad-request";

function readBody(bytes: Buffer, start: number, framing: number): Body {
  if (framing !== BODY_CHUNKED) {
    const end = start + framing;
    return end > bytes.length ? "incomplete" : { body: bytes.subarray(start, end), end };
  }
  const decoder = new ChunkedDecoder(TRAILER_BYTES_MAX);
  const copy = Buffer.from(bytes.subarray(start));
  const length = decoder.decode(copy, 0, copy.length);
  if (decoder.broken) return "bad-request";
  if (!decoder.done) return "incomplete";
  return { body: copy.subarray(0, length), end: start + decoder.consumed };
}
