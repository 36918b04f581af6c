/** What is known of one exchange, for the access log and the counters. */
import { FAILURES, type Failure, failureOffset } from "../core/failure.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import { BYTES_IN, BYTES_OUT, codeOffset, observe } from "../core/metric-layout.ts";
import type { Gateway } from "../core/model.ts";
import type { Endpoint } from "../core/service.ts";
import { addTo } from "./context.ts";
import type { HttpConnection } from "./http-connection.ts";
import type { RoutedRequest } from "./route-request.ts";

/** When the first byte of the request came, monotonic and on the wall, and how many its head took. */
export interface ExchangeStart {
  readonly startedMs: number;
  readonly startedAt: number;
  readonly bytesIn: number;
}

/** Filled while the exchange goes on, written once at its end. Owned by its Exchange. */
export class ExchangeReport {
  /** Made here, or kept from a trusted proxy. */
  requestId: string;
  /** As the access log shows it: the peer, or whom trusted proxies name. */
  client: string | undefined;
  gateway: Gateway | undefined;
  routed: RoutedRequest | undefined;
  endpoint: Endpoint | undefined;
  attempts = 0;
  status: number | undefined;
  connectMs: number | undefined;
  /** Read from the client: the head, and what was used of what followed it. */
  bytesIn: number;
  bytesOut = 0;
  failure: Failure | undefined;
  readonly #connection: HttpConnection;
  readonly #head: RequestHead | undefined;
  readonly #start: ExchangeStart;
  #firstByteMs: number | undefined;

  constructor(connection: HttpConnection, head: RequestHead | undefined, start: ExchangeStart) {
    this.#connection = connection;
    this.#head = head;
    this.#start = start;
    this.requestId = connection.context.requestId();
    this.client = connection.client;
    this.bytesIn = start.bytesIn;
  }

  /** That was asked for: folded, without port. */
  get host(): string | undefined {
    return this.#head?.host;
  }

  /** The first byte of the answer goes out now. */
  markFirstByte(): void {
    this.#firstByteMs ??= this.#connection.context.now() - this.#start.startedMs;
  }

  /** What became of the attempt at the endpoint, for its health: the status of its answer, or why there is none. */
  noteOutcome(outcome: number | Failure): void {
    const { endpoint, routed } = this;
    if (endpoint === undefined) return;
    if (typeof outcome === "number") routed?.service?.outcomes.answered(endpoint.name, outcome);
    else routed?.service?.outcomes.failed(endpoint.name, outcome);
  }

  /** It is sent once more. */
  countRetry(): void {
    addTo(this.#connection.context, this.routed?.service?.service.slots.retries ?? -1, 1);
  }

  /** Counts and logs. Effect: writes counters and one access-log line. */
  write(failure: Failure | undefined): void {
    const durationMs = this.#connection.context.now() - this.#start.startedMs;
    this.#count(failure, durationMs);
    const { context } = this.#connection;
    const head = this.#head;
    const query = context.runtime().snapshot.accessLog.query;
    context.accessLog.http({
      time: this.#start.startedAt,
      gateway: this.gateway?.name,
      client: this.client,
      durationMs,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      service: this.routed?.service?.service.name,
      endpoint: this.endpoint?.name,
      failure: failure?.kind,
      connectMs: this.connectMs,
      method: head?.method,
      host: head?.authority,
      path: head === undefined || !query ? head?.path : head.path + head.query,
      protocol: head === undefined ? undefined : VERSIONS[head.minor],
      status: this.status,
      route: this.routed?.decision.route.name,
      attempts: this.attempts === 0 ? undefined : this.attempts,
      firstByteMs: this.#firstByteMs,
      userAgent: head?.section.userAgent,
      referer: head?.section.referer,
      requestId: head === undefined ? undefined : this.requestId,
    });
  }

  #count(failure: Failure | undefined, durationMs: number): void {
    const { context, view } = this.#connection;
    const { gateway, routed } = this;
    if (failure !== undefined) {
      context.failureLog.note(failure, routed?.service?.service.name, this.endpoint?.name);
      const block = gateway?.slots.failures ?? view.listener.slots.failures;
      addTo(context, block + failureOffset(failure.kind), 1);
    }
    if (this.status !== undefined) addTo(context, this.#requestSlot() + codeOffset(this.status), 1);
    if (routed?.destination === undefined) return;
    const { durationSlots, byteSlots } = routed.destination;
    const duration = durationSlots[routed.gatewayIndex] ?? -1;
    if (duration >= 0) observe(context.counters(), duration, durationMs / 1000);
    const bytes = byteSlots[routed.gatewayIndex] ?? -1;
    if (bytes < 0) return;
    addTo(context, bytes + BYTES_IN, this.bytesIn);
    addTo(context, bytes + BYTES_OUT, this.bytesOut);
  }

  #requestSlot(): number {
    const { gateway, routed } = this;
    const { snapshot } = this.#connection.context.runtime();
    if (routed === undefined) return gateway?.slots.requests ?? snapshot.unroutedRequestSlot;
    const { action } = routed.decision.route;
    const slots =
      action.kind === "forward" ? routed.destination?.requestSlots : action.requestSlots;
    const slot = slots?.[routed.gatewayIndex] ?? -1;
    return slot >= 0 ? slot : routed.gateway.slots.requests;
  }
}

/** By the minor version. */
const VERSIONS = ["HTTP/1.0", "HTTP/1.1"] as const;

/** The status that a failure is answered with; 0 = none. Pure. */
export function statusOf(failure: Failure): number {
  return FAILURES[failure.kind].status;
}
