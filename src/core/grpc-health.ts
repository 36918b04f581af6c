/** The messages of grpc.health.v1 (grpc/grpc, doc/health-checking.md), by hand: two fields need no library. Pure. */

/** What `HealthCheckResponse.status` says. */
export type ServingStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

/** Where the method is. */
export const GRPC_HEALTH_PATH = "/grpc.health.v1.Health/Check";

const STATUSES: readonly ServingStatus[] = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
/** A byte that says whether the message is compressed, and its length in four. */
const PREFIX_BYTES = 5;
/** Field 1 of a request: its service, length-delimited. */
const SERVICE_TAG = 0x0a;
/** Field 1 of an answer: its status, a varint. */
const STATUS_TAG = 0x08;

/** The one message of a request, with its gRPC prefix; `service` in UTF-8, at most 127 bytes, longer ones are cut. Pure. */
export function encodeHealthRequest(service: Uint8Array): Uint8Array {
  const name = service.subarray(0, 0x7f);
  const message = name.length === 0 ? [] : [SERVICE_TAG, name.length, ...name];
  return Uint8Array.from([0, 0, 0, 0, message.length, ...message]);
}

/** The status in the body of an answer; undefined when it is no such message. Pure. */
export function decodeHealthAnswer(body: Uint8Array): ServingStatus | undefined {
  const [compressed, high = 1, middle = 1, upper = 1, length = 0] = body;
  const isWhole = compressed === 0 && (high | middle | upper) === 0;
  if (!isWhole || body.length !== PREFIX_BYTES + length) return undefined;
  // A default value is not sent at all.
  if (length === 0) return "UNKNOWN";
  return length === 2 && body[PREFIX_BYTES] === STATUS_TAG
    ? STATUSES[body[PREFIX_BYTES + 1] ?? -1]
    : undefined;
}
