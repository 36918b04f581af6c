/** Passive health in a worker: errors in a row of each endpoint, told to the main thread in bounded batches. */
import { FAILURES, type Failure } from "../core/failure.ts";
import type { ErrorRow } from "../core/health-outlier.ts";
import { isOwnTrouble } from "../core/own-trouble.ts";
import type { HealthTable, Service } from "../core/service.ts";

/** What is no emergency is told at most so often. */
const TELL_MS = 50;
/** And what is one, so often: an endpoint may fail thousands of times a second. */
const URGENT_MS = 5;

/** What a reporter works with. */
export interface ReporterOptions {
  /** Tells the main thread. */
  readonly tell: (rows: readonly ErrorRow[]) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls back once after a time; keeps no thread from ending. */
  readonly after: (callback: () => void, delayMs: number) => void;
}

/** Collects what there is to tell. One for each worker. */
export class OutcomeReporter {
  readonly #options: ReporterOptions;
  readonly #dirty = new Set<ErrorCount>();
  #toldMs = Number.NEGATIVE_INFINITY;
  /** When the next batch is due; Infinity = there is nothing to tell. */
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** The count has changed; `isUrgent` = it may be enough by itself. */
  note(count: ErrorCount, isUrgent: boolean): void {
    this.#dirty.add(count);
    const now = this.#options.now();
    const dueMs = isUrgent ? this.#toldMs + URGENT_MS : Math.max(now, this.#toldMs) + TELL_MS;
    if (isUrgent && dueMs <= now) return this.#tell();
    if (dueMs >= this.#dueMs) return;
    this.#dueMs = dueMs;
    this.#options.after(() => {
      // A timer may fire a moment early, and an earlier batch may have told all.
      if (this.#dueMs === dueMs) this.#tell();
    }, dueMs - now);
  }

  #tell(): void {
    this.#toldMs = this.#options.now();
    this.#dueMs = Number.POSITIVE_INFINITY;
    const rows = [...this.#dirty].filter((count) => count.errors !== count.told);
    this.#dirty.clear();
    if (rows.length === 0) return;
    for (const count of rows) count.told = count.errors;
    this.#options.tell(
      rows.map(({ service, endpoint, errors }) => ({ service, endpoint, errors })),
    );
  }
}

/** What is counted of one endpoint while it has errors. */
export interface ErrorCount {
  readonly service: string;
  readonly endpoint: string;
  /** In a row. */
  errors: number;
  /** What the main thread knows. */
  told: number;
}

/**
 * The outcomes of one service in one worker. An answer that is no error costs two comparisons while no endpoint has errors.
 * Owned by a ServiceState.
 */
export class ServiceOutcomes {
  readonly #reporter: OutcomeReporter;
  #service: Service;
  #health: HealthTable = {};
  /** Of endpoints whose last outcome was an error. */
  readonly #counts = new Map<string, ErrorCount>();

  constructor(reporter: OutcomeReporter, service: Service) {
    this.#reporter = reporter;
    this.#service = service;
  }

  /** A reload. */
  update(service: Service): void {
    this.#service = service;
  }

  /** What an endpoint did before its state changed says nothing of it any more. */
  setHealth(health: HealthTable): void {
    for (const name of this.#counts.keys()) {
      if (this.#health[name]?.state !== health[name]?.state) this.#forgive(name);
    }
    this.#health = health;
  }

  /** Endpoints that are gone are forgotten. */
  setEndpoints(names: ReadonlySet<string>): void {
    for (const name of this.#counts.keys()) if (!names.has(name)) this.#counts.delete(name);
  }

  /** An endpoint has answered with this status. */
  answered(endpoint: string, status: number): void {
    if (status >= 500) this.#blame(endpoint);
    else if (this.#counts.size > 0) this.#forgive(endpoint);
  }

  /** A connection for a tunnel is there: more cannot be known of it. */
  connected(endpoint: string): void {
    if (this.#counts.size > 0) this.#forgive(endpoint);
  }

  /** An attempt has failed; what is not the endpoint's doing does not count. */
  failed(endpoint: string, { kind, detail }: Failure): void {
    // The detail of a failure to connect is the errno name. Without an endpoint none was asked.
    const isOurs = kind === "no-endpoint" || (kind === "connect-failed" && isOwnTrouble(detail));
    if (FAILURES[kind].side === "upstream" && !isOurs) this.#blame(endpoint);
  }

  #blame(endpoint: string): void {
    const policy = this.#service.outlier;
    // While it is ejected, panic may use it all the same: that is not held against it.
    if (policy === undefined || this.#health[endpoint]?.state === "ejected") return;
    const service = this.#service.name;
    const count = this.#counts.get(endpoint) ?? { service, endpoint, errors: 0, told: 0 };
    this.#counts.set(endpoint, count);
    count.errors += 1;
    this.#reporter.note(count, count.errors === policy.errors);
  }

  #forgive(endpoint: string): void {
    const count = this.#counts.get(endpoint);
    if (count === undefined) return;
    this.#counts.delete(endpoint);
    count.errors = 0;
    if (count.told > 0) this.#reporter.note(count, false);
  }
}
