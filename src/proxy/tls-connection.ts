/** One TLS connection from a client: its ClientHello is read, never decrypted, and it is joined to an endpoint. */
import type { Socket } from "node:net";
import { formatAddress, unmapAddress } from "../core/client-address.ts";
import { FAILURES, type Failure, failureOffset } from "../core/failure.ts";
import { BYTES_IN, BYTES_OUT } from "../core/metric-layout.ts";
import type { Endpoint, Gateway } from "../core/model.ts";
import { RETRIES_DEFAULT, mayTryAnother } from "../core/retry.ts";
import { encodeAlert } from "../core/tls/alert.ts";
import { type ClientHello, HelloReader, type HelloRefused } from "../core/tls/client-hello.ts";
import type { UpstreamConnection, UpstreamUser } from "../upstream/connection.ts";
import type { Deadlined } from "../upstream/deadlines.ts";
import { resetSocket } from "../upstream/reset-socket.ts";
import {
  type DownstreamConnection,
  type ListenerView,
  type ProxyContext,
  addTo,
} from "./context.ts";
import { LingeringEnd } from "./lingering-end.ts";
import { type RoutedTls, routeTls } from "./route-tls.ts";
import { Tunnel, type TunnelOwner } from "./tunnel.ts";

/** What a client may send while the endpoint is being dialled: Node notices a closed socket only while it reads. */
const EARLY_BYTES_MAX = 16 * 1024;
/** Pieces that are kept apart: a hello sent byte by byte must not cost a buffer a byte. */
const EARLY_PIECES_MAX = 64;

const HTTP_ANSWER = Buffer.from(
  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 32\r\nConnection: close\r\n\r\n" +
    "This is the TLS port: use https\n",
);
const NO_ANSWER = new Uint8Array(0);

/** Owns the accepted socket from the first byte to `close`. */
export class TlsConnection implements Deadlined, DownstreamConnection, UpstreamUser, TunnelOwner {
  deadlineMs: number;
  readonly #socket: Socket;
  readonly #view: ListenerView;
  readonly #context: ProxyContext;
  readonly #client: string;
  readonly #startedMs: number;
  readonly #startedAt: number;
  readonly #reader: HelloReader;
  /** The bytes as read, until an endpoint has them. */
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #hello: ClientHello | undefined;
  #gateway: Gateway | undefined;
  #routed: RoutedTls | undefined;
  #tried: Endpoint[] = [];
  #upstream: UpstreamConnection | undefined;
  #tunnel: Tunnel | undefined;
  #connectMs: number | undefined;
  #bytesIn = 0;
  #bytesOut = 0;
  /** The client has sent its FIN. */
  #ended = false;
  /** It was refused and has its answer, or one side of its tunnel is closed; what still comes is dropped. */
  #end: LingeringEnd | undefined;
  /** The log line is written. */
  #over = false;

  /** Effect: reads from now on. The socket must be fresh from `accept`, half-open allowed. */
  constructor(socket: Socket, view: ListenerView, context: ProxyContext) {
    this.#socket = socket;
    this.#view = view;
    this.#context = context;
    // Node destroys the socket after an error; `close` follows and does everything.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#onClose());
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    socket.on("drain", () => this.#tunnel?.downstreamDrain());
    this.#client = formatAddress(unmapAddress(socket.remoteAddress ?? ""), socket.remotePort ?? 0);
    this.#startedMs = context.now();
    this.#startedAt = context.wallClock();
    this.#reader = new HelloReader(view.listener.limits.helloBytesMax);
    this.deadlineMs = context.deadlines.after(view.listener.timeouts.helloMs);
    context.deadlines.add(this);
  }

  /** See DownstreamConnection: a tunnel lives on until the drain's limit. */
  drain(): void {
    if (this.#hello === undefined) this.#refuse({ kind: "draining", detail: "" }, NO_ANSWER);
  }

  /** See DownstreamConnection. */
  get isTunnel(): boolean {
    return this.#tunnel !== undefined;
  }

  /** See DownstreamConnection. */
  reset(): void {
    const cause: Failure = { kind: "draining", detail: "time limit of the drain" };
    if (this.#tunnel !== undefined) return this.#tunnel.cut(cause);
    this.#report(cause);
    resetSocket(this.#socket);
  }

  /** The hello, the tunnel's idleness or the wait for a refused client has reached its limit. */
  onDeadline(): void {
    if (this.#end !== undefined) this.#end.onDeadline();
    else if (this.#tunnel !== undefined) this.#tunnel.cut({ kind: "tunnel-idle", detail: "" });
    else this.#refuse({ kind: "hello-timeout", detail: `${this.#bytesIn} bytes came` });
  }

  onUpstreamConnect(connection: UpstreamConnection): void {
    const routed = this.#routed;
    if (routed === undefined) return;
    const { tunnelSlots, tunnelActiveSlots } = routed.destination;
    this.#connectMs = connection.connectMs;
    addTo(this.#context, tunnelSlots[routed.gatewayIndex] ?? -1, 1);
    addTo(this.#context, tunnelActiveSlots[routed.gatewayIndex] ?? -1, 1);
    this.#tunnel = new Tunnel(this.#socket, connection, this);
    const early = Buffer.concat(this.#early);
    this.#early = [];
    this.#bytesIn = 0;
    this.#tunnel.downstreamData(early);
    if (!connection.socket.writableNeedDrain) this.#socket.resume();
    if (this.#ended) this.#tunnel.downstreamEnd();
  }

  onUpstreamData(): void {
    // Nothing is read before the tunnel takes over.
  }

  onUpstreamEnd(): void {
    // Nor is an end.
  }

  onUpstreamDrain(): void {
    // Nothing is written before the tunnel takes over.
  }

  onUpstreamClose(failure: Failure): void {
    this.#upstream = undefined;
    if (this.#over) return;
    if (mayTryAnother(failure.kind) && this.#tried.length <= RETRIES_DEFAULT)
      this.#attempt(failure);
    else this.#refuse(failure);
  }

  onTunnelBytes(received: number, sent: number): void {
    const routed = this.#routed;
    this.#bytesIn += received;
    this.#bytesOut += sent;
    this.deadlineMs = this.#context.deadlines.after(this.#view.listener.timeouts.tunnelIdleMs);
    const slot = routed?.destination.byteSlots[routed.gatewayIndex] ?? -1;
    if (slot < 0) return;
    addTo(this.#context, slot + BYTES_IN, received);
    addTo(this.#context, slot + BYTES_OUT, sent);
  }

  onTunnelLeft(socket: Socket): void {
    this.#endGently(socket, this.#view.listener.timeouts.tunnelIdleMs);
  }

  onTunnelDone(failure: Failure | undefined): void {
    const routed = this.#routed;
    addTo(this.#context, routed?.destination.tunnelActiveSlots[routed.gatewayIndex] ?? -1, -1);
    this.#report(failure);
    this.#dispose();
  }

  #onData(chunk: Buffer): void {
    if (this.#end !== undefined) return this.#end.drop(chunk.length);
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamData(chunk);
    this.#keepEarly(chunk);
    if (this.#hello !== undefined) {
      if (this.#earlyBytes >= EARLY_BYTES_MAX) this.#socket.pause();
      return;
    }
    const result = this.#reader.push(chunk);
    if (result.kind === "refused") this.#refuseHello(result);
    else if (result.kind === "hello") this.#route(result.hello);
  }

  #keepEarly(chunk: Buffer): void {
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    this.#bytesIn += chunk.length;
    if (this.#early.length > EARLY_PIECES_MAX) this.#early = [Buffer.concat(this.#early)];
  }

  #route(hello: ClientHello): void {
    this.#hello = hello;
    const { serverName, alpn } = hello;
    const source = unmapAddress(this.#socket.remoteAddress ?? "");
    const routed = routeTls(this.#context, this.#view.listener, { serverName, alpn, source });
    this.#gateway = routed.gateway;
    if (routed.kind === "failure") return this.#refuse(routed.failure);
    this.#routed = routed;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#earlyBytes = 0;
    this.#attempt(undefined);
  }

  #attempt(previous: Failure | undefined): void {
    const service = this.#routed?.service;
    const endpoint = service?.pick(this.#tried);
    if (service === undefined || endpoint === undefined) {
      return this.#refuse(previous ?? { kind: "no-endpoint", detail: "" });
    }
    if (previous !== undefined) addTo(this.#context, service.service.slots.retries, 1);
    this.#tried.push(endpoint);
    this.#upstream = service.dial(endpoint, this);
  }

  #refuseHello({ failure, detail, protocol, alert }: HelloRefused): void {
    const answer = protocol === "http" ? HTTP_ANSWER : encodeAlert(alert);
    const understands = protocol === "http" || protocol === "tls" || protocol === "sslv2";
    this.#refuse({ kind: failure, detail }, understands ? answer : NO_ANSWER);
  }

  /** Says why, if there is a way to say it, and ends. */
  #refuse(failure: Failure, answer: Uint8Array = alertOf(failure)): void {
    if (this.#over) return;
    this.#upstream?.destroy();
    this.#upstream = undefined;
    this.#early = [];
    this.#bytesOut += answer.length;
    this.#report(failure);
    if (answer.length === 0) {
      this.#socket.destroy();
      return;
    }
    this.#socket.write(answer);
    this.#endGently(this.#socket, this.#view.listener.timeouts.helloMs);
  }

  #endGently(socket: Socket, flushMs: number): void {
    const { deadlines } = this.#context;
    this.#end = new LingeringEnd(socket, { item: this, deadlines, flushMs });
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#tunnel !== undefined) this.#tunnel.downstreamEnd();
    else if (this.#hello === undefined) this.#refuse(closedEarly(this.#bytesIn));
  }

  #onClose(): void {
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamClose();
    this.#upstream?.destroy();
    const closed: Failure = { kind: "client-closed", detail: "while dialling" };
    this.#report(this.#hello === undefined ? closedEarly(this.#bytesIn) : closed);
    this.#dispose();
  }

  #dispose(): void {
    this.#context.deadlines.delete(this);
    this.#view.forget(this);
  }

  #report(failure: Failure | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const service = this.#routed?.service.service.name;
    const endpoint = this.#tried.at(-1)?.name;
    if (failure !== undefined) {
      this.#context.failureLog.note(failure, service, endpoint);
      const block = this.#gateway?.slots.failures ?? this.#view.listener.slots.failures;
      addTo(this.#context, block + failureOffset(failure.kind), 1);
    }
    this.#context.accessLog.tunnel({
      kind: "tls",
      time: this.#startedAt,
      gateway: this.#gateway?.name,
      client: this.#client,
      durationMs: this.#context.now() - this.#startedMs,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      service,
      endpoint,
      failure: failure?.kind,
      connectMs: this.#connectMs,
      sni: this.#hello?.serverName,
      alpn: this.#hello?.alpn,
    });
  }
}

/** The alert that the failure table has for it, or nothing. */
function alertOf(failure: Failure): Uint8Array {
  const { alert } = FAILURES[failure.kind];
  return alert === 0 ? NO_ANSWER : encodeAlert(alert);
}

function closedEarly(bytes: number): Failure {
  return bytes === 0
    ? { kind: "connection-empty", detail: "" }
    : { kind: "hello-truncated", detail: `${bytes} bytes came` };
}
