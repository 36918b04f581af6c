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
import {
  type DownstreamConnection,
  type ListenerView,
  type ProxyContext,
  addTo,
} from "./context.ts";
import { type RoutedTls, routeTls } from "./route-tls.ts";
import { Tunnel, type TunnelOwner } from "./tunnel.ts";

/** What a client may send while the endpoint is being dialled: Node notices a closed socket only while it reads. */
const EARLY_BYTES_MAX = 16 * 1024;
/** How long a refused client may go on sending before the connection is cut, so that it sees the alert. */
const LINGER_MS = 1000;

const HTTP_ANSWER =
  "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 32\r\nConnection: close\r\n\r\n" +
  "This is the TLS port: use https\n";

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
  #ended = false;
  /** The log line is written; what still comes is dropped. */
  #over = false;

  /** Effect: reads from now on. The socket must be fresh from `accept`, half-open allowed. */
  constructor(socket: Socket, view: ListenerView, context: ProxyContext) {
    this.#socket = socket;
    this.#view = view;
    this.#context = context;
    socket.on("error", () => this.#dropEarly());
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
    if (this.#hello === undefined && !this.#over) this.#refuse({ kind: "draining", detail: "" }, 0);
  }

  /** See DownstreamConnection. */
  get isTunnel(): boolean {
    return this.#tunnel !== undefined;
  }

  /** See DownstreamConnection. */
  reset(): void {
    if (this.#tunnel === undefined) this.#socket.resetAndDestroy();
    else this.#tunnel.cut({ kind: "draining", detail: "time limit of the drain" });
  }

  /** The hello, the tunnel's idleness or the wait for a refused client has reached its limit. */
  onDeadline(): void {
    if (this.#over) this.#socket.destroy();
    else if (this.#tunnel !== undefined) this.#tunnel.cut({ kind: "tunnel-idle", detail: "" });
    else this.#refuse({ kind: "hello-timeout", detail: `${this.#bytesIn} bytes came` }, 0);
  }

  onUpstreamConnect(connection: UpstreamConnection): void {
    const routed = this.#routed;
    if (routed === undefined) return;
    const { tunnelSlots, tunnelActiveSlots } = routed.destination;
    this.#connectMs = connection.connectMs;
    addTo(this.#context, tunnelSlots[routed.gatewayIndex] ?? -1, 1);
    addTo(this.#context, tunnelActiveSlots[routed.gatewayIndex] ?? -1, 1);
    this.#tunnel = new Tunnel(this.#socket, connection, this);
    const early = this.#early.length === 1 ? this.#early[0] : Buffer.concat(this.#early);
    this.#early = [];
    this.#bytesIn = 0;
    if (early !== undefined) this.#tunnel.downstreamData(early);
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
    else this.#refuse(failure, FAILURES[failure.kind].alert);
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

  onTunnelDone(failure: Failure | undefined): void {
    const routed = this.#routed;
    addTo(this.#context, routed?.destination.tunnelActiveSlots[routed.gatewayIndex] ?? -1, -1);
    this.#report(failure);
  }

  #onData(chunk: Buffer): void {
    if (this.#over) return;
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamData(chunk);
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    this.#bytesIn += chunk.length;
    if (this.#hello !== undefined) {
      if (this.#earlyBytes >= EARLY_BYTES_MAX) this.#socket.pause();
      return;
    }
    const result = this.#reader.push(chunk);
    if (result.kind === "refused") this.#refuseHello(result);
    else if (result.kind === "hello") this.#route(result.hello);
  }

  #route(hello: ClientHello): void {
    this.#hello = hello;
    const routed = routeTls(this.#context, this.#view.listener, hello);
    this.#gateway = routed.gateway;
    if (routed.kind === "failure") {
      return this.#refuse(routed.failure, FAILURES[routed.failure.kind].alert);
    }
    this.#routed = routed;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#earlyBytes = 0;
    this.#attempt(undefined);
  }

  #attempt(previous: Failure | undefined): void {
    const service = this.#routed?.service;
    const endpoint = service?.pick(this.#tried);
    if (service === undefined || endpoint === undefined) {
      const failure = previous ?? { kind: "no-endpoint" as const, detail: "" };
      return this.#refuse(failure, FAILURES[failure.kind].alert);
    }
    if (previous !== undefined) addTo(this.#context, service.service.slots.retries, 1);
    this.#tried.push(endpoint);
    this.#upstream = service.dial(endpoint, this);
  }

  #refuseHello(result: HelloRefused): void {
    const failure = { kind: result.failure, detail: result.detail };
    if (result.protocol === "http") this.#refuse(failure, 0, HTTP_ANSWER);
    else this.#refuse(failure, result.protocol === "tls" ? result.alert : 0);
  }

  /** Says why in one alert, if there is one, and ends: reads on for a moment so that the client sees it. */
  #refuse(failure: Failure, alert: number, answer?: string): void {
    if (this.#over) return;
    this.#upstream?.destroy();
    this.#upstream = undefined;
    this.#dropEarly();
    const bytes =
      answer === undefined ? encodeAlertOrNothing(alert) : Buffer.from(answer, "latin1");
    this.#bytesOut += bytes.length;
    this.#report(failure);
    this.deadlineMs = this.#context.deadlines.after(LINGER_MS);
    if (bytes.length === 0) this.#socket.destroy();
    else this.#socket.end(bytes);
    this.#socket.resume();
  }

  #dropEarly(): void {
    this.#early = [];
  }

  #onEnd(): void {
    this.#ended = true;
    if (this.#over) return;
    if (this.#tunnel !== undefined) this.#tunnel.downstreamEnd();
    else if (this.#hello === undefined) this.#refuse(closedEarly(this.#bytesIn), 0);
  }

  #onClose(): void {
    this.#context.deadlines.delete(this);
    if (this.#tunnel !== undefined) this.#tunnel.downstreamClose();
    else if (!this.#over) {
      this.#upstream?.destroy();
      const closed: Failure = { kind: "client-closed", detail: "while dialling" };
      this.#report(this.#hello === undefined ? closedEarly(this.#bytesIn) : closed);
    }
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

function encodeAlertOrNothing(alert: number): Uint8Array {
  return alert === 0 ? new Uint8Array(0) : encodeAlert(alert);
}

function closedEarly(bytes: number): Failure {
  return bytes === 0
    ? { kind: "connection-empty", detail: "" }
    : { kind: "hello-truncated", detail: `${bytes} bytes came` };
}
