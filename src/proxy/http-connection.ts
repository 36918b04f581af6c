/** One HTTP/1.1 connection from a client: bytes to heads, one exchange after the other. */
import type { Failure } from "../core/failure.ts";
import { type RequestHead, parseRequestHead } from "../core/http1/request-head.ts";
import { SCAN_FORBIDDEN, SCAN_INCOMPLETE } from "../core/http1/scan.ts";
import type { ConnectionState, OpenConnection } from "../core/open-connections.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import type { Deadlined } from "../upstream/deadlines.ts";
import type { Socket, SocketUser } from "../transport/socket.ts";
import type { Accepted } from "./accepted.ts";
import { CookieValues } from "./affinity.ts";
import type { DownstreamConnection, ListenerView, ProxyContext } from "./context.ts";
import {
  type EdgeConnection,
  type EdgeFields,
  buildEdgeFields,
  connectionEdgeFields,
  isPlainPolicy,
  requestEdgeFields,
} from "./edge-fields.ts";
import { Exchange } from "./exchange.ts";
import { LingeringEnd } from "./lingering-end.ts";
import { RequestBuffer } from "./request-buffer.ts";
import type { RoutedRequest } from "./route-request.ts";
import { Tunnel, type TunnelOwner } from "./tunnel.ts";

/** Bytes that a client may send ahead while its request is not being read on. */
const PENDING_BYTES_MAX = 64 * 1024;

const CR = 0x0d;
const TLS_HANDSHAKE = 0x16;

/**
 * Owns the accepted socket from the first byte to `close`. At any time it is free, reads a head, runs one exchange, is a
 * tunnel, or ends; a request that came ahead waits until the answer before it is done and the client takes its bytes.
 */
export class HttpConnection implements SocketUser, Deadlined, DownstreamConnection {
  readonly accepted: Accepted;
  readonly socket: Socket;
  readonly context: ProxyContext;
  /** The values of cookies that its clients get. */
  readonly cookies: CookieValues;
  readonly view: ListenerView;
  /** The client's address without port. */
  readonly clientHost: string;
  /** `ip:port` for logs. */
  readonly client: string | undefined;
  deadlineMs: number;
  readonly #openedAt: number;
  readonly #edge: EdgeConnection;
  /** Header lines for the endpoint that are the same for all requests of this connection. */
  readonly #edgeLines: string;
  readonly #buffer = new RequestBuffer();
  #exchange: Exchange | undefined;
  /** The one that became the tunnel. */
  #switched: Exchange | undefined;
  #tunnel: Tunnel | undefined;
  #end: LingeringEnd | undefined;
  #requests = 0;
  /** When the first byte of the present request came, monotonic and wall clock. */
  #headStartedMs: number;
  #headStartedAt: number;
  #readingHead = false;
  /** The client has sent its FIN. */
  #ended = false;
  #closed = false;
  /** Inside the loop of `#advance`: an answer that is ready at once must not start another loop. */
  #advancing = false;
  /** Why the box closes it without an answer; the log line says it. */
  #cause: Failure | undefined;

  /** Effect: reads from now on. The socket must be fresh from `accept`, half-open allowed. */
  constructor(accepted: Accepted, view: ListenerView, context: ProxyContext) {
    const { socket } = accepted;
    this.accepted = accepted;
    this.socket = socket;
    this.view = view;
    this.context = context;
    this.cookies = new CookieValues(context.requestId);
    socket.user = this;
    socket.resume();
    this.clientHost = accepted.client.address || "unknown";
    this.client = accepted.clientName;
    const { port } = view.listener.address;
    this.#edge = { peer: this.clientHost, port, boxId: context.boxId };
    this.#edgeLines = connectionEdgeFields(this.#edge);
    this.#headStartedMs = context.now();
    this.#openedAt = context.wallClock();
    this.#headStartedAt = this.#openedAt;
    this.deadlineMs = context.deadlines.after(view.listener.timeouts.headerMs);
    context.deadlines.add(this);
    // Already reset: there is no address to tell the endpoint, and nobody to answer.
    if (accepted.client.address === "") socket.destroy();
  }

  /** The client and the box would go on after this answer. */
  get mayContinue(): boolean {
    const { requestsPerConnectionMax } = this.view.listener.limits;
    if (requestsPerConnectionMax !== undefined && this.#requests >= requestsPerConnectionMax)
      return false;
    const hasMore = !this.#ended || this.#buffer.length > 0;
    return hasMore && this.view.open && !this.context.draining();
  }

  /** See DownstreamConnection. */
  get isTunnel(): boolean {
    return this.#tunnel !== undefined;
  }

  /** See DownstreamConnection. */
  drain(): void {
    const busy = this.#exchange ?? this.#tunnel ?? this.#end;
    if (busy === undefined && !this.#readingHead) this.#closeIdle({ kind: "draining", detail: "" });
  }

  /** See DownstreamConnection. */
  reset(): void {
    const cause: Failure = { kind: "draining", detail: "time limit of the drain" };
    if (this.#tunnel !== undefined) return this.#tunnel.cut(cause);
    this.#cause = cause;
    this.socket.reset();
  }

  /** See DownstreamConnection. The host is that of the request under way. */
  describe(): OpenConnection {
    const asked = (this.#exchange ?? this.#switched)?.report;
    const host = asked?.host ?? "";
    return {
      kind: "http",
      state: this.#state,
      openedAt: this.#openedAt,
      listener: this.view.listener.id,
      client: this.accepted.client,
      gateway: asked?.gateway?.name,
      host: host === "" ? undefined : host,
      service: asked?.routed?.service?.service.name,
      endpoint: asked?.endpoint?.name,
      bytesIn: this.socket.bytesRead,
      bytesOut: this.socket.bytesWritten,
      requests: this.#requests,
    };
  }

  get #state(): ConnectionState {
    if (this.#end !== undefined) return "closing";
    if (this.#tunnel !== undefined) return "tunnel";
    if (this.#exchange !== undefined) return "request";
    return this.#readingHead || this.#requests === 0 ? "head" : "idle";
  }

  /** The answer cannot be finished: the client must notice, and a FIN could look like its end. */
  cutOff(): void {
    this.socket.reset();
  }

  /** The time limit of the present state has passed. */
  onDeadline(): void {
    if (this.#end !== undefined) this.#end.onDeadline();
    else if (this.#tunnel !== undefined) this.#onSilence(this.#tunnel);
    else if (this.#exchange !== undefined) this.#exchange.onDeadline();
    else if (this.#readingHead)
      this.#refuse({ kind: "header-timeout", detail: "head not complete" });
    else if (this.socket.writableNeedDrain) this.socket.reset();
    else this.#closeIdle({ kind: "header-timeout", detail: "" });
  }

  /** What the endpoint is told of this client, by the policy of the gateway. */
  edgeFieldsOf(head: RequestHead, routed: RoutedRequest, requestId: string): EdgeFields {
    const trusted = this.context.runtime().trustedProxies[routed.gatewayIndex] ?? [];
    const policy = { gateway: routed.gateway, trusted };
    if (!isPlainPolicy(policy)) return buildEdgeFields(this.#edge, policy, { head, requestId });
    const lines = this.#edgeLines + requestEdgeFields(head, requestId);
    return { lines, client: undefined, requestId };
  }

  /** The exchange has switched protocols: `rest` is what the endpoint has sent behind its head. */
  becomeTunnel(upstream: UpstreamConnection, owner: TunnelOwner, rest: Buffer): void {
    const tunnel = new Tunnel(this.socket, upstream, owner);
    const { bytes } = this.#buffer;
    this.#buffer.clear();
    this.#switched = this.#exchange;
    this.#exchange = undefined;
    this.#tunnel = tunnel;
    owner.onTunnelBytes(0, 0);
    if (rest.length > 0) tunnel.onUpstreamData(rest);
    if (bytes !== undefined) tunnel.downstreamData(bytes);
    if (!upstream.socket.writableNeedDrain) this.socket.resume();
    if (this.#ended) tunnel.downstreamEnd();
  }

  /** What is written leaves by this socket, the connection's own or its tunnel's other one, and then it is closed. */
  endGently(socket: Socket, flushMs: number): void {
    const { deadlines } = this.context;
    this.#end = new LingeringEnd(socket, { item: this, deadlines, flushMs });
  }

  /** Bytes have passed through the tunnel that it became. */
  tunnelMoved(): void {
    const { tunnelIdleMs } = this.view.listener.timeouts;
    const waitMs = this.#tunnel?.waitMs(tunnelIdleMs) ?? tunnelIdleMs;
    this.deadlineMs = this.context.deadlines.after(waitMs);
  }

  /** The tunnel that it became is over on both sides. */
  tunnelDone(): void {
    this.#dispose();
  }

  /** Hands waiting bytes to the exchange, as far as it takes them, and reads on while there is room for more. */
  feed(): void {
    const exchange = this.#exchange;
    const { bytes } = this.#buffer;
    if (exchange !== undefined) {
      if (bytes !== undefined) this.#buffer.consume(exchange.takeBody(bytes));
      if (this.#ended && this.#buffer.length === 0) exchange.onDownstreamEnd();
    }
    this.#regulate();
  }

  /** The exchange has said all; `keepAlive` false ends the connection, gently while the client still sends. */
  exchangeDone(keepAlive: boolean): void {
    this.#exchange = undefined;
    this.#readingHead = false;
    if (this.#closed) return;
    if (!keepAlive || !this.mayContinue) return this.#finish();
    this.#setIdleLimit();
    this.#advance();
  }

  /** See SocketUser. */
  onBytes(bytes: Buffer): void {
    if (this.#end !== undefined) return this.#end.drop(bytes.length);
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamData(bytes);
    this.#buffer.append(bytes);
    if (this.#exchange === undefined) this.#advance();
    else this.feed();
    this.#buffer.own();
  }

  /** Nothing is under way, and the client takes its answers: one that does not gets no more of them made. */
  get #isFree(): boolean {
    const busy = this.#exchange ?? this.#end ?? this.#tunnel;
    return busy === undefined && !this.#closed && !this.socket.writableNeedDrain;
  }

  /** Starts exchanges as long as there is a whole head and nothing is under way. */
  #advance(): void {
    if (this.#advancing) return;
    this.#advancing = true;
    while (this.#isFree && this.#takeHead());
    this.#advancing = false;
    if (this.#ended && this.#isFree) this.#finishEnded();
    this.#regulate();
  }

  /** What a client sends ahead is bounded; without something in the way, limits of a head bound what waits. */
  #regulate(): void {
    if (this.#end !== undefined) return;
    const inTheWay = this.#exchange !== undefined || this.socket.writableNeedDrain;
    if (inTheWay && this.#buffer.length >= PENDING_BYTES_MAX) this.socket.pause();
    else if (this.socket.isPaused()) this.socket.resume();
  }

  /** Begins to serve or refuses the next request; false when its head is not complete. */
  #takeHead(): boolean {
    const buffer = this.#buffer;
    if (!buffer.skipEmptyLines()) return false;
    if (!this.#readingHead) this.#startHead();
    const end = buffer.findHead();
    const headBytes = end === SCAN_INCOMPLETE ? buffer.length : end;
    const { headerBytesMax } = this.view.listener.limits;
    if (end === SCAN_FORBIDDEN) this.#refuse(forbidden(buffer.bytes, this.#requests));
    else if (headBytes > headerBytesMax) this.#refuse(tooLarge(buffer.bytes, headerBytesMax));
    else if (end === SCAN_INCOMPLETE) return false;
    else this.#startExchange(end);
    return true;
  }

  #startHead(): void {
    this.#readingHead = true;
    this.#headStartedMs = this.context.now();
    this.#headStartedAt = this.context.wallClock();
    this.deadlineMs = this.context.deadlines.after(this.view.listener.timeouts.headerMs);
  }

  #startExchange(end: number): void {
    const text = this.#buffer.takeText(end);
    this.#requests += 1;
    const parsed = parseRequestHead(text, this.view.listener.limits.headerCountMax);
    if (!parsed.ok) return this.#refuse(parsed.error, end);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#exchange = this.#createExchange(parsed.value, end);
    this.#exchange.start();
  }

  /** Answers what cannot be a request and closes. */
  #refuse(failure: Failure, bytesIn = this.#buffer.length): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#exchange = this.#createExchange(undefined, bytesIn);
    this.#exchange.fail(failure);
  }

  #createExchange(head: RequestHead | undefined, bytesIn: number): Exchange {
    const startedMs = this.#headStartedMs;
    return new Exchange(this, head, { startedMs, startedAt: this.#headStartedAt, bytesIn });
  }

  #onSilence(tunnel: Tunnel): void {
    const leftMs = tunnel.onSilence(this.view.listener.timeouts.tunnelIdleMs);
    if (leftMs !== undefined) this.deadlineMs = this.context.deadlines.after(leftMs);
  }

  #setIdleLimit(): void {
    const { bodyIdleMs, keepAliveMs } = this.view.listener.timeouts;
    const limitMs = this.socket.writableNeedDrain ? bodyIdleMs : keepAliveMs;
    this.deadlineMs = this.context.deadlines.after(limitMs);
  }

  /** Nothing is under way. An answer that is still on its way to the client gets its time. */
  #closeIdle(cause: Failure): void {
    this.#cause = cause;
    if (this.socket.writableLength > 0) this.#finish();
    else this.socket.destroy();
  }

  /** No other request is served. */
  #finish(): void {
    this.#buffer.clear();
    this.endGently(this.socket, this.view.listener.timeouts.bodyIdleMs);
  }

  /** See SocketUser. */
  onEnd(): void {
    this.#ended = true;
    if (this.#tunnel !== undefined) this.#tunnel.downstreamEnd();
    else if (this.#exchange !== undefined) this.feed();
    else if (this.#isFree) this.#finishEnded();
  }

  /** The client's FIN, with nothing under way: a half-closing client has had its answers by now. */
  #finishEnded(): void {
    if (this.#readingHead) {
      this.#refuse({ kind: "client-closed", detail: "closed inside a request head" });
    } else if (this.#requests > 0) this.#finish();
    else this.#closeIdle({ kind: "connection-empty", detail: "" });
  }

  /** See SocketUser. */
  onDrain(): void {
    if (this.#tunnel !== undefined) this.#tunnel.downstreamDrain();
    else if (this.#exchange !== undefined) this.#exchange.onDownstreamDrain();
    else if (this.#end === undefined) {
      this.#setIdleLimit();
      this.#advance();
    }
  }

  /** See SocketUser. */
  onClose(): void {
    this.#closed = true;
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamClose();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange !== undefined) exchange.onDownstreamClose(this.#cause ?? CLIENT_GONE);
    else if (this.#end === undefined && (this.#readingHead || this.#requests === 0)) {
      const unsaid: Failure = this.#readingHead ? CLIENT_GONE : NOTHING_SAID;
      this.#createExchange(undefined, this.#buffer.length).logOnly(this.#cause ?? unsaid);
    }
    this.#dispose();
  }

  #dispose(): void {
    this.context.deadlines.delete(this);
    this.view.forget(this);
  }
}

const CLIENT_GONE: Failure = { kind: "client-closed", detail: "" };
const NOTHING_SAID: Failure = { kind: "connection-empty", detail: "" };

/** A stray byte in the very first bytes says that the client speaks something else. */
function forbidden(bytes: Buffer | undefined, requests: number): Failure {
  const first = bytes?.[0] ?? 0;
  if (requests === 0 && first === TLS_HANDSHAKE)
    return { kind: "not-http", detail: "a TLS ClientHello" };
  if (requests === 0 && (first < 0x21 || first > 0x7e))
    return { kind: "not-http", detail: "not text" };
  return { kind: "bad-request", detail: "forbidden character or bare CR or LF (RFC 9112 §2.2)" };
}

function tooLarge(bytes: Buffer | undefined, bytesMax: number): Failure {
  const line = bytes?.indexOf(CR) ?? -1;
  if (line < 0 || line > bytesMax) return { kind: "uri-too-long", detail: "request line too long" };
  return { kind: "head-too-large", detail: `head over ${bytesMax} bytes` };
}
