/** One HTTP/1.1 connection from a client: bytes to heads, one exchange after the other. */
import type { Socket } from "node:net";
import { formatAddress, unmapAddress } from "../core/client-address.ts";
import type { Failure } from "../core/failure.ts";
import { type RequestHead, parseRequestHead } from "../core/http1/request-head.ts";
import { SCAN_FORBIDDEN, SCAN_INCOMPLETE, resumeScan, scanHead } from "../core/http1/scan.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import type { Deadlined } from "../upstream/deadlines.ts";
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
import type { RoutedRequest } from "./route-request.ts";
import { Tunnel, type TunnelOwner } from "./tunnel.ts";

/** Bytes that a client may send ahead while its request is not being read on. */
const PENDING_BYTES_MAX = 64 * 1024;
/** How long what a client still sends is read and dropped after the last answer, so that it sees the answer. */
const LINGER_MS = 2000;
/** And how much of it. */
const LINGER_BYTES_MAX = 1024 * 1024;

const CR = 0x0d;
const LF = 0x0a;
const TLS_HANDSHAKE = 0x16;

/** Owns the accepted socket from the first byte to `close`. */
export class HttpConnection implements Deadlined, DownstreamConnection {
  readonly socket: Socket;
  readonly context: ProxyContext;
  readonly view: ListenerView;
  /** The client's address without port. */
  readonly clientHost: string;
  /** `ip:port` for logs. */
  readonly client: string;
  deadlineMs: number;
  /** Bytes of the present request that were read from the client. */
  bytesIn = 0;
  readonly #edge: EdgeConnection;
  /** Header lines for the endpoint that are the same for all requests of this connection. */
  readonly #edgeLines: string;
  #tunnel: Tunnel | undefined;
  #pending: Buffer | undefined;
  #scanned = 0;
  #exchange: Exchange | undefined;
  #requests = 0;
  /** When the first byte of the present request came, monotonic and wall clock. */
  #headStartedMs: number;
  #headStartedAt: number;
  #readingHead = false;
  #ended = false;
  #lingering = false;
  #lingered = 0;
  #closed = false;
  /** Inside the loop of `#next`: an answer that is ready at once must not start another loop. */
  #routing = false;

  /** Effect: reads from now on. The socket must be fresh from `accept`, half-open allowed. */
  constructor(socket: Socket, view: ListenerView, context: ProxyContext) {
    this.socket = socket;
    this.view = view;
    this.context = context;
    socket.on("error", () => this.#onError());
    socket.on("close", () => this.#onClose());
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.#onDrain());
    this.clientHost = unmapAddress(socket.remoteAddress ?? "");
    this.client = formatAddress(this.clientHost, socket.remotePort ?? 0);
    const { port } = view.listener.address;
    this.#edge = { peer: this.clientHost, port, boxId: context.boxId };
    this.#edgeLines = connectionEdgeFields(this.#edge);
    this.#headStartedMs = context.now();
    this.#headStartedAt = context.wallClock();
    this.deadlineMs = context.deadlines.after(view.listener.timeouts.headerMs);
    context.deadlines.add(this);
  }

  /** The client has sent its FIN: it will send no other request. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The client and the box would go on after this answer. */
  get mayContinue(): boolean {
    const { requestsPerConnectionMax } = this.view.listener.limits;
    if (requestsPerConnectionMax !== undefined && this.#requests >= requestsPerConnectionMax)
      return false;
    return !this.#ended && this.view.open && !this.context.draining();
  }

  /** See DownstreamConnection. */
  get isTunnel(): boolean {
    return this.#tunnel !== undefined;
  }

  /** See DownstreamConnection. */
  drain(): void {
    if (this.#tunnel !== undefined) return;
    if (this.#exchange === undefined && !this.#readingHead) this.socket.destroy();
  }

  /** See DownstreamConnection. */
  reset(): void {
    if (this.#tunnel === undefined) this.socket.resetAndDestroy();
    else this.#tunnel.cut({ kind: "draining", detail: "time limit of the drain" });
  }

  /** The time limit of the present state has passed. */
  onDeadline(): void {
    if (this.#tunnel !== undefined) this.#tunnel.cut({ kind: "tunnel-idle", detail: "" });
    else if (this.#exchange !== undefined) this.#exchange.onDeadline();
    else if (this.#lingering || (this.#requests > 0 && !this.#readingHead)) this.socket.destroy();
    else if (this.#pending === undefined) this.#closeSilent({ kind: "header-timeout", detail: "" });
    else this.#refuse({ kind: "header-timeout", detail: "head not complete" });
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
    const pending = this.takePending();
    this.#exchange = undefined;
    this.#tunnel = tunnel;
    owner.onTunnelBytes(0, 0);
    if (rest.length > 0) tunnel.onUpstreamData(rest);
    if (pending !== undefined) tunnel.downstreamData(pending);
    if (!upstream.socket.writableNeedDrain) this.socket.resume();
    if (this.#ended) tunnel.downstreamEnd();
  }

  /** Hands out the bytes that wait; what is not used of them comes back by `giveBack`. */
  takePending(): Buffer | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  /** `used` bytes of what `takePending` gave belong to the request's body. */
  giveBack(bytes: Buffer, used: number): void {
    this.bytesIn += used;
    this.#keep(bytes, used);
  }

  /** More of the request's body is wanted. */
  resumeReading(): void {
    this.#feed();
    if (this.#pending === undefined || this.#pending.length < PENDING_BYTES_MAX)
      this.socket.resume();
  }

  /** The exchange has said all; `keepAlive` false ends the connection, gently while the client still sends. */
  exchangeDone(keepAlive: boolean): void {
    this.#exchange = undefined;
    this.#readingHead = false;
    if (this.#closed) return;
    if (!keepAlive) {
      this.#linger();
      return;
    }
    this.deadlineMs = this.context.deadlines.after(this.view.listener.timeouts.keepAliveMs);
    if (this.#routing) return;
    if (this.#pending !== undefined) this.#next();
    if (this.#exchange === undefined && this.socket.isPaused()) this.socket.resume();
  }

  #onData(chunk: Buffer): void {
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamData(chunk);
    if (this.#lingering) {
      this.#lingered += chunk.length;
      if (this.#lingered > LINGER_BYTES_MAX) this.socket.destroy();
      return;
    }
    this.#pending = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#exchange === undefined) this.#next();
    else this.#feed();
    if (this.#pending !== undefined && this.#pending.length >= PENDING_BYTES_MAX) {
      if (this.#exchange !== undefined) this.socket.pause();
    }
  }

  /** Hands waiting bytes to the exchange, as far as it takes them. */
  #feed(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#exchange === undefined) return;
    this.giveBack(pending, this.#exchange.takeBody(pending));
  }

  #keep(bytes: Buffer, used: number): void {
    this.#pending = used < bytes.length ? bytes.subarray(used) : undefined;
    this.#scanned = 0;
  }

  /** A client that does not take its answers gets no more of them made. */
  get #mayStart(): boolean {
    if (this.#exchange !== undefined || this.#pending === undefined || this.#lingering)
      return false;
    if (!this.socket.writableNeedDrain) return true;
    this.socket.pause();
    this.deadlineMs = this.context.deadlines.after(this.view.listener.timeouts.bodyIdleMs);
    return false;
  }

  /** Starts exchanges as long as there is a whole head and nothing is under way. */
  #next(): void {
    while (this.#mayStart) {
      this.#skipEmptyLines();
      const pending: Buffer | undefined = this.#pending;
      if (pending === undefined) return;
      if (!this.#readingHead) this.#startHead(pending);
      const end = scanHead(pending, this.#scanned, pending.length);
      const { headerBytesMax } = this.view.listener.limits;
      if (end === SCAN_FORBIDDEN) return this.#refuse(forbidden(pending, this.#requests));
      if (end > headerBytesMax || (end === SCAN_INCOMPLETE && pending.length > headerBytesMax)) {
        return this.#refuse(tooLarge(pending, headerBytesMax));
      }
      if (end === SCAN_INCOMPLETE) {
        this.#scanned = resumeScan(pending, this.#scanned, pending.length);
        if (this.#ended) this.socket.destroy();
        return;
      }
      this.#startExchange(pending, end);
    }
  }

  /** RFC 9112 §2.2: empty lines before a request are skipped. */
  #skipEmptyLines(): void {
    const pending = this.#pending;
    if (pending === undefined || this.#scanned > 0) return;
    let start = 0;
    while (pending[start] === CR && pending[start + 1] === LF) start += 2;
    if (start > 0) this.#keep(pending, start);
  }

  #startHead(pending: Buffer): void {
    this.#readingHead = true;
    this.bytesIn = 0;
    if (this.#requests === 0 && pending[0] === TLS_HANDSHAKE) return;
    this.#headStartedMs = this.context.now();
    this.#headStartedAt = this.context.wallClock();
    this.deadlineMs = this.context.deadlines.after(this.view.listener.timeouts.headerMs);
  }

  #startExchange(pending: Buffer, end: number): void {
    const text = pending.toString("latin1", 0, end);
    this.#requests += 1;
    this.bytesIn = end;
    this.#keep(pending, end);
    const parsed = parseRequestHead(text, this.view.listener.limits.headerCountMax);
    if (!parsed.ok) return this.#refuse(parsed.error);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const exchange = this.#createExchange(parsed.value);
    this.#exchange = exchange;
    this.#routing = true;
    exchange.start();
    this.#routing = false;
    this.#feed();
  }

  /** Answers what cannot be a request and closes. */
  #refuse(failure: Failure): void {
    this.bytesIn = Math.max(this.bytesIn, this.#pending?.length ?? 0);
    this.#pending = undefined;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#exchange = this.#createExchange(undefined);
    this.#exchange.fail(failure);
  }

  /** Closes a connection that never said anything: there is nothing to answer. */
  #closeSilent(failure: Failure): void {
    this.#createExchange(undefined).logOnly(failure);
    this.#lingering = true;
    this.socket.destroy();
  }

  #createExchange(head: RequestHead | undefined): Exchange {
    return new Exchange(this, head, {
      startedMs: this.#headStartedMs,
      startedAt: this.#headStartedAt,
    });
  }

  /** Sends FIN and reads on for a while: closing with unread bytes would reset the answer away (RFC 9112 §9.6). */
  #linger(): void {
    this.#lingering = true;
    this.#pending = undefined;
    this.socket.end();
    if (this.#ended) return;
    this.deadlineMs = this.context.deadlines.after(LINGER_MS);
    this.socket.resume();
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamEnd();
    if (this.#exchange !== undefined) return this.#exchange.onDownstreamEnd();
    if (this.#lingering) return;
    if (this.#requests === 0 && this.#pending === undefined) {
      return this.#closeSilent({ kind: "connection-empty", detail: "" });
    }
    if (this.#pending !== undefined) {
      return this.#refuse({ kind: "client-closed", detail: "closed inside a request head" });
    }
    this.socket.end();
  }

  /** The client takes bytes again. Pipelined requests wait for that when answers are ready at once. */
  #onDrain(): void {
    if (this.#tunnel !== undefined) this.#tunnel.downstreamDrain();
    else if (this.#exchange !== undefined) this.#exchange.onDownstreamDrain();
    else this.#next();
  }

  /** Node destroys the socket after an error; `close` follows and does the rest. */
  #onError(): void {
    this.#pending = undefined;
  }

  #onClose(): void {
    this.#closed = true;
    this.context.deadlines.delete(this);
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (this.#tunnel !== undefined) this.#tunnel.downstreamClose();
    else if (exchange !== undefined) exchange.onDownstreamClose();
    else if (this.#requests === 0 && !this.#lingering) {
      const kind = this.#readingHead ? "client-closed" : "connection-empty";
      this.#createExchange(undefined).logOnly({ kind, detail: "closed before a request" });
    }
    this.view.forget(this);
  }
}

/** A stray byte in the very first bytes says that the client speaks something else. */
function forbidden(pending: Buffer, requests: number): Failure {
  const first = pending[0] ?? 0;
  if (requests === 0 && first === TLS_HANDSHAKE)
    return { kind: "not-http", detail: "a TLS ClientHello" };
  if (requests === 0 && (first < 0x21 || first > 0x7e))
    return { kind: "not-http", detail: "not text" };
  return { kind: "bad-request", detail: "forbidden character or bare CR or LF (RFC 9112 §2.2)" };
}

function tooLarge(pending: Buffer, bytesMax: number): Failure {
  const line = pending.indexOf(CR);
  if (line < 0 || line > bytesMax) return { kind: "uri-too-long", detail: "request line too long" };
  return { kind: "head-too-large", detail: `head over ${bytesMax} bytes` };
}
