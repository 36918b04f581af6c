/** One request and its answer: routed, tried, forwarded, streamed, logged. */
import type { Socket } from "node:net";
import type { Failure } from "../core/failure.ts";
import { ChunkedDecoder } from "../core/http1/chunked.ts";
import { BODY_CHUNKED, BODY_NONE } from "../core/http1/framing.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import { serialiseRequest } from "../core/http1/serialise.ts";
import type { Endpoint } from "../core/model.ts";
import { RETRIES_DEFAULT, mayRepeatOnNew, mayTryAnother } from "../core/retry.ts";
import type { UpstreamConnection, UpstreamUser } from "../upstream/connection.ts";
import type { ServiceState } from "../upstream/service-state.ts";
import { AnswerRelay } from "./answer-relay.ts";
import { type BodyPart, writeChunked, writePlain } from "./body-writer.ts";
import { addTo } from "./context.ts";
import { requestEdgeFields } from "./edge-fields.ts";
import { ExchangeReport, type ExchangeStart, statusOf } from "./exchange-report.ts";
import type { HttpConnection } from "./http-connection.ts";
import {
  type LocalAnswer,
  failureAnswer,
  redirectAnswer,
  respondAnswer,
  serialiseLocalAnswer,
  wantsJson,
} from "./local-answer.ts";
import { routeRequest } from "./route-request.ts";

/** A trailer section of a request is bounded like a small head. */
const TRAILER_BYTES_MAX = 8 * 1024;

/**
 * Lives from a whole request head to the last byte of the answer. Owned by its HttpConnection, which feeds it body
 * bytes and tells it of the client; upstream events come through UpstreamUser.
 */
export class Exchange implements UpstreamUser {
  readonly #connection: HttpConnection;
  readonly #head: RequestHead | undefined;
  readonly #report: ExchangeReport;
  #service: ServiceState | undefined;
  #upstream: UpstreamConnection | undefined;
  /** The present connection was kept alive from an earlier request. */
  #reused = false;
  #tried: Endpoint[] = [];
  #repeated = false;
  #sent = false;
  /** The whole body as it was sent with the head, for a repetition; undefined = none or not at hand. */
  #replay: Buffer | undefined;
  #replayable = true;
  #bodyLeft: number;
  #decoder: ChunkedDecoder | undefined;
  #requestDone: boolean;
  #relay: AnswerRelay | undefined;
  #finished = false;

  /** `head` undefined: something that is no request will be refused. */
  constructor(connection: HttpConnection, head: RequestHead | undefined, start: ExchangeStart) {
    this.#connection = connection;
    this.#head = head;
    this.#report = new ExchangeReport(connection, head, start);
    this.#bodyLeft = head?.body ?? BODY_NONE;
    this.#requestDone = this.#bodyLeft === BODY_NONE;
    if (this.#bodyLeft === BODY_CHUNKED) this.#decoder = new ChunkedDecoder(TRAILER_BYTES_MAX);
  }

  /** Routes the request and begins to serve it. */
  start(): void {
    const head = this.#head;
    if (head === undefined) return;
    const routed = routeRequest(this.#connection.context, this.#connection.view.listener, head);
    this.#report.gateway = routed.gateway;
    if (routed.kind === "failure") return this.fail(routed.failure);
    this.#report.routed = routed;
    const { action } = routed.decision.route;
    if (action.kind === "redirect") return this.#answer(redirectAnswer(action, head));
    if (action.kind === "respond") return this.#answer(respondAnswer(action));
    this.#service = routed.service;
    this.#attempt();
  }

  /** Takes request body bytes; returns how many were used. The rest waits with the connection. */
  takeBody(bytes: Buffer): number {
    const upstream = this.#upstream;
    if (this.#requestDone || !this.#sent || upstream === undefined) return 0;
    if (upstream.socket.writableNeedDrain) {
      this.#connection.socket.pause();
      return 0;
    }
    this.#replayable = false;
    const used = this.#forward(upstream.socket, "", bytes);
    if (this.#finished) return used;
    this.#setWaitingLimit();
    if (upstream.socket.writableNeedDrain) this.#connection.socket.pause();
    return used;
  }

  /** The client takes bytes again. */
  onDownstreamDrain(): void {
    this.#upstream?.socket.resume();
    if (!this.#finished) this.#setWaitingLimit();
  }

  /** The client has sent its FIN. After a complete request that is its good right. */
  onDownstreamEnd(): void {
    if (!this.#requestDone)
      this.#abort({ kind: "client-closed", detail: "closed inside a request body" });
  }

  /** The client is gone: the endpoint's work is of no use any more. */
  onDownstreamClose(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#upstream?.destroy();
    this.#report.write({ kind: "client-closed", detail: "" });
  }

  /** The time limit of the present state has passed. */
  onDeadline(): void {
    if (this.#connection.socket.writableNeedDrain) {
      this.#abort({ kind: "client-stalled", detail: "no byte taken in time" });
    } else if (!this.#requestDone && this.#upstream?.socket.writableNeedDrain !== true) {
      this.#upstream?.destroy();
      this.fail({ kind: "body-timeout", detail: "request body stalled" });
    } else {
      this.#upstream?.destroy();
      this.fail({ kind: "response-timeout", detail: "endpoint silent" });
    }
  }

  /** Ends with a failure: an answer of our own while nothing has gone out, else the client is cut off. */
  fail(failure: Failure): void {
    if (this.#finished) return;
    this.#dropUpstream();
    if (this.#relay?.started === true) return this.#abort(failure);
    const { kind } = failure;
    this.#report.failure = failure;
    if (statusOf(failure) === 0) return this.#abort(failure);
    const answer = failureAnswer(kind, this.#report.requestId, wantsJson(this.#head));
    this.#answer(answer);
  }

  /** Writes the log line of a connection that asked nothing. */
  logOnly(failure: Failure): void {
    this.#finished = true;
    this.#report.write(failure);
  }

  onUpstreamConnect(connection: UpstreamConnection): void {
    this.#report.connectMs = connection.connectMs;
    this.#send();
    if (!this.#finished) this.#connection.resumeReading();
  }

  onUpstreamData(bytes: Buffer): void {
    const relay = this.#relay;
    if (relay === undefined) return;
    relay.take(bytes, this.#requestDone);
    if (relay.failure !== undefined) return this.fail(relay.failure);
    if (relay.done) return this.#finishRelay(relay);
    if (this.#connection.socket.writableNeedDrain) this.#upstream?.socket.pause();
    this.#setWaitingLimit();
  }

  onUpstreamEnd(): void {
    const relay = this.#relay;
    relay?.end();
    if (relay?.done === true) return this.#finishRelay(relay);
    this.#retryOrFail({ kind: "upstream-reset", detail: "closed before the answer was complete" });
  }

  onUpstreamDrain(): void {
    if (!this.#finished) this.#connection.resumeReading();
  }

  onUpstreamClose(failure: Failure): void {
    this.#upstream = undefined;
    if (!this.#finished) this.#retryOrFail(failure);
  }

  #attempt(): void {
    const service = this.#service;
    if (service === undefined) return;
    const endpoint = service.pick(this.#tried);
    if (endpoint === undefined) {
      return this.fail(
        this.#report.failure ?? { kind: "no-endpoint", detail: service.service.name },
      );
    }
    this.#tried.push(endpoint);
    this.#report.endpoint = endpoint;
    this.#report.attempts += 1;
    this.#upstream = service.takeIdle(endpoint, this);
    this.#reused = this.#upstream !== undefined;
    if (this.#reused) this.#send();
    else this.#upstream = service.dial(endpoint, this);
  }

  #retryOrFail(failure: Failure): void {
    const service = this.#service;
    const head = this.#head;
    this.#dropUpstream();
    if (service === undefined || head === undefined) return this.fail(failure);
    const reset = {
      kind: failure.kind,
      method: head.method,
      reused: this.#reused,
      answered: this.#relay?.answered ?? false,
      replayable: this.#replayable,
    };
    const { endpoint } = this.#report;
    if (!this.#sent && mayTryAnother(failure.kind) && this.#report.attempts <= RETRIES_DEFAULT) {
      addTo(this.#connection.context, service.service.slots.retries, 1);
      this.#report.failure = failure;
      this.#attempt();
    } else if (!this.#repeated && endpoint !== undefined && mayRepeatOnNew(reset)) {
      addTo(this.#connection.context, service.service.slots.retries, 1);
      this.#repeated = true;
      this.#reused = false;
      this.#sent = false;
      this.#report.attempts += 1;
      this.#upstream = service.dial(endpoint, this);
    } else {
      this.fail(failure);
    }
  }

  /** Sends the head with what is at hand of the body, in one write. */
  #send(): void {
    const head = this.#head;
    const upstream = this.#upstream;
    if (head === undefined || upstream === undefined) return;
    const connection = this.#connection;
    this.#report.failure = undefined;
    this.#sent = true;
    upstream.uses += 1;
    this.#relay = new AnswerRelay(connection, this.#report, head);
    const edge = connection.edgeFields + requestEdgeFields(head, this.#report.requestId);
    const text = serialiseRequest(head, head.authority, edge);
    const body = this.#replay ?? (this.#requestDone ? undefined : connection.takePending());
    if (body === undefined) upstream.socket.write(text, "latin1");
    else connection.giveBack(body, this.#sendWithBody(upstream.socket, text, body));
    if (!this.#finished) this.#setWaitingLimit();
  }

  /** A body that is whole in the first write is kept for a repetition. Returns how many bytes were used. */
  #sendWithBody(socket: Socket, text: string, body: Buffer): number {
    if (this.#replay !== undefined) {
      writePlain(socket, text, { bytes: body, start: 0, length: body.length, last: true });
      return body.length;
    }
    const used = this.#forward(socket, text, body);
    if (this.#requestDone && this.#decoder === undefined) this.#replay = body.subarray(0, used);
    else this.#replayable = false;
    return used;
  }

  /** Writes `prefix` and the body bytes in the framing of the request; returns how many belong to it. */
  #forward(socket: Socket, prefix: string, bytes: Buffer): number {
    const decoder = this.#decoder;
    if (decoder === undefined) {
      const length = Math.min(this.#bodyLeft, bytes.length);
      this.#bodyLeft -= length;
      this.#requestDone = this.#bodyLeft === 0;
      const part: BodyPart = { bytes, start: 0, length, last: this.#requestDone };
      if (prefix !== "") writePlain(socket, prefix, part);
      else socket.write(length === bytes.length ? bytes : bytes.subarray(0, length));
      return length;
    }
    const length = decoder.decode(bytes, 0, bytes.length);
    if (decoder.broken) {
      this.fail({ kind: "bad-request", detail: "malformed chunk (RFC 9112 §7.1)" });
      return bytes.length;
    }
    this.#requestDone = decoder.done;
    writeChunked(socket, prefix, { bytes, start: 0, length, last: decoder.done });
    return decoder.consumed;
  }

  #finishRelay(relay: AnswerRelay): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (upstream !== undefined) {
      if (relay.reusable && this.#requestDone) this.#service?.release(upstream);
      else upstream.destroy();
    }
    this.#finish(relay.keepAlive && this.#requestDone);
  }

  #answer(answer: LocalAnswer): void {
    const { context, mayContinue } = this.#connection;
    const head = this.#head;
    const failed = this.#report.failure !== undefined;
    const fatal = head === undefined || (failed && answer.status !== 404 && answer.status < 500);
    const keepAlive = mayContinue && this.#requestDone && !fatal && head.keepAlive;
    const bytes = serialiseLocalAnswer(answer, {
      requestId: this.#report.requestId,
      date: new Date(context.wallClock()).toUTCString(),
      keepAlive,
      minor: head?.minor ?? 1,
      method: head?.method ?? "GET",
    });
    this.#report.status = answer.status;
    this.#report.markFirstByte();
    this.#report.bytesOut += bytes.length;
    this.#connection.socket.write(bytes);
    this.#finish(keepAlive);
  }

  /** The client cannot be answered properly any more: it must notice. */
  #abort(failure: Failure): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#dropUpstream();
    this.#report.write(failure);
    if (this.#relay?.started === true) this.#connection.reset();
    else this.#connection.exchangeDone(false);
  }

  #finish(keepAlive: boolean): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#report.write(this.#report.failure);
    this.#connection.exchangeDone(keepAlive);
  }

  #dropUpstream(): void {
    this.#upstream?.destroy();
    this.#upstream = undefined;
  }

  /** Whoever is to move next has so long to do it. */
  #setWaitingLimit(): void {
    const { context, view, socket } = this.#connection;
    const { responseMs } = this.#service?.service.timeouts ?? { responseMs: 0 };
    const { bodyIdleMs } = view.listener.timeouts;
    const client =
      socket.writableNeedDrain ||
      (!this.#requestDone && this.#upstream?.socket.writableNeedDrain !== true);
    this.#connection.deadlineMs = context.deadlines.after(client ? bodyIdleMs : responseMs);
  }
}
