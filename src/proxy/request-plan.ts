/** How one routed request is served: what of its route is still to come, and how long and how often it may be tried. */
import type { Failure } from "../core/failure.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import type { ResponseHead } from "../core/http1/response-head.ts";
import type { ForwardAction, RetryPolicy } from "../core/model.ts";
import type { Endpoint } from "../core/service.ts";
import {
  DEFAULT_RETRY,
  mayNeedAgain,
  mayRepeatOnNew,
  mayTryAnother,
  wantsRetryAfter,
  wantsRetryOfStatus,
} from "../core/retry.ts";
import type { ServiceState } from "../upstream/service-state.ts";
import {
  type Affinity,
  type BoundRequest,
  type CookieValues,
  copyHash,
  readAffinity,
  withCookie,
} from "./affinity.ts";
import type { AnswerPolicy } from "./answer-relay.ts";
import type { ListenerView, ProxyContext } from "./context.ts";
import type { EdgeFields } from "./edge-fields.ts";
import { type LocalAnswer, faultAnswer, redirectAnswer, respondAnswer } from "./local-answer.ts";
import type { Mirror } from "./mirror.ts";
import type { RequestBody } from "./request-body.ts";
import { RoutePolicy } from "./route-policy.ts";
import type { RoutedRequest } from "./route-request.ts";

/** What a plan is made of. */
export interface PlannedRequest {
  readonly head: RequestHead;
  readonly body: RequestBody;
  readonly routed: RoutedRequest;
  readonly edge: EdgeFields;
  /** The one that it came on. */
  readonly connection: { readonly cookies: CookieValues; readonly view: ListenerView };
}

/** Owned by one Exchange. */
export class RequestPlan implements AnswerPolicy, BoundRequest {
  readonly routed: RoutedRequest;
  readonly head: RequestHead;
  /** The head as the endpoint gets it. */
  forwarded: RequestHead;
  /** Lines of the edge for the endpoint. */
  readonly edgeLines: string;
  /** The Upgrade token that passes. */
  upgrade: string | undefined;
  /** How many endpoints were asked. */
  attempts = 0;
  readonly #context: ProxyContext;
  readonly #body: RequestBody;
  readonly #policy: RoutePolicy | undefined;
  readonly #connection: PlannedRequest["connection"];
  #affinity: Affinity | undefined;
  #retry: RetryPolicy = DEFAULT_RETRY;
  /** When the whole exchange, and the present attempt, must be over. */
  #endMs = Number.POSITIVE_INFINITY;
  #tryEndMs = Number.POSITIVE_INFINITY;
  readonly #mirrorService: ServiceState | undefined;
  #mirror: Mirror | undefined;
  /** It counts among the retries that are under way. */
  #holdsRetry = false;

  /** Remembers services now: their numbers mean others after a reload. */
  constructor(context: ProxyContext, request: PlannedRequest) {
    const { head, body, routed, edge, connection } = request;
    const { port } = connection.view.listener.address;
    this.#context = context;
    this.#connection = connection;
    this.#body = body;
    this.routed = routed;
    this.head = head;
    this.forwarded = head;
    const mayComeBack = routed.service?.service.allowLoop === true;
    this.edgeLines = mayComeBack ? withoutMark(edge.lines) : edge.lines;
    this.#policy = RoutePolicy.of(head, routed, { requestId: edge.requestId, port });
    const { action } = routed.decision.route;
    const mirror = action.kind === "forward" ? action.mirror : undefined;
    this.#mirrorService =
      mirror === undefined ? undefined : context.runtime().services[mirror.service];
  }

  /** The answer to a question of CORS, which comes before everything else. */
  preflight(): LocalAnswer | undefined {
    return this.#policy?.preflight();
  }

  /** How long to wait first; 0 = not at all. Chance decides. */
  delayMs(): number {
    const delay = this.routed.decision.route.fault?.delay;
    return delay !== undefined && this.#happens(delay.percent) ? delay.ms : 0;
  }

  /** The answer that is given here: an injected failure, a redirect, a direct response. Chance decides of the first. */
  answer(): LocalAnswer | undefined {
    const { action, fault } = this.routed.decision.route;
    const abort = fault?.abort;
    if (abort !== undefined && this.#happens(abort.percent)) return faultAnswer(abort.status);
    if (action.kind === "forward") return undefined;
    const answer =
      action.kind === "redirect" ? redirectAnswer(action, this.head) : respondAnswer(action);
    return this.#policy === undefined ? answer : this.#policy.localAnswer(answer);
  }

  /** Rewrites the head and starts the clocks and the copy; false = the rewritten path would climb over its prefix. */
  begin(): boolean {
    const { action } = this.routed.decision.route;
    if (action.kind !== "forward") return false;
    const forwarded = this.#policy === undefined ? this.head : this.#policy.requestHead();
    if (forwarded === undefined) return false;
    this.forwarded = forwarded;
    this.upgrade = allowedUpgrade(this.head, action.upgrade);
    const { timeoutMs, retry } = action;
    if (timeoutMs !== undefined) this.#endMs = this.#context.deadlines.after(timeoutMs);
    if (retry !== undefined) this.#retry = retry;
    const { service } = this.routed;
    if (service !== undefined) this.#affinity = readAffinity(service.service, this);
    service?.retryBudget.request();
    this.#beginMirror(action);
    return true;
  }

  /** Whether the body must be kept. */
  get mayNeedAgain(): boolean {
    return mayNeedAgain(this.#retry, this.head.method);
  }

  /** See BoundRequest. */
  get cookies(): CookieValues {
    return this.#connection.cookies;
  }

  /** The next endpoint for it that is not among `tried`; undefined when there is none. */
  pick(tried: readonly Endpoint[]): Endpoint | undefined {
    const { service, destination } = this.routed;
    return service?.pick(tried, destination?.subset, this.#affinity?.hash);
  }

  /** An attempt starts. */
  beginAttempt(): void {
    this.attempts += 1;
    const { perTryTimeoutMs } = this.#retry;
    if (perTryTimeoutMs === undefined) return;
    this.#tryEndMs = this.#context.deadlines.after(perTryTimeoutMs);
  }

  /** The earliest limit of the route; `started` = the answer has begun. */
  limitMs(started: boolean): number {
    return started ? this.#endMs : Math.min(this.#endMs, this.#tryEndMs);
  }

  /** Which limit of the route has passed. */
  passed(): "exchange" | "attempt" | undefined {
    // `after` adds the tick that the limits have in them too.
    const nowMs = this.#context.deadlines.after(0);
    if (nowMs >= this.#endMs) return "exchange";
    return nowMs >= this.#tryEndMs ? "attempt" : undefined;
  }

  /**
   * Whether another endpoint is asked after a failure before an answer; takes it from the budget. What no endpoint has got
   * costs nothing; what one has got must be at hand still.
   */
  mayRetry({ kind }: Failure, sent: boolean): boolean {
    if (this.attempts > this.#retry.attempts || !wantsRetryAfter(this.#retry, kind)) return false;
    return (!sent && mayTryAnother(kind)) || this.#maySendAgain();
  }

  /** Whether the same endpoint is asked once more, after a kept-alive connection closed before it answered. */
  mayRepeat({ kind }: Failure): boolean {
    const { method } = this.head;
    const replayable = this.#body.repeatable;
    return mayRepeatOnNew({ kind, method, reused: true, answered: false, replayable });
  }

  /** See AnswerPolicy. Takes the repetition from the budget. */
  drops(status: number): boolean {
    const isWanted =
      this.attempts <= this.#retry.attempts && wantsRetryOfStatus(this.#retry, status);
    if (isWanted && this.#maySendAgain()) return true;
    this.#endRetry();
    return false;
  }

  /** See AnswerPolicy. */
  edit(head: ResponseHead): ResponseHead {
    return this.bind(this.#policy === undefined ? head : this.#policy.responseHead(head));
  }

  /** See AnswerPolicy. */
  bind(head: ResponseHead): ResponseHead {
    const cookie = this.#affinity?.cookie;
    return cookie === undefined ? head : withCookie(head, cookie);
  }

  /** Body bytes have been sent; the copy gets them too, and is sent once it is whole. */
  onBody(bytes: Buffer): void {
    const mirror = this.#mirror;
    if (mirror === undefined) return;
    mirror.take(bytes);
    if (this.#body.done) this.#sendMirror(mirror);
  }

  /** The exchange is over, or a tunnel: a copy that never became whole is not sent. */
  end(): void {
    this.#endRetry();
    this.#mirror?.drop();
    this.#mirror = undefined;
  }

  /** An answer is there: the next retry may begin. */
  #endRetry(): void {
    if (this.#holdsRetry) this.routed.service?.giveRetry();
    this.#holdsRetry = false;
  }

  /** Whether what an endpoint has got may go to one again; takes it from what is allowed. */
  #maySendAgain(): boolean {
    const { service } = this.routed;
    if (service === undefined || !this.#body.repeatable) return false;
    if (!this.#holdsRetry && !service.takeRetry()) return false;
    this.#holdsRetry = true;
    return service.retryBudget.take(this.#context.now());
  }

  #beginMirror({ mirror }: ForwardAction): void {
    const service = this.#mirrorService;
    if (mirror === undefined || service === undefined || this.upgrade !== undefined) return;
    if (!this.#happens(mirror.percent)) return;
    const hash = copyHash(service.service, this.head, this.routed.client.client);
    const copied = { edgeFields: this.edgeLines, hash };
    this.#mirror = this.#context.mirrors.begin(service, this.forwarded, copied);
    if (this.#mirror !== undefined && this.#body.done) this.#sendMirror(this.#mirror);
  }

  #sendMirror(mirror: Mirror): void {
    this.#mirror = undefined;
    mirror.send();
  }

  /** So many percent of the time. */
  #happens(percent: number): boolean {
    return percent >= 100 || this.#context.random() * 100 < percent;
  }
}

/** Where a service may lead back to this box, its requests do not say that they were here. */
function withoutMark(lines: string): string {
  return lines.replace(/^CDN-Loop: .*\r\n/m, "");
}

/** One token, of a request without a body, that the route lets pass; HTTP/2 in cleartext never (RFC 9113 §3.1). */
function allowedUpgrade(head: RequestHead, allowed: readonly string[]): string | undefined {
  const { upgrade } = head;
  if (upgrade === undefined || head.body !== 0) return undefined;
  const token = upgrade.toLowerCase();
  return token !== "h2c" && allowed.includes(token) ? upgrade : undefined;
}
