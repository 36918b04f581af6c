/** The one truth about which endpoints may be used: checks, answers and what is out by hand, merged and published. */
import type { EndpointCondition } from "../core/endpoint-condition.ts";
import type { CheckResult } from "../core/health-check.ts";
import type { ErrorRow } from "../core/health-outlier.ts";
import type { LogLevel } from "../core/model.ts";
import { failed, type Result, success } from "../core/result.ts";
import type {
  Endpoint,
  EndpointSets,
  EndpointState,
  HealthTable,
  HealthTables,
  Service,
} from "../core/service.ts";
import type { StartCheck } from "../health/check-task.ts";
import type { HealthClock } from "../health/clock.ts";
import { HealthChecker } from "../health/health-checker.ts";
import { ManualOuts } from "./manual-outs.ts";
import { type HealthChange, ServiceHealth } from "./service-health.ts";
import { Throttle } from "./throttle.ts";

/** What the registry works with. */
export interface HealthRegistryOptions {
  readonly clock: HealthClock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly startCheck: StartCheck;
  /** The workers are to know. */
  readonly publish: (service: string, table: HealthTable) => void;
  readonly log: (
    level: LogLevel,
    message: string,
    fields: Readonly<Record<string, string | number>>,
  ) => void;
}

/** One endpoint that is taken out of service by hand, or put back. */
export interface ManualChange {
  readonly service: string;
  /** The endpoint's name. */
  readonly address: string;
  readonly out: boolean;
}

/** What became of it. */
export interface ManualResult {
  /** False = it was so already. */
  readonly changed: boolean;
  /** Of the endpoint now; it may be put back and unhealthy. Undefined = the service does not have it now. */
  readonly state: EndpointState | undefined;
  /** Endpoints of the service that are not out by hand. */
  readonly left: number;
}

/** A service whose endpoints change one by one tells so at most so often: each time its whole table is sent. */
const PUBLISH_MS = 100;
/** Services or addresses that a refusal or a log line names. */
const NAMED_MAX = 10;

const MESSAGES: Readonly<Record<EndpointState, string>> = {
  healthy: "an endpoint is in use again",
  unhealthy: "an endpoint is unhealthy",
  ejected: "an endpoint is ejected",
  out: "an endpoint is taken out",
};

/** Owned by the control plane, which alone writes health. */
export class HealthRegistry {
  readonly #options: HealthRegistryOptions;
  readonly #checker: HealthChecker;
  readonly #services = new Map<string, ServiceHealth>();
  readonly #outs = new ManualOuts();
  readonly #publisher: Throttle;
  readonly #sweeps = new Map<string, unknown>();

  constructor(options: HealthRegistryOptions) {
    this.#options = options;
    const { clock, random, startCheck, publish, log } = options;
    this.#publisher = new Throttle(clock, PUBLISH_MS, (service) =>
      publish(service, this.#tableOf(service)),
    );
    this.#checker = new HealthChecker({
      clock,
      random,
      start: startCheck,
      report: (service, endpoint, result) => this.#takeCheck(service, endpoint, result),
      late: (service, waitedMs) =>
        log("warning", "health checks are late: too many endpoints do not answer in time", {
          service,
          waited_ms: Math.round(waitedMs),
        }),
      unable: (service) =>
        log("error", "no health check can be made: descriptors, ports or memory are short", {
          service,
        }),
    });
  }

  /** From now on these services count, with these endpoints: the start, or a reload. What is known of them stays. */
  apply(services: readonly Service[], sets: EndpointSets): void {
    const names = new Set(services.map(({ name }) => name));
    for (const name of this.#services.keys()) if (!names.has(name)) this.#forget(name);
    for (const service of services) {
      const known = this.#services.get(service.name);
      const endpoints = sets[service.name] ?? [];
      if (known === undefined) this.#begin(service, endpoints);
      else this.#update(known, service, endpoints);
    }
  }

  /** The endpoints of one service are others now. To be called before the workers are told of them. */
  setEndpoints(service: string, endpoints: readonly Endpoint[]): void {
    const health = this.#services.get(service);
    if (health === undefined) return;
    const wasPlain = health.table().size === 0;
    health.setEndpoints(endpoints);
    this.#watch(health, false);
    if (!wasPlain || health.table().size > 0) this.#publisher.now(service);
  }

  /** All tables that say anything, for a worker that gets a snapshot. */
  tables(): HealthTables {
    const names = new Set([...this.#services.keys(), ...this.#outs.services]);
    const tables = Array.from(names, (name) => [name, this.#tableOf(name)] as const);
    return Object.fromEntries(tables.filter(([, table]) => Object.keys(table).length > 0));
  }

  /** Errors in a row as one worker has counted them. */
  takeErrors(worker: number, rows: readonly ErrorRow[]): void {
    for (const [service, ofService] of Map.groupBy(rows, ({ service }) => service)) {
      const health = this.#services.get(service);
      if (health === undefined) continue;
      this.#note(
        health,
        ofService.flatMap(({ endpoint, errors }) => health.takeErrors(worker, endpoint, errors)),
      );
      this.#planSweep(health);
    }
  }

  /** A worker died: what it had counted is forgotten. */
  forgetWorker(worker: number): void {
    for (const health of this.#services.values()) health.forgetWorker(worker);
  }

  /** Remembered until the process ends. The error is a sentence: there is no such service or address. */
  setOut({ service, address, out }: ManualChange): Result<ManualResult, string> {
    const health = this.#services.get(service);
    const isKnown = health?.has(address) === true || this.#outs.of(service).has(address);
    if (!isKnown) return failed(this.#unknown(service, address));
    const changed = this.#outs.set(service, address, out);
    if (!changed.ok) return changed;
    const names = this.#outs.of(service);
    if (health !== undefined) this.#note(health, health.setOut(names, "by hand"));
    this.#publisher.now(service);
    const conditions = this.conditions(service);
    return success({
      changed: changed.value,
      state: conditions.find(({ endpoint }) => endpoint.name === address)?.state,
      left: conditions.filter(({ endpoint }) => !names.has(endpoint.name)).length,
    });
  }

  /** What is known of the endpoints of a service; empty for an unknown one. */
  conditions(service: string): readonly EndpointCondition[] {
    return this.#services.get(service)?.conditions() ?? [];
  }

  /** Addresses out by hand that the service does not have now. */
  absentOuts(service: string): readonly string[] {
    const health = this.#services.get(service);
    return [...this.#outs.of(service)].filter((name) => health?.has(name) !== true);
  }

  /** Stops checks and timers. What is known stays readable. */
  close(): void {
    this.#checker.close();
    this.#publisher.close();
    for (const timer of this.#sweeps.values()) this.#options.clock.clear(timer);
    this.#sweeps.clear();
  }

  #begin(service: Service, endpoints: readonly Endpoint[]): void {
    const health = new ServiceHealth(service, this.#options.clock);
    this.#services.set(service.name, health);
    health.setOut(this.#outs.of(service.name), "by hand");
    health.setEndpoints(endpoints);
    this.#watch(health, true);
  }

  #update(health: ServiceHealth, service: Service, endpoints: readonly Endpoint[]): void {
    const { name } = service;
    const before = health.service;
    const anew = !asksTheSame(before, service);
    const wasPlain = health.table().size === 0;
    health.setEndpoints(endpoints);
    this.#log(name, health.update(service, anew));
    this.#watch(health, anew);
    if (!wasPlain || health.table().size > 0) this.#publisher.now(name);
    // The next look stays when it is: reloads that follow each other must not put it off for ever.
    if (before.outlier?.intervalMs !== service.outlier?.intervalMs) this.#cancelSweep(name);
    this.#planSweep(health);
  }

  #forget(name: string): void {
    this.#checker.forget(name);
    this.#publisher.forget(name);
    this.#cancelSweep(name);
    this.#services.delete(name);
    const out = [...this.#outs.of(name)];
    if (out.length === 0) return;
    this.#options.log("warning", "a service is gone whose endpoints were taken out by hand", {
      service: name,
      endpoints: listed(out),
    });
  }

  #watch({ service, endpoints }: ServiceHealth, anew: boolean): void {
    const { name, tls, proxyProtocol, healthCheck } = service;
    if (healthCheck === undefined) this.#checker.forget(name);
    else this.#checker.watch({ name, tls, proxyProtocol, policy: healthCheck }, endpoints, anew);
  }

  #takeCheck(service: string, endpoint: string, result: CheckResult): void {
    const health = this.#services.get(service);
    if (health !== undefined) this.#note(health, health.takeCheck(endpoint, result));
  }

  /** Says what has changed, and lets the workers know of it soon. */
  #note(health: ServiceHealth, changes: readonly HealthChange[]): void {
    if (changes.length === 0) return;
    this.#log(health.service.name, changes);
    this.#publisher.soon(health.service.name);
  }

  #log(service: string, changes: readonly HealthChange[]): void {
    for (const { endpoint, from, to, because } of changes) {
      const level = to === "unhealthy" || to === "ejected" ? "warning" : "info";
      this.#options.log(level, MESSAGES[to], { service, endpoint, was: from, because });
    }
  }

  /** The next look at who may come back, if there is anybody to look at. */
  #planSweep(health: ServiceHealth): void {
    const { name, outlier } = health.service;
    if (outlier === undefined || this.#sweeps.has(name) || !health.needsSweep) return;
    const look = (): void => {
      this.#sweeps.delete(name);
      this.#note(health, health.sweep());
      this.#planSweep(health);
    };
    this.#sweeps.set(name, this.#options.clock.set(look, outlier.intervalMs));
  }

  #cancelSweep(name: string): void {
    this.#options.clock.clear(this.#sweeps.get(name));
    this.#sweeps.delete(name);
  }

  /** Of a service that is not there what is out by hand is known all the same: it may be about to come back. */
  #tableOf(service: string): HealthTable {
    const known = this.#services.get(service)?.table() ?? new Map();
    const sinceMs = this.#options.clock.now();
    const absent = this.absentOuts(service).map(
      (name) => [name, { state: "out", sinceMs }] as const,
    );
    return Object.fromEntries([...known, ...absent]);
  }

  #unknown(service: string, address: string): string {
    const health = this.#services.get(service);
    if (health === undefined) {
      return `there is no service ${service}; there are ${listed([...this.#services.keys()])}`;
    }
    const names = health.endpoints.map(({ name }) => name);
    const known = names.length === 0 ? "it has none now" : `it has ${listed(names)}`;
    return `service ${service} has no endpoint ${address}; ${known}`;
  }
}

/** Whether what is known by checks of the one holds for the other. */
function asksTheSame(before: Service, after: Service): boolean {
  return asked(before) === asked(after);
}

function asked({ healthCheck, tls, proxyProtocol }: Service): string {
  return JSON.stringify([healthCheck, tls, proxyProtocol]);
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).join(", ");
  return names.length > NAMED_MAX ? `${shown} and ${names.length - NAMED_MAX} more` : shown;
}
