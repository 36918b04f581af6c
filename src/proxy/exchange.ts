/** One request and its answer: routed, tried, forwarded, streamed, logged. */
import type { Failure } from "../core/failure.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import { serialiseRequest } from "../core/http1/serialise.ts";
import type { Endpoint } from "../core/service.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import type { ServiceState } from "../upstream/service-state.ts";
import type { Socket } from "../transport/socket.ts";
import type { UpstreamSeeker } from "../upstream/waiting-line.ts";
import { AnswerRelay } from "./answer-relay.ts";
import { hasPassedHere } from "./edge-fields.ts";
import { ExchangeReport, type ExchangeStart, statusOf } from "./exchange-report.ts";
import type { HttpConnection } from "./http-connection.ts";
import {
  type LocalAnswer,
  failureAnswer,
  httpsRedirectAnswer,
  serialiseLocalAnswer,
  wantsJson,
} from "./local-answer.ts";
import { RequestBody } from "./request-body.ts";
import { RequestPlan } from "./request-plan.ts";
import { type RoutedRequest, routeRequest } from "./route-request.ts";
import type { TunnelOwner } from "./tunnel.ts";
import { UpstreamLink } from "./upstream-link.ts";

/**
 * Lives from a whole request head to the last byte of the answer, or of the tunnel that it became. Owned by its
 * HttpConnection, which feeds it body bytes and tells it of the client; upstream events come through UpstreamUser.
 */
export class Exchange implements UpstreamSeeker, TunnelOwner {
  readonly #connection: HttpConnection;
  readonly #head: RequestHead | undefined;
  readonly #report: ExchangeReport;
  #body: RequestBody | undefined;
  #plan: RequestPlan | undefined;
  /** Waits for an injected delay. */
  #delayed = false;
  #service: ServiceState | undefined;
  readonly #link = new UpstreamLink(this);
  /** The present connection was kept alive from an earlier request. */
  #reused = false;
  readonly #tried: Endpoint[] = [];
  #repeated = false;
  #sent = false;
  #relay: AnswerRelay | undefined;
  #finished = false;

  /** `head` undefined: something that is no request will be refused. */
  constructor(connection: HttpConnection, head: RequestHead | undefined, start: ExchangeStart) {
    this.#connection = connection;
    this.#head = head;
    this.#report = new ExchangeReport(connection, head, start);
  }

  /** What is known of it so far. */
  get report(): Readonly<ExchangeReport> {
    return this.#report;
  }

  /** Routes the request and begins to serve it. */
  start(): void {
    const head = this.#head;
    if (head === undefined) return;
    const { context, view, clientHost } = this.#connection;
    this.#body = new RequestBody(head, view.listener.limits.bodyBytesMax);
    const routed = routeRequest(context, { listener: view.listener, peer: clientHost }, head);
    this.#report.gateway = routed.gateway;
    if (hasPassedHere(head.section.loop, context.boxId)) {
      return this.fail({ kind: "loop", detail: "it passed here before (RFC 8586)" });
    }
    if (routed.kind === "failure") return this.fail(routed.failure);
    if (routed.kind === "https-redirect") return this.#answer(httpsRedirectAnswer(head));
    this.#report.routed = routed;
    if (this.#body.failure !== undefined) return this.fail(this.#body.failure);
    this.#serve(this.#prepare(head, this.#body, routed));
  }

  /** Takes request body bytes; returns how many were used. The rest waits with the connection. */
  takeBody(bytes: Buffer): number {
    const upstream = this.#upstream;
    const body = this.#body;
    if (body === undefined || body.done || !this.#sent || upstream === undefined) return 0;
    if (upstream.socket.writableNeedDrain) return 0;
    const used = body.forward(upstream.socket, bytes);
    this.#report.bytesIn += used;
    this.#plan?.onBody(bytes.subarray(0, used));
    if (body.failure !== undefined) this.fail(body.failure);
    else this.#setWaitingLimit();
    return used;
  }

  /** The client takes bytes again. */
  onDownstreamDrain(): void {
    this.#upstream?.socket.resume();
    if (this.#sent && !this.#finished) this.#setWaitingLimit();
  }

  /** The client has sent its FIN, and everything before it was taken. After a complete request that is its good right. */
  onDownstreamEnd(): void {
    if (!this.#requestDone) this.#abort({ kind: "client-closed", detail: "inside a request body" });
  }

  /** The client is gone, or was cut off: the endpoint's work is of no use any more. */
  onDownstreamClose(cause: Failure): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#plan?.end();
    this.#link.drop();
    this.#report.write(cause);
  }

  /** The time limit of the present state has passed. */
  onDeadline(): void {
    const plan = this.#plan;
    if (this.#delayed && plan !== undefined) return this.#proceed(plan);
    const passed = plan?.passed();
    if (passed === "exchange") {
      const failure: Failure = { kind: "response-timeout", detail: "timeout of the route" };
      // An answer that has begun may be slow because the client is.
      return this.#relay?.started === true ? this.#abort(failure) : this.fail(failure);
    }
    if (passed === "attempt" && this.#relay?.started !== true) {
      return this.#retryOrFail({ kind: "response-timeout", detail: "per_try_timeout" });
    }
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
    if (this.#upstream !== undefined) this.#report.noteOutcome(failure);
    this.#link.drop();
    if (this.#relay?.started === true) return this.#abort(failure);
    this.#report.failure = failure;
    if (statusOf(failure) === 0) return this.#abort(failure);
    this.#answer(failureAnswer(failure.kind, this.#report.requestId, wantsJson(this.#head)));
  }

  /** Writes the log line of a connection that asked nothing. */
  logOnly(failure: Failure): void {
    this.#finished = true;
    this.#report.write(failure);
  }

  onUpstreamConnect(connection: UpstreamConnection): void {
    const { endpoint } = connection;
    this.#report.connectMs = connection.connectMs;
    // It may be the sibling of the one that was asked for.
    this.#report.endpoint = endpoint;
    if (endpoint !== this.#tried.at(-1)) this.#tried.push(endpoint);
    this.#send(connection);
  }

  onUpstreamData(bytes: Buffer): void {
    const relay = this.#relay;
    if (relay === undefined) return;
    relay.take(bytes, this.#requestDone);
    if (relay.failure !== undefined) return this.fail(relay.failure);
    if (relay.switched !== undefined) return this.#becomeTunnel(relay.switched);
    if (relay.dropped !== undefined) return this.#askAnother(relay.dropped);
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
    if (!this.#finished) this.#connection.feed();
  }

  onUpstreamClose(failure: Failure): void {
    this.#link.forget();
    if (!this.#finished) this.#retryOrFail(failure);
  }

  /** See UpstreamSeeker. */
  onUpstreamGranted(connection: UpstreamConnection): void {
    this.#link.granted(connection);
    this.#reused = connection.usable;
    if (this.#reused) this.#send(connection);
  }

  /** See TunnelOwner. */
  onTunnelBytes(received: number, sent: number): void {
    this.#report.bytesIn += received;
    this.#report.bytesOut += sent;
    this.#connection.tunnelMoved();
  }

  onTunnelLeft(socket: Socket): void {
    this.#connection.endGently(socket, this.#connection.view.listener.timeouts.tunnelIdleMs);
  }

  onTunnelDone(failure: Failure | undefined): void {
    this.#report.write(failure);
    this.#connection.tunnelDone();
  }

  get #upstream(): UpstreamConnection | undefined {
    return this.#link.connection;
  }

  get #requestDone(): boolean {
    return this.#body?.done ?? true;
  }

  /** What the edge says of the client, what it believes of earlier proxies, and what the route changes. */
  #prepare(head: RequestHead, body: RequestBody, routed: RoutedRequest): RequestPlan {
    const connection = this.#connection;
    const edge = connection.edgeFieldsOf(head, routed, this.#report.requestId);
    this.#report.requestId = edge.requestId;
    if (edge.client !== undefined) this.#report.client = edge.client;
    this.#plan = new RequestPlan(connection.context, { head, body, routed, edge, connection });
    return this.#plan;
  }

  #serve(plan: RequestPlan): void {
    const preflight = plan.preflight();
    if (preflight !== undefined) return this.#answer(preflight);
    const delayMs = plan.delayMs();
    if (delayMs === 0) return this.#proceed(plan);
    this.#delayed = true;
    this.#connection.deadlineMs = this.#connection.context.deadlines.after(delayMs);
  }

  #proceed(plan: RequestPlan): void {
    this.#delayed = false;
    const answer = plan.answer();
    if (answer !== undefined) return this.#answer(answer);
    if (!plan.begin())
      return this.fail({ kind: "bad-request", detail: "the rewritten path climbs" });
    this.#service = plan.routed.service;
    this.#attempt(undefined);
  }

  /** On the next endpoint; `previous` is what came of the one before. */
  #attempt(previous: Failure | undefined): void {
    const service = this.#service;
    const plan = this.#plan;
    if (service === undefined || plan === undefined) return;
    // One that has had the request may do better the second time; one that cannot be reached is left alone.
    const endpoint =
      plan.pick(this.#tried) ?? (previous !== undefined && this.#sent ? plan.pick([]) : undefined);
    if (endpoint === undefined) {
      return this.fail(previous ?? { kind: "no-endpoint", detail: service.service.name });
    }
    if (previous !== undefined) this.#report.countRetry();
    this.#tried.push(endpoint);
    this.#report.endpoint = endpoint;
    this.#report.attempts += 1;
    plan.beginAttempt();
    const kept = this.#link.reuse(service, endpoint);
    this.#reused = kept !== undefined;
    if (kept === undefined) this.#dial(service, endpoint);
    else this.#send(kept);
  }

  #dial(service: ServiceState, endpoint: Endpoint): void {
    this.#reused = false;
    this.#sent = false;
    this.#connection.deadlineMs = this.#plan?.limitMs(false) ?? Number.POSITIVE_INFINITY;
    const { accepted: proxied } = this.#connection;
    const full = this.#link.open(service, { endpoint, proxied, isHttp: true });
    if (full !== undefined) this.fail(full);
  }

  #retryOrFail(failure: Failure): void {
    const service = this.#service;
    const { endpoint } = this.#report;
    // The endpoint may have closed a kept-alive connection while the request was on its way: no fault of it.
    const isStale =
      failure.kind === "upstream-reset" && this.#reused && this.#relay?.answered !== true;
    if (!isStale && !this.#link.isWaiting) this.#report.noteOutcome(failure);
    this.#link.drop();
    if (service === undefined || endpoint === undefined) this.fail(failure);
    else if (this.#relay?.started !== true && this.#plan?.mayRetry(failure, this.#sent) === true) {
      this.#attempt(failure);
    } else if (isStale && !this.#repeated && this.#plan?.mayRepeat(failure) === true) {
      this.#report.countRetry();
      this.#repeated = true;
      this.#report.attempts += 1;
      this.#dial(service, endpoint);
    } else this.fail(failure);
  }

  /** The answer is not what the route wants; it is dropped. */
  #askAnother(status: number): void {
    this.#report.noteOutcome(status);
    this.#link.drop();
    this.#attempt({ kind: "no-endpoint", detail: `none is left after status ${status}` });
  }

  /** Sends the head with what is at hand of the body, in one write. */
  #send({ socket, endpoint }: UpstreamConnection): void {
    const plan = this.#plan;
    const body = this.#body;
    if (plan === undefined || body === undefined) return;
    const { head, forwarded, upgrade, edgeLines: edgeFields } = plan;
    this.#sent = true;
    const report = this.#report;
    this.#relay = new AnswerRelay(this.#connection, { head, report, upgrade, policy: plan });
    // HTTP/1.0 may come without Host, HTTP/1.1 must not go without: the endpoint is asked by its own name then.
    const ownName = endpoint.port === 0 ? "localhost" : endpoint.name;
    const authority = forwarded.authority === "" ? ownName : forwarded.authority;
    const text = serialiseRequest(forwarded, { authority, edgeFields, upgrade });
    body.begin(socket, text, plan.mayNeedAgain);
    if (!body.done) this.#connection.feed();
    if (this.#finished) return;
    body.flush(socket);
    this.#setWaitingLimit();
  }

  /** The endpoint has switched protocols: from here on the two sockets are joined (RFC 9110 §7.8). */
  #becomeTunnel(rest: Buffer): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#report.noteOutcome(101);
    this.#link.forget();
    this.#plan?.end();
    this.#finished = true;
    this.#connection.becomeTunnel(upstream, this, rest);
  }

  #finishRelay(relay: AnswerRelay): void {
    this.#report.noteOutcome(this.#report.status ?? 0);
    this.#link.giveBack(this.#service, relay.reusable && this.#requestDone);
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
    this.#plan?.end();
    this.#link.drop();
    this.#report.write(failure);
    if (this.#relay?.started === true) this.#connection.cutOff();
    else this.#connection.exchangeDone(false);
  }

  #finish(keepAlive: boolean): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#plan?.end();
    this.#report.write(this.#report.failure);
    this.#connection.exchangeDone(keepAlive);
  }

  /** Whoever is to move next has so long to do it: the endpoint's limit is for the head of its answer. */
  #setWaitingLimit(): void {
    const { context, view, socket } = this.#connection;
    const { responseMs } = this.#service?.service.timeouts ?? { responseMs: 0 };
    const { bodyIdleMs } = view.listener.timeouts;
    const isClientsTurn =
      socket.writableNeedDrain ||
      (!this.#requestDone && this.#upstream?.socket.writableNeedDrain !== true);
    const isHeadDue = !isClientsTurn && this.#relay?.started !== true;
    const limitMs = context.deadlines.after(isHeadDue ? responseMs : bodyIdleMs);
    const routeMs = this.#plan?.limitMs(this.#relay?.started === true);
    this.#connection.deadlineMs = Math.min(limitMs, routeMs ?? limitMs);
  }
}
