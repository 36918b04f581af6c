/** What is known of the endpoints of one service: by checks, by their answers, and by hand. */
import {
  type CheckResult,
  type CheckState,
  nextCheckState,
  renewed,
  UNCHECKED,
} from "../core/health-check.ts";
import {
  eject,
  errorsInARow,
  mayEject,
  needsSweep,
  type OutlierState,
  sweep,
  UNTROUBLED,
  withRow,
} from "../core/health-outlier.ts";
import type { EndpointCondition } from "../core/endpoint-condition.ts";
import type { Endpoint, EndpointHealth, EndpointState, Service } from "../core/service.ts";
import type { HealthClock } from "../health/clock.ts";

/** The state of an endpoint is another one now. */
export interface HealthChange {
  readonly endpoint: string;
  readonly from: EndpointState;
  readonly to: EndpointState;
  /** For people: what brought it about. */
  readonly because: string;
}

/** Owned by the HealthRegistry. Every method that may change states returns what has changed. */
export class ServiceHealth {
  readonly #clock: HealthClock;
  #service: Service;
  #records = new Map<string, EndpointRecord>();
  #out: ReadonlySet<string> = new Set();
  /** How many of the records are so. */
  #healthy = 0;
  #ejected = 0;

  constructor(service: Service, clock: HealthClock) {
    this.#service = service;
    this.#clock = clock;
  }

  /** As the newest snapshot has it. */
  get service(): Service {
    return this.#service;
  }

  /** In the order in which discovery says them. */
  get endpoints(): readonly Endpoint[] {
    return [...this.#records.values()].map(({ endpoint }) => endpoint);
  }

  /** Some endpoint is ejected, or was of late: `sweep` is to be called at the policy's interval. */
  get needsSweep(): boolean {
    for (const { outlier } of this.#records.values()) if (needsSweep(outlier)) return true;
    return false;
  }

  has(endpoint: string): boolean {
    return this.#records.has(endpoint);
  }

  /** A reload: what was found stays, as far as it is still asked for. `anew` = the checks ask something else. */
  update(service: Service, anew: boolean): readonly HealthChange[] {
    this.#service = service;
    const isChecked = service.healthCheck !== undefined;
    return this.#settleAll("the configuration has changed", (record) => {
      if (!isChecked) record.check = UNCHECKED;
      else if (anew) record.check = renewed(record.check);
      if (service.outlier === undefined) record.outlier = UNTROUBLED;
    });
  }

  /** The set is another one: what stays is known, what is new counts as healthy. */
  setEndpoints(endpoints: readonly Endpoint[]): void {
    const before = this.#records;
    const nowMs = this.#clock.now();
    this.#records = new Map(
      endpoints.map((endpoint) => {
        const known = before.get(endpoint.name);
        if (known !== undefined) known.endpoint = endpoint;
        // In the first set all are new alike: none of them needs to be spared.
        return [endpoint.name, known ?? this.#newRecord(endpoint, nowMs, before.size > 0)];
      }),
    );
    this.#recount();
  }

  /** These are out by hand, and no others. */
  setOut(out: ReadonlySet<string>, because: string): readonly HealthChange[] {
    this.#out = out;
    return this.#settleAll(because, () => undefined);
  }

  /** One check is over. */
  takeCheck(name: string, result: CheckResult): readonly HealthChange[] {
    const record = this.#records.get(name);
    const policy = this.#service.healthCheck;
    if (record === undefined || policy === undefined) return [];
    const last = { ...result, atMs: this.#clock.now() };
    record.check = nextCheckState(record.check, last, policy);
    return this.#settle(record, result.detail);
  }

  /** A worker says how many errors in a row it has seen of an endpoint. */
  takeErrors(worker: number, name: string, errors: number): readonly HealthChange[] {
    const record = this.#records.get(name);
    const policy = this.#service.outlier;
    if (record === undefined || policy === undefined) return [];
    record.outlier = withRow(record.outlier, worker, errors);
    const row = errorsInARow(record.outlier);
    if (errors === 0 || row < policy.errors || !this.#mayEject(record)) return [];
    record.outlier = eject(record.outlier, policy, this.#clock.monotonic());
    this.#ejected += 1;
    return this.#settle(record, `${row} errors in a row`);
  }

  /** A worker is gone, and with it what it had counted. */
  forgetWorker(worker: number): void {
    for (const record of this.#records.values()) {
      record.outlier = withRow(record.outlier, worker, 0);
    }
  }

  /** The end of an interval: ejected endpoints whose time is over come back. */
  sweep(): readonly HealthChange[] {
    const nowMs = this.#clock.monotonic();
    return this.#settleAll("the time of its ejection is over", (record) => {
      record.outlier = sweep(record.outlier, nowMs);
    });
  }

  /** What differs from plain health, by endpoint name. */
  table(): ReadonlyMap<string, EndpointHealth> {
    const nowMs = this.#clock.now();
    const { slowStartMs } = this.#service;
    const table = new Map<string, EndpointHealth>();
    for (const [name, { state, sinceMs, isSpared }] of this.#records) {
      const isSlow = isSpared && nowMs - sinceMs < slowStartMs;
      if (state !== "healthy" || isSlow) table.set(name, { state, sinceMs });
    }
    return table;
  }

  /** Everything that is known, in the order in which discovery says the endpoints. */
  conditions(): readonly EndpointCondition[] {
    const ahead = this.#clock.now() - this.#clock.monotonic();
    return Array.from(this.#records.values(), ({ check, outlier, ...record }) => ({
      endpoint: record.endpoint,
      state: record.state,
      sinceMs: record.sinceMs,
      because: record.because,
      check: this.#service.healthCheck === undefined ? undefined : check,
      errorsInARow: errorsInARow(outlier),
      ejections: outlier.total,
      ejectedUntilMs: outlier.untilMs === undefined ? undefined : outlier.untilMs + ahead,
    }));
  }

  #newRecord(endpoint: Endpoint, sinceMs: number, isSpared: boolean): EndpointRecord {
    const isOut = this.#out.has(endpoint.name);
    const state = isOut ? "out" : "healthy";
    const because = isOut ? "by hand" : undefined;
    return { endpoint, state, sinceMs, because, isSpared, check: UNCHECKED, outlier: UNTROUBLED };
  }

  #mayEject(record: EndpointRecord): boolean {
    const policy = this.#service.outlier;
    if (policy === undefined || record.outlier.untilMs !== undefined) return false;
    const usableOthers = this.#healthy - (record.state === "healthy" ? 1 : 0);
    const room = { endpoints: this.#records.size, ejected: this.#ejected, usableOthers };
    return mayEject(policy, room);
  }

  #settleAll(because: string, change: (record: EndpointRecord) => void): readonly HealthChange[] {
    const changes: HealthChange[] = [];
    for (const record of this.#records.values()) {
      change(record);
      changes.push(...this.#settle(record, because));
    }
    this.#recount();
    return changes;
  }

  #recount(): void {
    this.#healthy = 0;
    this.#ejected = 0;
    for (const { state, outlier } of this.#records.values()) {
      if (state === "healthy") this.#healthy += 1;
      if (outlier.untilMs !== undefined) this.#ejected += 1;
    }
  }

  /** Brings the state in line with what is known. */
  #settle(record: EndpointRecord, because: string): readonly HealthChange[] {
    const from = record.state;
    const to = this.#stateOf(record);
    if (to === from) return [];
    record.state = to;
    record.because = because;
    record.sinceMs = this.#clock.now();
    record.isSpared = true;
    if (from === "healthy") this.#healthy -= 1;
    if (to === "healthy") {
      this.#healthy += 1;
      // What it did before says nothing of it now; workers forget it too.
      record.outlier = { ...record.outlier, rows: [] };
    }
    return [{ endpoint: record.endpoint.name, from, to, because }];
  }

  /** By hand is stronger than checks, and these than answers. */
  #stateOf({ endpoint, check, outlier }: EndpointRecord): EndpointState {
    if (this.#out.has(endpoint.name)) return "out";
    if (!check.healthy) return "unhealthy";
    return outlier.untilMs === undefined ? "healthy" : "ejected";
  }
}

interface EndpointRecord {
  endpoint: Endpoint;
  state: EndpointState;
  sinceMs: number;
  because: string | undefined;
  /** It is new or well again since then: slow start counts for it. */
  isSpared: boolean;
  check: CheckState;
  outlier: OutlierState;
}
