/** What every connection of a worker sees of its surroundings. */
import type { Cidr } from "../core/ip.ts";
import type { Listener, Snapshot } from "../core/model.ts";
import type { OpenConnection } from "../core/open-connections.ts";
import type { VirtualHostApps } from "../routing/virtual-host-apps.ts";
import type { HttpRecord, TunnelRecord } from "../telemetry/access-log.ts";
import type { ConnectionLimits } from "./connection-limits.ts";
import type { FailureLog } from "./failure-log.ts";
import type { Mirrors } from "./mirror.ts";
import type { Deadlines } from "../upstream/deadlines.ts";
import type { OwnConnections } from "../upstream/own-connections.ts";
import type { SocketMemory } from "../transport/socket-memory.ts";
import type { ServiceState } from "../upstream/service-state.ts";

/** The snapshot with what was built from it in this worker; replaced as a whole by a reload. */
export interface Runtime {
  readonly snapshot: Snapshot;
  readonly apps: VirtualHostApps;
  /** By the index of the service in the snapshot. */
  readonly services: readonly ServiceState[];
  /** The networks of each gateway's trusted proxies, by the index of the gateway. */
  readonly trustedProxies: readonly (readonly Cidr[])[];
}

/** Owned by the worker; connections only read it. */
export interface ProxyContext {
  /** The one reference to the current snapshot. A request keeps what it began with. */
  readonly runtime: () => Runtime;
  readonly deadlines: Deadlines;
  /** Written by this worker only; see metric-layout.ts. */
  readonly counters: () => Float64Array;
  /** That of the sockets to both sides. */
  readonly memory: SocketMemory;
  readonly limits: ConnectionLimits;
  /** What this box has dialled itself, for loops. */
  readonly ownConnections: OwnConnections;
  /** Monotonic milliseconds with fractions. */
  readonly now: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** A new unique id for a request. */
  readonly requestId: () => string;
  /** This box in CDN-Loop; unique to the process (RFC 8586 §2). */
  readonly boxId: string;
  readonly mirrors: Mirrors;
  /** In lower-case hexadecimal, for fingerprints. */
  readonly sha256Hex: (text: string) => string;
  readonly accessLog: AccessLog;
  /** Tells the program's own log of failures that an operator should know of, at a bounded rate. */
  readonly failureLog: FailureLog;
  /** True once the worker ends: connections close after what they are doing. */
  readonly draining: () => boolean;
}

/** Where the lines of finished requests and connections go. */
export interface AccessLog {
  http(record: HttpRecord): void;
  tunnel(record: TunnelRecord): void;
}

/** A connection that a listener accepted. */
export interface DownstreamConnection {
  /** Finish what is under way, then close; idle ones close at once. */
  drain(): void;
  /** Joined to an endpoint until one of them ends: a drain waits longer for it. */
  readonly isTunnel: boolean;
  /** Close with a reset. */
  reset(): void;
  /** What it is doing now. No effects. */
  describe(): OpenConnection;
}

/** What a connection knows of the listener that accepted it. */
export interface ListenerView {
  /** As the newest snapshot has it. */
  readonly listener: Listener;
  /** Still bound; false once a reload took it away: its connections end after what they are doing. */
  readonly open: boolean;
  /** The connection is closed and counted no more. */
  forget(connection: DownstreamConnection): void;
}

/** Adds to one counter. Effect: writes the worker's counters. */
export function addTo(context: ProxyContext, slot: number, amount: number): void {
  if (slot < 0) return;
  const counters = context.counters();
  counters[slot] = (counters[slot] ?? 0) + amount;
}
