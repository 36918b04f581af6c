/** The log line of a connection that ended before anything of its protocol was read. */
import type { Failure } from "../core/failure.ts";
import type { Protocol } from "../core/model.ts";
import type { ProxyContext } from "./context.ts";

/** All that is known of it. */
export interface UnreadConnection {
  readonly failure: Failure;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly client: string | undefined;
  readonly durationMs: number;
  readonly bytesIn: number;
}

/** Effect: writes one access-log line, and at a bounded rate one of the program's own log. */
export function reportUnread(
  context: ProxyContext,
  protocol: Protocol,
  { failure, ...known }: UnreadConnection,
): void {
  context.failureLog.note(failure, undefined, undefined);
  const common = {
    ...known,
    gateway: undefined,
    bytesOut: 0,
    service: undefined,
    endpoint: undefined,
    failure: failure.kind,
    connectMs: undefined,
  };
  if (protocol === "http") context.accessLog.http({ ...common, ...NO_REQUEST });
  else context.accessLog.tunnel({ ...common, ...NO_HELLO, kind: protocol });
}

const NO_HELLO = { sni: undefined, alpn: undefined, ech: undefined, ja4: undefined };

const NO_REQUEST = {
  method: undefined,
  host: undefined,
  path: undefined,
  protocol: undefined,
  status: undefined,
  route: undefined,
  attempts: undefined,
  firstByteMs: undefined,
  userAgent: undefined,
  referer: undefined,
  requestId: undefined,
};
