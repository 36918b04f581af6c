/** What connections that are joined to an endpoint have in common, whether their first bytes were read or not. */
import { type Failure, failureOffset } from "../core/failure.ts";
import type { ConnectionState, OpenConnection } from "../core/open-connections.ts";
import { BYTES_IN, BYTES_OUT } from "../core/metric-layout.ts";
import type { Gateway } from "../core/model.ts";
import type { Endpoint } from "../core/service.ts";
import { RETRIES_DEFAULT, mayTryAnother } from "../core/retry.ts";
import type { UpstreamConnection } from "../upstream/connection.ts";
import type { Deadlined } from "../upstream/deadlines.ts";
import type { ProxiedClient } from "../upstream/proxied-client.ts";
import type { Socket, SocketUser } from "../transport/socket.ts";
import type { UpstreamSeeker } from "../upstream/waiting-line.ts";
import type { Accepted } from "./accepted.ts";
import { streamHash } from "./affinity.ts";
import {
  type DownstreamConnection,
  type ListenerView,
  type ProxyContext,
  addTo,
} from "./context.ts";
import { EarlyBytes } from "./early-bytes.ts";
import { LingeringEnd } from "./lingering-end.ts";
import type { RoutedStream, StreamFacts, UnroutedStream } from "./routed-stream.ts";
import { Tunnel, type TunnelOwner } from "./tunnel.ts";
import { UpstreamLink } from "./upstream-link.ts";
import { guardWarm, type WarmGuardOwner } from "./warm-guard.ts";

/** Owns the accepted socket from the first byte to `close`. */
export abstract class StreamConnection
  implements
    SocketUser,
    Deadlined,
    DownstreamConnection,
    UpstreamSeeker,
    TunnelOwner,
    WarmGuardOwner
{
  deadlineMs = Number.POSITIVE_INFINITY;
  protected readonly accepted: Accepted;
  protected readonly view: ListenerView;
  protected readonly context: ProxyContext;
  readonly #startedMs: number;
  readonly #startedAt: number;
  /** The bytes as read, until an endpoint has them. */
  readonly #early = new EarlyBytes();
  #gateway: Gateway | undefined;
  #routed: RoutedStream | undefined;
  #tried: Endpoint[] = [];
  readonly #link = new UpstreamLink(this);
  #tunnel: Tunnel | undefined;
  /** What was sent on a connection that was kept ready, as long as that may turn out dead. */
  #kept: Buffer | undefined;
  /** One did. */
  #isAnew = false;
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
  constructor(accepted: Accepted, view: ListenerView, context: ProxyContext) {
    this.accepted = accepted;
    this.view = view;
    this.context = context;
    this.#startedMs = context.now();
    this.#startedAt = context.wallClock();
    const { socket } = accepted;
    socket.user = this;
    socket.resume();
    context.deadlines.add(this);
  }

  /** What the log line says besides the common. */
  protected abstract get facts(): StreamFacts;

  /** Whom a PROXY header to the endpoint speaks of. */
  protected get proxied(): ProxiedClient {
    return this.accepted;
  }

  /** Bytes of a connection that is not routed yet, valid only during the call; they are kept. */
  protected abstract read(chunk: Buffer): void;

  /** The client is gone, or says no more, before it was routed. */
  protected abstract closedEarly(bytes: number): Failure;

  /** Whether the client's first bytes may be sent twice. */
  protected abstract mayRepeat(bytes: Buffer): boolean;

  /** How a failure is said to the client; empty = not at all. */
  protected abstract answerTo(failure: Failure): Uint8Array;

  /** How a connection without an answer is closed. */
  protected abstract closeUnanswered(failure: Failure): void;

  /** See DownstreamConnection: a tunnel lives on until the drain's limit. */
  drain(): void {
    if (this.#routed === undefined) this.refuse({ kind: "draining", detail: "" }, NO_ANSWER);
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
    this.accepted.socket.reset();
  }

  /** See DownstreamConnection. */
  describe(): OpenConnection {
    const { kind, sni } = this.facts;
    return {
      kind,
      state: this.#state,
      openedAt: this.#startedAt,
      listener: this.view.listener.id,
      client: this.accepted.client,
      gateway: this.#gateway?.name,
      host: sni,
      service: this.#routed?.service.service.name,
      endpoint: this.#tried.at(-1)?.name,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      requests: undefined,
    };
  }

  get #state(): ConnectionState {
    if (this.#end !== undefined) return "closing";
    if (this.#tunnel !== undefined) return "tunnel";
    return this.#routed === undefined ? "hello" : "connecting";
  }

  /** The first bytes, the tunnel's idleness or the wait for a refused client has reached its limit. */
  onDeadline(): void {
    if (this.#end !== undefined) this.#end.onDeadline();
    else if (this.#tunnel !== undefined) this.#onSilence(this.#tunnel);
    else this.refuse({ kind: "hello-timeout", detail: `${this.#bytesIn} bytes came` });
  }

  /** See SocketUser. */
  onBytes(bytes: Buffer): void {
    if (this.#end !== undefined) return this.#end.drop(bytes.length);
    if (this.#tunnel !== undefined) {
      this.#kept = undefined;
      return this.#tunnel.downstreamData(bytes);
    }
    this.#bytesIn += bytes.length;
    this.#early.add(bytes);
    if (this.#routed === undefined) this.read(bytes);
    else if (this.#early.isFull) this.accepted.socket.pause();
  }

  onUpstreamConnect(connection: UpstreamConnection): void {
    const routed = this.#routed;
    if (routed === undefined) return;
    if (this.#isLoop) return this.refuse(LOOP);
    const { tunnelSlots, tunnelActiveSlots } = routed.destination;
    const { socket } = this.accepted;
    this.#connectMs = connection.connectMs;
    // It may be the sibling of the one that was asked for.
    if (connection.endpoint !== this.#tried.at(-1)) this.#tried.push(connection.endpoint);
    routed.service.outcomes.connected(connection.endpoint.name);
    if (!this.#isAnew) addTo(this.context, tunnelSlots[routed.gatewayIndex] ?? -1, 1);
    addTo(this.context, tunnelActiveSlots[routed.gatewayIndex] ?? -1, 1);
    this.#tunnel = new Tunnel(socket, connection, this);
    const early = this.earlyBytes;
    this.#early.clear();
    this.#bytesIn = 0;
    if (early.length > 0) this.#tunnel.downstreamData(early);
    else this.onTunnelBytes(0, 0);
    if (!connection.socket.writableNeedDrain) socket.resume();
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

  /** See UpstreamSeeker: it is being made. */
  onUpstreamGranted(connection: UpstreamConnection): void {
    this.#link.granted(connection);
  }

  onUpstreamClose(failure: Failure): void {
    this.#link.forget();
    if (this.#over) return;
    this.#routed?.service.outcomes.failed(this.#tried.at(-1)?.name ?? "", failure);
    if (mayTryAnother(failure.kind) && this.#tried.length <= RETRIES_DEFAULT)
      this.#attempt(failure);
    else this.refuse(failure);
  }

  /** See WarmGuardOwner. */
  startAnew(): boolean {
    const kept = this.#kept;
    const routed = this.#routed;
    if (kept === undefined || routed === undefined || this.accepted.socket.destroyed) return false;
    this.#link.drop();
    this.#tunnel = undefined;
    this.#kept = undefined;
    this.#isAnew = true;
    this.onTunnelBytes(-kept.length, 0);
    addTo(this.context, routed.destination.tunnelActiveSlots[routed.gatewayIndex] ?? -1, -1);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#early.add(kept);
    this.#tried = [];
    this.#attempt(undefined);
    return true;
  }

  /** See TunnelOwner. */
  onTunnelBytes(received: number, sent: number): void {
    const routed = this.#routed;
    this.#bytesIn += received;
    this.#bytesOut += sent;
    const { tunnelIdleMs } = this.view.listener.timeouts;
    this.deadlineMs = this.context.deadlines.after(
      this.#tunnel?.waitMs(tunnelIdleMs) ?? tunnelIdleMs,
    );
    const slot = routed?.destination.byteSlots[routed.gatewayIndex] ?? -1;
    if (slot < 0) return;
    addTo(this.context, slot + BYTES_IN, received);
    addTo(this.context, slot + BYTES_OUT, sent);
  }

  onTunnelLeft(socket: Socket): void {
    this.#endGently(socket, this.view.listener.timeouts.tunnelIdleMs);
  }

  onTunnelDone(failure: Failure | undefined): void {
    const routed = this.#routed;
    addTo(this.context, routed?.destination.tunnelActiveSlots[routed.gatewayIndex] ?? -1, -1);
    this.#report(failure);
    this.#dispose();
  }

  /** Everything read so far, until an endpoint has it. */
  protected get earlyBytes(): Buffer {
    return this.#early.all;
  }

  /** It is decided where the connection goes, or that it goes nowhere. */
  protected follow(routed: RoutedStream | UnroutedStream): void {
    this.#gateway = routed.gateway;
    if (routed.kind === "failure") return this.refuse(routed.failure);
    this.#routed = routed;
    if (this.#isLoop) return this.refuse(LOOP);
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#early.bound();
    this.#attempt(undefined);
  }

  /** Says why, if there is a way to say it, and ends. */
  protected refuse(failure: Failure, answer: Uint8Array = this.answerTo(failure)): void {
    if (this.#over) return;
    const { socket } = this.accepted;
    this.#link.drop();
    this.#early.clear();
    this.#bytesOut += answer.length;
    this.#report(failure);
    if (answer.length === 0) return this.closeUnanswered(failure);
    socket.write(answer);
    this.#endGently(socket, this.view.listener.timeouts.helloMs);
  }

  #endGently(socket: Socket, flushMs: number): void {
    const { deadlines } = this.context;
    this.#end = new LingeringEnd(socket, { item: this, deadlines, flushMs });
  }

  /**
   * It comes from this box itself. Whoever dials hears of it a moment after the connection is there, which may be too
   * late for the first look; the second is taken once the next hop is made.
   */
  get #isLoop(): boolean {
    return this.context.ownConnections.includes(this.accepted.socket);
  }

  #onSilence(tunnel: Tunnel): void {
    const leftMs = tunnel.onSilence(this.view.listener.timeouts.tunnelIdleMs);
    if (leftMs !== undefined) this.deadlineMs = this.context.deadlines.after(leftMs);
  }

  #attempt(previous: Failure | undefined): void {
    const routed = this.#routed;
    if (routed === undefined) return;
    const { service, destination } = routed;
    const hash = streamHash(service.service, this.accepted.client.address);
    if (previous === undefined && !this.#isAnew && this.#startWarm(routed, hash)) return;
    const endpoint = service.pick(this.#tried, destination.subset, hash);
    if (endpoint === undefined) {
      return this.refuse(previous ?? { kind: "no-endpoint", detail: "" });
    }
    if (previous !== undefined) addTo(this.context, service.service.slots.retries, 1);
    // It asks the kernel where the client connected to.
    const isTold = service.service.proxyProtocol !== undefined;
    this.#tried.push(endpoint);
    const proxied = isTold ? this.proxied : undefined;
    const refused = this.#link.open(service, { endpoint, proxied, isHttp: false });
    if (refused !== undefined) this.refuse(refused);
  }

  /** On a connection that was kept ready; false when there is none. Who belongs to an endpoint gets only one to it. */
  #startWarm(
    { service, destination: { subset } }: RoutedStream,
    hash: number | undefined,
  ): boolean {
    const isBound = subset !== undefined || hash !== undefined;
    const wanted = isBound ? service.pick([], subset, hash) : undefined;
    if (isBound && wanted === undefined) return false;
    const connection = this.#link.takeWarm(service, wanted);
    if (connection === undefined) return false;
    const sent = this.earlyBytes;
    this.onUpstreamConnect(connection);
    this.#connectMs = undefined;
    if (this.#tunnel === undefined || this.#ended) return true;
    if (this.mayRepeat(sent)) this.#kept = Buffer.from(sent);
    guardWarm(connection, this.#tunnel, this);
    return true;
  }

  /** See SocketUser. */
  onEnd(): void {
    this.#ended = true;
    this.#kept = undefined;
    if (this.#tunnel !== undefined) this.#tunnel.downstreamEnd();
    else if (this.#routed === undefined) this.refuse(this.closedEarly(this.#bytesIn));
  }

  /** See SocketUser. */
  onDrain(): void {
    this.#tunnel?.downstreamDrain();
  }

  /** See SocketUser. */
  onClose(): void {
    if (this.#tunnel !== undefined) return this.#tunnel.downstreamClose();
    this.#link.drop();
    const closed: Failure = { kind: "client-closed", detail: "while dialling" };
    this.#report(this.#routed === undefined ? this.closedEarly(this.#bytesIn) : closed);
    this.#dispose();
  }

  #dispose(): void {
    this.context.deadlines.delete(this);
    this.view.forget(this);
  }

  #report(failure: Failure | undefined): void {
    if (this.#over) return;
    this.#over = true;
    const service = this.#routed?.service.service.name;
    const endpoint = this.#tried.at(-1)?.name;
    if (failure !== undefined) {
      this.context.failureLog.note(failure, service, endpoint);
      const block = this.#gateway?.slots.failures ?? this.view.listener.slots.failures;
      addTo(this.context, block + failureOffset(failure.kind), 1);
    }
    this.context.accessLog.tunnel({
      ...this.facts,
      time: this.#startedAt,
      gateway: this.#gateway?.name,
      client: this.accepted.clientName,
      durationMs: this.context.now() - this.#startedMs,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      service,
      endpoint,
      failure: failure?.kind,
      connectMs: this.#connectMs,
    });
  }
}

const LOOP: Failure = { kind: "loop", detail: "this box has made the connection itself" };
const NO_ANSWER = new Uint8Array(0);
