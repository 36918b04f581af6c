/** Composition root of a data-plane thread: applies snapshots, owns listeners, services and counters. */
import { performance } from "node:perf_hooks";
import { type Cidr, parseCidr } from "../core/ip.ts";
import type { DrainSettings, Snapshot } from "../core/model.ts";
import type { Endpoint, HealthTable } from "../core/service.ts";
import type { FromWorker, ToWorker, WorkerStart } from "../core/messages.ts";
import type { EndpointLoads } from "../core/endpoint-loads.ts";
import {
  type ConnectionsQuery,
  isAskedFor,
  type OpenConnection,
  pageOf,
} from "../core/open-connections.ts";
import { PoolSignals } from "../core/pool-signals.ts";
import { SharedCounts } from "../core/shared-counts.ts";
import type { ProxyContext, Runtime } from "../proxy/context.ts";
import { ConnectionLimits } from "../proxy/connection-limits.ts";
import { FailureLog } from "../proxy/failure-log.ts";
import { Mirrors } from "../proxy/mirror.ts";
import { VirtualHostApps } from "../routing/virtual-host-apps.ts";
import type { UpstreamContext } from "../upstream/connection.ts";
import { Deadlines } from "../upstream/deadlines.ts";
import { OutcomeReporter } from "../upstream/outcome-reporter.ts";
import { BoxAuthorities } from "../upstream/endpoint-tls.ts";
import { OwnConnections } from "../upstream/own-connections.ts";
import { SocketMemory } from "../transport/socket-memory.ts";
import { SharedPools } from "../upstream/shared-pools.ts";
import { ServiceState } from "../upstream/service-state.ts";
import { BatchedAccessLog } from "./batched-access-log.ts";
import { ListenerSet } from "./listener-set.ts";
import { sha256Hex } from "./sha256.ts";

/** How often a draining worker looks whether its connections are gone. */
const DRAIN_TICK_MS = 20;

/** Connections that are looked at before others have a turn: that takes about a millisecond. */
const LOOKED_AT_ONCE = 500;

interface Prepared {
  readonly snapshot: Snapshot;
  readonly counters: SharedArrayBuffer;
  readonly endpoints: Map<string, readonly Endpoint[]>;
  readonly health: Map<string, HealthTable>;
}

/** Sends a message to the main thread. */
export type Post = (message: FromWorker) => void;

/** One for each thread. Holds the one reference to the current snapshot. */
export class WorkerBox {
  readonly #post: Post;
  readonly #index: number;
  readonly #services = new Map<string, ServiceState>();
  readonly #listeners: ListenerSet;
  readonly #accessLog: BatchedAccessLog;
  readonly #upstream: UpstreamContext;
  readonly #ownConnections: OwnConnections;
  #runtime: Runtime | undefined;
  #counters: Float64Array = new Float64Array(0);
  #prepared: Prepared | undefined;
  #draining = false;

  /** Effect: none before the first message. */
  constructor(start: WorkerStart, post: Post, deadlines = new Deadlines(monotonicMs)) {
    this.#index = start.index;
    this.#post = post;
    const now = deadlines.clock;
    const counters = (): Float64Array => this.#counters;
    const { index, workers, boxId: seed } = start;
    const counts = new SharedCounts(start.counts, { index, workers, seed });
    const ownConnections = new OwnConnections(counts);
    this.#ownConnections = ownConnections;
    const memory = new SocketMemory();
    const outcomes = new OutcomeReporter({
      tell: (rows) => post({ type: "outcomes", rows }),
      now,
      after: (callback, delayMs) => void setTimeout(callback, delayMs).unref(),
    });
    const pools = new SharedPools(counts, new PoolSignals(start.signals, index));
    const authorities = new BoxAuthorities();
    const wallClock = Date.now;
    const random = Math.random;
    this.#upstream = {
      deadlines,
      counters,
      now,
      wallClock,
      random,
      memory,
      ownConnections,
      outcomes,
      pools,
      authorities,
    };
    this.#accessLog = new BatchedAccessLog(post);
    const context: ProxyContext = {
      runtime: () => this.#current(),
      deadlines,
      counters,
      now,
      memory,
      wallClock,
      random,
      requestId: () => crypto.randomUUID(),
      boxId: start.boxId,
      limits: new ConnectionLimits(counts, start.descriptorsAllow),
      ownConnections,
      mirrors: new Mirrors(deadlines),
      sha256Hex,
      accessLog: this.#accessLog,
      failureLog: new FailureLog(
        (level, message, fields) => post({ type: "log", level, message, fields }),
        now,
      ),
      draining: () => this.#draining,
    };
    this.#listeners = new ListenerSet(context);
  }

  /** Of all listeners, open now. */
  get connections(): number {
    return this.#listeners.active;
  }

  /** Acts on one message of the main thread. */
  handle(message: ToWorker): void {
    switch (message.type) {
      case "prepare":
        void this.#prepare(message);
        return;
      case "commit":
        this.#commit(message.version);
        return;
      case "abort":
        this.#listeners.abort();
        this.#prepared = undefined;
        return;
      case "endpoints":
        this.#prepared?.endpoints.set(message.service, message.endpoints);
        this.#services.get(message.service)?.setEndpoints(message.endpoints);
        return;
      case "health":
        this.#prepared?.health.set(message.service, message.health);
        this.#services.get(message.service)?.setHealth(message.health);
        return;
      case "drain":
        this.#drain(message.settings);
        return;
      case "reopen-logs":
        this.#accessLog.reopen();
        return;
      case "connections":
        void this.#tellConnections(message.id, message.query);
        return;
      case "loads":
        this.#post({ type: "loads", id: message.id, loads: this.#loads() });
        return;
      default:
        return;
    }
  }

  async #prepare({
    snapshot,
    endpoints,
    health,
    counters,
  }: Extract<ToWorker, { type: "prepare" }>): Promise<void> {
    this.#prepared = {
      snapshot,
      counters,
      endpoints: new Map(Object.entries(endpoints)),
      health: new Map(Object.entries(health)),
    };
    const problems = await this.#listeners.prepare(snapshot.listeners);
    this.#post({ type: "prepared", version: snapshot.version, problems });
  }

  /** The swap: everything that can fail has been done before. */
  #commit(version: number): void {
    const prepared = this.#prepared;
    if (prepared?.snapshot.version !== version) return;
    this.#prepared = undefined;
    const { snapshot } = prepared;
    this.#adoptCounters(prepared.counters);
    this.#accessLog.configure(snapshot.accessLog);
    this.#runtime = {
      snapshot,
      apps: new VirtualHostApps(snapshot.virtualHosts),
      services: this.#adoptServices(prepared),
      trustedProxies: snapshot.gateways.map(({ trustedProxies }) => parseCidrs(trustedProxies)),
    };
    this.#ownConnections.ports = new Set(snapshot.listeners.map(({ address }) => address.port));
    this.#listeners.commit(snapshot.listeners);
    if (this.#draining) this.#listeners.close();
    this.#post({ type: "committed", version });
  }

  /** A larger memory takes over what was counted: a slot means the same in both. */
  #adoptCounters(memory: SharedArrayBuffer): void {
    if (this.#counters.buffer === memory) return;
    const next = new Float64Array(memory);
    next.set(this.#counters);
    this.#counters = next;
  }

  #adoptServices(prepared: Prepared): readonly ServiceState[] {
    const { snapshot, endpoints, health } = prepared;
    const states = snapshot.services.map((service) => {
      const state =
        this.#services.get(service.name) ?? new ServiceState(this.#upstream, service, this.#index);
      state.update(service, snapshot.labels["zone"]);
      state.setHealth(health.get(service.name) ?? {});
      state.setEndpoints(endpoints.get(service.name) ?? []);
      return state;
    });
    const kept = new Set(states);
    for (const state of this.#services.values()) if (!kept.has(state)) state.close();
    this.#services.clear();
    for (const state of states) this.#services.set(state.service.name, state);
    return states;
  }

  #loads(): EndpointLoads {
    const loads = [...this.#services].map(([name, state]) => [name, state.loads] as const);
    return new Map(loads.filter(([, ofService]) => ofService.size > 0));
  }

  /** Stop accepting → finish requests → wait for tunnels up to the limit → reset. */
  #drain(settings: DrainSettings): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#listeners.close();
    const { now } = this.#upstream;
    const startedMs = now();
    const timer = setInterval(() => {
      const passedMs = now() - startedMs;
      if (passedMs >= settings.requestsMs) this.#listeners.reset("requests");
      if (passedMs >= settings.tunnelsMs) this.#listeners.reset("tunnels");
      if (this.#listeners.active > 0) return;
      clearInterval(timer);
      void this.#finish();
    }, DRAIN_TICK_MS);
  }

  /** Takes turns with the traffic, which tens of thousands of connections would hold up for tens of milliseconds. */
  async #tellConnections(id: number, query: ConnectionsQuery): Promise<void> {
    const found: OpenConnection[] = [];
    let looked = 0;
    for (const connection of this.#listeners.describe()) {
      if (isAskedFor(connection, query)) found.push(connection);
      looked += 1;
      if (looked % LOOKED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#post({ type: "connections", id, page: pageOf(found, query) });
  }

  async #finish(): Promise<void> {
    for (const state of this.#services.values()) state.close();
    await this.#accessLog.close();
    this.#post({ type: "drained" });
  }

  #current(): Runtime {
    if (this.#runtime === undefined) throw new Error("a connection before the first snapshot");
    return this.#runtime;
  }
}

function monotonicMs(): number {
  return performance.now();
}

/** The schema lets only networks through. */
function parseCidrs(texts: readonly string[]): readonly Cidr[] {
  return texts.map(parseCidr).filter((cidr) => cidr !== undefined);
}
