/** The running box: what all parts of the control plane together are and can do. */
import type { MetricLayout } from "../core/metric-layout.ts";
import type { Snapshot } from "../core/model.ts";
import type { Endpoint } from "../core/service.ts";
import type { DrainReport, ReadinessView, ReloadReport } from "../core/views.ts";
import { parseEndpointFile } from "../config/endpoint-file.ts";
import { type Discovery, createDiscovery } from "../discovery/discovery.ts";
import { createStartCheck } from "../health/start-check.ts";
import type { Logger } from "../telemetry/log.ts";
import type { LineOutput } from "../telemetry/stdout.ts";
import type { ConfigSource } from "./config-source.ts";
import { HEALTH_CLOCK } from "./health-clock.ts";
import { HealthRegistry } from "./health-registry.ts";
import { logFindings } from "./log-findings.ts";
import { describeBindProblem, probeListeners } from "./probe.ts";
import { diffSnapshots, fixedDifferences } from "./snapshot-diff.ts";
import { type PublishProblem, Supervisor } from "./supervisor.ts";
import type { SystemdNotifier } from "./systemd.ts";

/** How long the first answers of names are waited for before the box serves without them. */
const FIRST_ANSWERS_MS = 1000;

/** The program, for people and metrics. */
export interface BuildInfo {
  readonly version: string;
  readonly commit: string;
  readonly runtime: string;
}

/** What the box works with. */
export interface BoxOptions {
  readonly source: ConfigSource;
  readonly buildInfo: BuildInfo;
  readonly workerSource: string;
  readonly log: Logger;
  readonly stdout: LineOutput;
  readonly systemd: SystemdNotifier;
  readonly layout: MetricLayout;
}

/** Owns the supervisor, discovery and health, and says which snapshot is served. */
export class Box {
  readonly supervisor: Supervisor;
  readonly discovery: Discovery;
  readonly health: HealthRegistry;
  readonly buildInfo: BuildInfo;
  readonly layout: MetricLayout;
  readonly startedAt = new Date().toISOString();
  readonly #options: BoxOptions;
  #snapshot: Snapshot;
  #reloads = { success: 0, failure: 0 };
  #reloading: Promise<unknown> = Promise.resolve();
  #draining = false;
  readonly #drained: Promise<void>;
  readonly #resolveDrained: () => void;
  #wasReady = false;
  /** Services whose endpoints changed while a reload goes on; undefined = none goes on. */
  #held: Set<string> | undefined;

  /** Effect: starts the worker threads and the lookups, so that both go on while addresses are probed. */
  constructor(snapshot: Snapshot, workers: number, options: BoxOptions) {
    this.#options = options;
    this.#snapshot = snapshot;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = promise;
    this.#resolveDrained = resolve;
    this.buildInfo = options.buildInfo;
    this.layout = options.layout;
    const { log } = options;
    this.health = new HealthRegistry({
      clock: HEALTH_CLOCK,
      random: Math.random,
      startCheck: createStartCheck(),
      publish: (service, table) => this.supervisor.sendHealth(service, table),
      log: (level, message, fields) => log[level](message, fields),
    });
    this.supervisor = new Supervisor({
      workerSource: options.workerSource,
      layout: options.layout,
      log,
      stdout: options.stdout,
      endpoints: () => this.discovery.endpoints(),
      health: () => this.health.tables(),
      outcomes: (worker, rows) => this.health.takeErrors(worker, rows),
      died: (worker) => this.health.forgetWorker(worker),
      changed: () => this.#tellReadiness(),
    });
    this.discovery = createDiscovery({
      publish: (service, endpoints) => this.#publishEndpoints(service, endpoints),
      log: (level, message, fields) => log[level](message, fields),
      parseEndpoints: parseEndpointFile,
    });
    this.supervisor.start(workers);
    this.discovery.apply(snapshot.services, snapshot.dnsServers);
  }

  /** The snapshot that is served. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Reloads since the start, by result. */
  get reloads(): { readonly success: number; readonly failure: number } {
    return this.#reloads;
  }

  /** Binds everything; resolves to sentences about what could not be bound, and then nothing listens. */
  async open(): Promise<readonly string[]> {
    const { services, listeners } = this.#snapshot;
    const [problems] = await Promise.all([
      probeListeners(listeners),
      this.discovery.settled(services, FIRST_ANSWERS_MS),
    ]);
    const found = problems.length > 0 ? problems : await this.supervisor.publish(this.#snapshot);
    if (found.length === 0) this.health.apply(services, this.discovery.endpoints());
    return found.map((problem) => describe(problem, this.#snapshot));
  }

  /** Reads, checks and compiles the file, and swaps only if all of it is right. One at a time. */
  reload(): Promise<ReloadReport> {
    const next = this.#reloading.then(() => this.#reload());
    this.#reloading = next.catch((error: unknown) => {
      this.#options.log.error("a reload broke off", { error: String(error) });
    });
    return next;
  }

  /** See ReadinessView. */
  readiness(): ReadinessView {
    const reason = this.#notReadyBecause();
    return {
      ready: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      version: this.buildInfo.version,
      pid: process.pid,
      started_at: this.startedAt,
      snapshot_version: this.#snapshot.version,
      workers: this.supervisor.count,
    };
  }

  /** Begins to drain, once; `whenDrained` tells of the end. */
  drain(): DrainReport {
    const { delayMs, requestsMs, tunnelsMs } = this.#snapshot.drain;
    if (!this.#draining) {
      this.#draining = true;
      void this.#drain().then(this.#resolveDrained);
    }
    return { draining: true, delay_ms: delayMs, requests_ms: requestsMs, tunnels_ms: tunnelsMs };
  }

  /** Resolves when a drain, whoever began it, is over. */
  get whenDrained(): Promise<void> {
    return this.#drained;
  }

  /** Stops lookups and checks; what they said stays readable. */
  close(): void {
    this.discovery.close();
    this.health.close();
  }

  async #drain(): Promise<void> {
    const { drain } = this.#snapshot;
    const { delayMs, requestsMs, tunnelsMs } = drain;
    const limits = { delay_ms: delayMs, requests_ms: requestsMs, tunnels_ms: tunnelsMs };
    this.#options.log.info("draining", limits);
    this.#options.systemd.notify({ state: "stopping", status: "draining" });
    // Unreferenced: a second stop signal ends the threads, and then this must not keep the process.
    if (drain.delayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, drain.delayMs).unref());
    }
    await this.supervisor.drain(drain);
    this.close();
  }

  async #reload(): Promise<ReloadReport> {
    const { log, systemd } = this.#options;
    const before = this.#snapshot;
    if (this.#draining) return this.#refuseReload([], "the box is draining");
    systemd.notify({ state: "reloading" });
    const checked = await this.#options.source.check(before.version + 1);
    if (checked.snapshot === undefined) return this.#refuseReload(checked.findings, checked.error);
    const after = checked.snapshot;
    const error = await this.#swap(before, after);
    if (error !== undefined) return this.#refuseReload(checked.findings, error);
    log.reconfigure(after.log);
    const changes = [...diffSnapshots(before, after), ...fixedDifferences(before, after)];
    this.#reloads = { ...this.#reloads, success: this.#reloads.success + 1 };
    log.info("reloaded", { version: after.version, changes: changes.length });
    for (const change of changes) log.info("reload", { change });
    logFindings(checked.findings, log);
    systemd.notify({ state: "ready", status: `serving snapshot ${after.version}` });
    return { ok: true, version: after.version, changes, findings: checked.findings };
  }

  /** Resolves to why it could not be done; then nothing has changed. */
  async #swap(before: Snapshot, after: Snapshot): Promise<string | undefined> {
    // A port that this box has under another address would be found in use by itself; the workers bind beside it.
    const ours = new Set(before.listeners.map(({ address }) => address.port));
    const fresh = after.listeners.filter(({ address }) => !ours.has(address.port));
    const unusable = await probeListeners(fresh);
    if (unusable.length > 0) return describeAll(unusable, after);
    const held = new Set<string>();
    this.#held = held;
    try {
      this.discovery.apply(after.services, after.dnsServers);
      await this.discovery.settled(after.services, FIRST_ANSWERS_MS);
      const problems = await this.supervisor.publish(after);
      if (problems.length > 0) return describeAll(problems, after);
      this.#snapshot = after;
      this.health.apply(after.services, this.discovery.endpoints());
      return undefined;
    } finally {
      const { services, dnsServers } = this.#snapshot;
      if (this.#snapshot === before) this.discovery.apply(services, dnsServers);
      this.#held = undefined;
      const sets = this.discovery.endpoints();
      for (const service of held) this.#publishEndpoints(service, sets[service] ?? []);
    }
  }

  #refuseReload(findings: ReloadReport["findings"], error: string | undefined): ReloadReport {
    const { log, systemd } = this.#options;
    const { version } = this.#snapshot;
    this.#reloads = { ...this.#reloads, failure: this.#reloads.failure + 1 };
    logFindings(findings, log);
    log.error("reload refused, nothing has changed", {
      version,
      errors: findings.filter(({ severity }) => severity === "error").length,
      ...(error === undefined ? {} : { error }),
    });
    systemd.notify({ state: "ready", status: "reload refused; the old configuration serves on" });
    return { ok: false, version, findings, ...(error === undefined ? {} : { error }) };
  }

  /** While a reload goes on, workers still serve the old snapshot: they hear of endpoints when it is decided. */
  #publishEndpoints(service: string, endpoints: readonly Endpoint[]): void {
    if (this.#held !== undefined) {
      this.#held.add(service);
      return;
    }
    this.health.setEndpoints(service, endpoints);
    this.supervisor.sendEndpoints(service, endpoints);
    this.#options.log.debug("endpoints", { service, count: endpoints.length });
  }

  #notReadyBecause(): string | undefined {
    if (this.#draining) return "the box is draining";
    if (this.supervisor.allServing) return undefined;
    return `${this.supervisor.servingCount} of ${this.supervisor.count} workers serve`;
  }

  /** systemd hears once that the box is ready; later changes are for /readyz. */
  #tellReadiness(): void {
    if (this.#wasReady || !this.supervisor.allServing) return;
    this.#wasReady = true;
    this.#options.systemd.notify({ state: "ready", status: "serving" });
  }
}

function describeAll(problems: readonly PublishProblem[], snapshot: Snapshot): string {
  return problems.map((problem) => describe(problem, snapshot)).join("; ");
}

function describe(problem: PublishProblem, snapshot: Snapshot): string {
  return "worker" in problem
    ? `worker ${problem.worker} died while it took the configuration over; its log says why`
    : describeBindProblem(problem, snapshot);
}
