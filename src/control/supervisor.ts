/** The data-plane threads: started, given snapshots in two phases, replaced when they die, drained. */
import type { MetricLayout } from "../core/metric-layout.ts";
import type { DrainSettings, Snapshot } from "../core/model.ts";
import { type EndpointLoads, sumLoads } from "../core/endpoint-loads.ts";
import type { ErrorRow } from "../core/health-outlier.ts";
import type { Endpoint, EndpointSets, HealthTable, HealthTables } from "../core/service.ts";
import type { BindProblem, FromWorker } from "../core/messages.ts";
import {
  type ConnectionsPage,
  type ConnectionsQuery,
  type ListedConnection,
  mergePages,
} from "../core/open-connections.ts";
import { clearSignals, createSignalsMemory } from "../core/pool-signals.ts";
import { clearCounts, createCountsMemory } from "../core/shared-counts.ts";
import type { LineOutput } from "../telemetry/stdout.ts";
import type { Logger } from "../telemetry/log.ts";
import { connectionsThatDescriptorsAllow } from "./descriptors.ts";
import { RetiredCounters } from "./retired-counters.ts";
import { WorkerHandle } from "./worker-handle.ts";

/** A worker that dies again and again is started after a growing wait. */
const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 5000;
/** One that lived so long has proved itself: the wait begins anew. */
const RESTART_RESET_MS = 60_000;
/** Room for series of later snapshots, so that most reloads need no larger memory. */
const SLOTS_MIN = 4096;
/** A draining worker that does not answer is not waited for longer than this after its limits. */
const DRAIN_SLACK_MS = 2000;

/** A worker that is too busy to say what it has is not waited for: whoever looks wants to see something. */
const ANSWER_MS = 2000;

/** What the supervisor works with. */
export interface SupervisorOptions {
  readonly workerSource: string;
  readonly layout: MetricLayout;
  readonly log: Logger;
  readonly stdout: LineOutput;
  /** The endpoint sets now, for a worker that starts. */
  readonly endpoints: () => EndpointSets;
  /** And what is known of their health. */
  readonly health: () => HealthTables;
  /** A worker tells of endpoints that fail, or that do so no more. */
  readonly outcomes: (worker: number, rows: readonly ErrorRow[]) => void;
  /** A worker died, and what it had counted means nothing any more. */
  readonly died: (worker: number) => void;
  /** Readiness may have changed. */
  readonly changed: () => void;
}

/** Why a snapshot could not be published: an address, or a worker that died of it. */
export type PublishProblem = BindProblem | { readonly worker: number };

/** What is open in all workers. */
export interface OpenConnections extends ConnectionsPage<ListedConnection> {
  /** Those that live and did not say in time what they have. */
  readonly silent: readonly number[];
}

/** Owned by the control plane. Publishing and replacing take turns: each sees the others' result whole. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #workers: WorkerHandle[] = [];
  readonly #restartTimers = new Set<NodeJS.Timeout>();
  readonly #serving = new Set<WorkerHandle>();
  readonly #retired: RetiredCounters;
  #snapshot: Snapshot | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #restartMs = RESTART_MS_MIN;
  #restarts = 0;
  readonly #boxId = `gatehouse-${crypto.randomUUID().slice(0, 8)}`;
  #droppedBefore = 0;
  #count = 0;
  #counts = createCountsMemory(0);
  #signals = createSignalsMemory(0);
  readonly #descriptorsAllow = connectionsThatDescriptorsAllow();
  #ending = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#retired = new RetiredCounters(options.layout);
  }

  /** Starts the threads; they bind nothing before the first `publish`. */
  start(count: number): void {
    this.#count = count;
    this.#counts = createCountsMemory(count);
    this.#signals = createSignalsMemory(count);
    for (let index = 0; index < count; index += 1) this.#workers[index] = this.#spawn(index);
  }

  get count(): number {
    return this.#workers.length;
  }

  /** Workers that died and were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Access-log lines that workers lost, those that died included. */
  get dropped(): number {
    return this.#workers.reduce((sum, worker) => sum + worker.dropped, this.#droppedBefore);
  }

  /** Every worker serves the snapshot that was published last. */
  get allServing(): boolean {
    return this.#snapshot !== undefined && this.#serving.size === this.#workers.length;
  }

  /** How many workers serve. */
  get servingCount(): number {
    return this.#serving.size;
  }

  /**
   * Hands a snapshot to all workers: first each binds what is new, and only if all of them could, each swaps. Resolves to
   * why that cannot be done; then nothing has changed. A worker that is dead already gets the snapshot when it is replaced;
   * one that dies while it prepares may have died of the snapshot, which must not reach the others.
   */
  publish(snapshot: Snapshot): Promise<readonly PublishProblem[]> {
    return this.#inTurn(async () => {
      const problems = await this.#prepareAll(this.#workers, snapshot);
      if (problems.length > 0) {
        for (const worker of this.#workers)
          worker.send({ type: "abort", version: snapshot.version });
        return problems;
      }
      this.#snapshot = snapshot;
      await Promise.all(this.#workers.map((worker) => this.#commit(worker, snapshot)));
      return [];
    });
  }

  /** The endpoints of one service are others now. */
  sendEndpoints(service: string, endpoints: readonly Endpoint[]): void {
    for (const worker of this.#workers) worker.send({ type: "endpoints", service, endpoints });
  }

  /** What is known of the health of one service's endpoints is something else now. */
  sendHealth(service: string, health: HealthTable): void {
    for (const worker of this.#workers) worker.send({ type: "health", service, health });
  }

  /** Log files may have been moved away. */
  reopenLogs(): void {
    for (const worker of this.#workers) worker.send({ type: "reopen-logs" });
  }

  /** All counters of all workers, summed; those of dead ones included, but for what was open in them. */
  counters(): Float64Array {
    const sum = this.#retired.copy(this.#options.layout.size);
    for (const worker of this.#workers) addInto(sum, worker.memory);
    return sum;
  }

  /** What is open in all workers, as far as they answer within two seconds; what a dead one had is gone. */
  async connections(query: ConnectionsQuery): Promise<OpenConnections> {
    const answers = await Promise.all(
      this.#workers.map(async (worker) => ({
        worker,
        page: (await worker.inquire<"connections">({ type: "connections", query }, ANSWER_MS))
          ?.page,
      })),
    );
    const pages = answers.flatMap(({ worker: { index }, page }) =>
      page === undefined
        ? []
        : [{ ...page, connections: page.connections.map((one) => ({ ...one, worker: index })) }],
    );
    const silent = answers.filter(({ worker, page }) => page === undefined && worker.alive);
    return { ...mergePages(pages, query), silent: silent.map(({ worker }) => worker.index) };
  }

  /** The requests and tunnels of each endpoint, in all workers that answer within two seconds. */
  async loads(): Promise<EndpointLoads> {
    const answers = await Promise.all(
      this.#workers.map((worker) => worker.inquire<"loads">({ type: "loads" }, ANSWER_MS)),
    );
    return sumLoads(answers.flatMap((answer) => (answer === undefined ? [] : [answer.loads])));
  }

  /** How busy each worker was since the last call. */
  utilizations(): readonly number[] {
    return this.#workers.map((worker) => (worker.alive ? worker.utilization() : 0));
  }

  /** Resolves when every worker has finished or reached the limits, and is ended. */
  async drain(settings: DrainSettings): Promise<void> {
    this.#ending = true;
    const limitMs = Math.max(settings.requestsMs, settings.tunnelsMs) + DRAIN_SLACK_MS;
    await Promise.all(
      this.#workers.map((worker) => worker.ask({ type: "drain", settings }, "drained", limitMs)),
    );
    await this.terminate();
  }

  /** Ends all threads at once. */
  async terminate(): Promise<void> {
    this.#ending = true;
    for (const timer of this.#restartTimers) clearTimeout(timer);
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #spawn(index: number): WorkerHandle {
    return new WorkerHandle(
      this.#options.workerSource,
      {
        index,
        boxId: this.#boxId,
        workers: this.#count,
        counts: this.#counts,
        signals: this.#signals,
        descriptorsAllow: this.#descriptorsAllow,
      },
      {
        message: (worker, message) => this.#onMessage(worker, message),
        exit: (worker, error) => this.#onExit(worker, error),
      },
    );
  }

  async #prepareAll(
    workers: readonly WorkerHandle[],
    snapshot: Snapshot,
  ): Promise<readonly PublishProblem[]> {
    const living = workers.filter(({ alive }) => alive);
    const replies = await Promise.all(living.map((worker) => this.#prepare(worker, snapshot)));
    const unique = new Map<string, PublishProblem>();
    for (const problem of replies.flat()) {
      unique.set("worker" in problem ? `worker ${problem.worker}` : problem.listener, problem);
    }
    return [...unique.values()];
  }

  async #prepare(worker: WorkerHandle, snapshot: Snapshot): Promise<readonly PublishProblem[]> {
    const bytes = Math.max(SLOTS_MIN, snapshot.counterSlots) * Float64Array.BYTES_PER_ELEMENT;
    // The worker counts in the memory that it has until the commit: an aborted snapshot must not lose what it counted.
    const counters =
      worker.memory.byteLength < bytes ? new SharedArrayBuffer(2 * bytes) : worker.memory;
    worker.nextMemory = counters;
    const endpoints = this.#options.endpoints();
    const health = this.#options.health();
    const reply = await worker.ask(
      { type: "prepare", snapshot, endpoints, health, counters },
      "prepared",
    );
    return reply === undefined ? [{ worker: worker.index }] : reply.problems;
  }

  /** False when the worker died of it; its replacement gets the snapshot. */
  async #commit(worker: WorkerHandle, snapshot: Snapshot): Promise<boolean> {
    const reply = await worker.ask({ type: "commit", version: snapshot.version }, "committed");
    if (reply === undefined) return false;
    worker.memory = worker.nextMemory;
    this.#serving.add(worker);
    this.#options.changed();
    return true;
  }

  #onMessage(worker: WorkerHandle, message: FromWorker): void {
    if (message.type === "access-log") this.#options.stdout.write(message.lines);
    else if (message.type === "access-log-dropped") worker.dropped = message.total;
    else if (message.type === "outcomes") this.#options.outcomes(worker.index, message.rows);
    else if (message.type === "log") {
      this.#options.log[message.level](message.message, {
        ...message.fields,
        worker: worker.index,
      });
    }
  }

  #onExit(worker: WorkerHandle, error: Error | undefined): void {
    this.#serving.delete(worker);
    if (this.#ending) return;
    this.#retired.add(worker.memory);
    clearCounts(this.#counts, worker.index);
    clearSignals(this.#signals, worker.index);
    this.#options.died(worker.index);
    this.#droppedBefore += worker.dropped;
    this.#restarts += 1;
    const lived = Date.now() - worker.startedMs;
    if (lived >= RESTART_RESET_MS) this.#restartMs = RESTART_MS_MIN;
    const delayMs = this.#restartMs;
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MS_MAX);
    this.#options.log.error("a worker died and is replaced", {
      worker: worker.index,
      error: error?.stack ?? error?.message ?? "it ended by itself",
      restart_ms: delayMs,
    });
    this.#options.changed();
    this.#workers[worker.index] = worker;
    worker.memory = new SharedArrayBuffer(0);
    worker.dropped = 0;
    const timer = setTimeout(() => {
      this.#restartTimers.delete(timer);
      void this.#inTurn(() => this.#replace(worker.index));
    }, delayMs);
    this.#restartTimers.add(timer);
  }

  /** The others keep serving meanwhile: the kernel gives new connections to whoever listens. */
  async #replace(index: number): Promise<void> {
    if (this.#ending) return;
    const worker = this.#spawn(index);
    this.#workers[index] = worker;
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    const problems = await this.#prepare(worker, snapshot);
    const unbound = problems.flatMap((problem) => ("worker" in problem ? [] : [problem]));
    if (unbound.length > 0) {
      this.#options.log.error("a new worker cannot listen", {
        worker: index,
        problems: unbound.map(({ listener, code }) => `${listener} ${code}`).join(", "),
      });
      await worker.terminate();
    } else if (await this.#commit(worker, snapshot)) {
      this.#options.log.info("a new worker serves", { worker: index });
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

function addInto(sum: Float64Array, memory: SharedArrayBuffer): void {
  const counters = new Float64Array(memory);
  const length = Math.min(sum.length, counters.length);
  for (let slot = 0; slot < length; slot += 1) sum[slot] = (sum[slot] ?? 0) + (counters[slot] ?? 0);
}
