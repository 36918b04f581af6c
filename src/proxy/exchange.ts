/** One request and its answer: routed, tried, forwarded, streamed, logged. */
import type { Socket } from "node:net";
import type { Failure } from "../core/failure.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import { serialiseRequest } from "../core/http1/serialise.ts";
import type { Endpoint } from "../core/model.ts";
import { RETRIES_DEFAULT, mayRepeatOnNew, mayTryAnother } from "../core/retry.ts";
import type { UpstreamConnection, UpstreamUser } from "../upstream/connection.ts";
import type { ServiceState } from "../upstream/service-state.ts";
import { AnswerRelay } from "./answer-relay.ts";
import { writePlain } from "./body-writer.ts";
import { addTo } from "./context.ts";
import { hasPassedHere } from "./edge-fields.ts";
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
import { RequestBody } from "./request-body.ts";
import { type RoutedRequest, routeRequest } from "./route-request.ts";
import type { TunnelOwner } from "./tunnel.ts";

/**
 * Lives from a whole request head to the last byte of the answer, or of the tunnel that it became. Owned by its
 * HttpConnection, which feeds it body bytes and tells it of the client; upstream events come through UpstreamUser.
 */
export class Exchange implements UpstreamUser, TunnelOwner {
  readonly #connection: HttpConnection;
  readonly #head: RequestHead | undefined;
  readonly #report: ExchangeReport;
  #body: RequestBody | undefined;
  #edgeLines = "";
  /** The Upgrade token that passes. */
  #upgrade: string | undefined;
  #service: ServiceState | undefined;
  #upstream: UpstreamConnection | undefined;
  /** The present connection was kept alive from an earlier request. */
  #reused = false;
  readonly #tried: Endpoint[] = [];
  #repeated = false;
  #sent = false;
  /** The whole body as it was sent with the head, for a repetition; undefined = none. */
  #replay: Buffer | undefined;
  /** Everything that was sent is still at hand. */
  #replayable = true;
  #relay: AnswerRelay | undefined;
  #finished = false;

  /** `head` undefined: something that is no request will be refused. */
  constructor(connection: HttpConnection, head: RequestHead | undefined, start: ExchangeStart) {
    this.#connection = connection;
    this.#head = head;
    this.#report = new ExchangeReport(connection, head, start);
  }

  /** Routes the request and begins to serve it. */
  start(): void {
    const head = this.#head;
    if (head === undefined) return;
    const { context, view } = this.#connection;
    this.#body = new RequestBody(head, view.listener.limits.bodyBytesMax);
    const routed = routeRequest(context, view.listener, head);
    this.#report.gateway = routed.gateway;
    if (hasPassedHere(head.section.loop, context.boxId)) {
      return this.fail({ kind: "loop", detail: "it passed here before (RFC 8586)" });
    }
    if (routed.kind === "failure") return this.fail(routed.failure);
    this.#report.routed = routed;
    if (this.#body.failure !== undefined) return this.fail(this.#body.failure);
    const { action } = routed.decision.route;
    if (action.kind === "redirect") return this.#answer(redirectAnswer(action, head));
    if (action.kind === "respond") return this.#answer(respondAnswer(action));
    this.#upgrade = allowedUpgrade(head, action.upgrade);
    this.#prepare(head, routed);
    this.#service = routed.service;
    this.#attempt();
  }

  /** Takes request body bytes; returns how many were used. The rest waits with the connection. */
  takeBody(bytes: Buffer): number {
    const upstream = this.#upstream;
    const body = this.#body;
    if (body === undefined || body.done || !this.#sent || upstream === undefined) return 0;
    if (upstream.socket.writableNeedDrain) {
      this.#connection.socket.pause();
      return 0;
    }
    this.#replayable = false;
    const used = body.forward(upstream.socket, "", bytes);
    if (body.failure !== undefined) this.fail(body.failure);
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
      this.fail({ kind: "body-timeout", detail: "request body stalled" });
    } else {
      this.fail({ kind: "response-timeout", detail: "endpoint silent" });
    }
  }

  /** Ends with a failure: an answer of our own while nothing has gone out, else the client is cut off. */
  fail(failure: Failure): void {
    if (this.#finished) return;
    this.#dropUpstream();
    if (this.#relay?.started === true) return this.#abort(failure);
    this.#report.failure = failure;
    if (statusOf(failure) === 0) return this.#abort(failure);
    const { requestId } = this.#report;
    this.#answer(failureAnswer(failure.kind, requestId, wantsJson(this.#head)));
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
    if (relay.switched !== undefined) return this.#becomeTunnel(relay.switched);
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

  onTunnelBytes(received: number, sent: number): void {
    const { context, view } = this.#connection;
    this.#connection.bytesIn += received;
    this.#report.bytesOut += sent;
    this.#connection.deadlineMs = context.deadlines.after(view.listener.timeouts.tunnelIdleMs);
  }

  onTunnelDone(failure: Failure | undefined): void {
    this.#report.write(failure);
  }

  get #requestDone(): boolean {
    return this.#body?.done ?? true;
  }

  /** What the edge says of the client, and what it believes of earlier proxies. */
  #prepare(head: RequestHead, routed: RoutedRequest): void {
    const fields = this.#connection.edgeFieldsOf(head, routed, this.#report.requestId);
    this.#edgeLines = fields.lines;
    this.#report.requestId = fields.requestId;
    if (fields.client !== undefined) this.#report.client = fields.client;
  }

  #attempt(): void {
    const service = this.#service;
    if (service === undefined) return;
    const endpoint = service.pick(this.#tried);
    if (endpoint === undefined) {
      const failure = this.#report.failure ?? {
        kind: "no-endpoint" as const,
        detail: service.service.name,
      };
      return this.fail(failure);
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
    const { endpoint } = this.#report;
    if (!this.#sent && mayTryAnother(failure.kind) && this.#report.attempts <= RETRIES_DEFAULT) {
      addTo(this.#connection.context, service.service.slots.retries, 1);
      this.#report.failure = failure;
      this.#attempt();
    } else if (endpoint !== undefined && this.#mayRepeat(failure, head)) {
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

  #mayRepeat(failure: Failure, head: RequestHead): boolean {
    if (this.#repeated) return false;
    return mayRepeatOnNew({
      kind: failure.kind,
      method: head.method,
      reused: this.#reused,
      answered: this.#relay?.answered ?? false,
      replayable: this.#replayable,
    });
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
    const upgrade = this.#upgrade;
    this.#relay = new AnswerRelay(connection, { head, report: this.#report, upgrade });
    const edgeFields = this.#edgeLines;
    // HTTP/1.0 may come without Host, HTTP/1.1 must not go without: the endpoint is asked by its own name then.
    const authority = head.authority === "" ? upstream.endpoint.name : head.authority;
    const text = serialiseRequest(head, { authority, edgeFields, upgrade });
    if (this.#replay !== undefined) this.#sendAgain(upstream.socket, text, this.#replay);
    else {
      const pending = this.#requestDone ? undefined : connection.takePending();
      if (pending === undefined) upstream.socket.write(text, "latin1");
      else connection.giveBack(pending, this.#sendWithBody(upstream.socket, text, pending));
    }
    if (!this.#finished) this.#setWaitingLimit();
  }

  #sendAgain(socket: Socket, text: string, body: Buffer): void {
    writePlain(socket, text, { bytes: body, start: 0, length: body.length, trailers: undefined });
  }

  /** A body that is whole in the first write is kept for a repetition. Returns how many bytes were used. */
  #sendWithBody(socket: Socket, text: string, bytes: Buffer): number {
    const body = this.#body;
    if (body === undefined) return 0;
    const used = body.forward(socket, text, bytes);
    if (body.failure !== undefined) this.fail(body.failure);
    if (body.done && body.isPlain) this.#replay = bytes.subarray(0, used);
    else this.#replayable = false;
    return used;
  }

  /** The endpoint has switched protocols: from here on the two sockets are joined (RFC 9110 §7.8). */
  #becomeTunnel(rest: Buffer): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#upstream = undefined;
    this.#finished = true;
    this.#connection.becomeTunnel(upstream, this, rest);
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

/** One token, of a request without a body, that the route lets pass; HTTP/2 in cleartext never (RFC 9113 §3.1). */
function allowedUpgrade(head: RequestHead, allowed: readonly string[]): string | undefined {
  const { upgrade } = head;
  if (upgrade === undefined || head.body !== 0) return undefined;
  const token = upgrade.toLowerCase();
  return token !== "h2c" && allowed.includes(token) ? upgrade : undefined;
}
