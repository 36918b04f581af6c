/** A user that writes down what it is told, and the context of a worker with a clock that stands. */
import { setImmediate as turn } from "node:timers/promises";
import type { Failure } from "../../src/core/failure.ts";
import { BUCKET_SECONDS } from "../../src/core/metric-layout.ts";
import type { Endpoint } from "../../src/core/service.ts";
import type {
  DialOptions,
  UpstreamConnection,
  UpstreamContext,
} from "../../src/upstream/connection.ts";
import { createCountsMemory, SharedCounts } from "../../src/core/shared-counts.ts";
import { OutcomeReporter } from "../../src/upstream/outcome-reporter.ts";
import { PoolSignals, createSignalsMemory } from "../../src/core/pool-signals.ts";
import { BoxAuthorities } from "../../src/upstream/endpoint-tls.ts";
import { OwnConnections } from "../../src/upstream/own-connections.ts";
import { Deadlines } from "../../src/upstream/deadlines.ts";
import type { ServiceState } from "../../src/upstream/service-state.ts";
import { SharedPools } from "../../src/upstream/shared-pools.ts";
import type { UpstreamSeeker } from "../../src/upstream/waiting-line.ts";
import { SocketMemory } from "../../src/transport/socket-memory.ts";

export const ACTIVE_SLOT = 1;
export const CONNECT_SLOT = 2;
export const CONNECT_MS = 5000;
const SLOTS = CONNECT_SLOT + BUCKET_SECONDS.length + 2;

/** What a worker has, with its clock in the test's hands. */
export interface TestContextOfWorker extends UpstreamContext {
  readonly slots: Float64Array;
  /** Moves the clock on and fires what is due. */
  readonly pass: (milliseconds: number) => void;
}

/** The memory that workers of a test share. */
export interface TestWorkers {
  readonly counts: SharedArrayBuffer;
  readonly signals: SharedArrayBuffer;
  readonly workers: number;
}

/** For so many workers. */
export function createWorkers(workers: number): TestWorkers {
  const [counts, signals] = [createCountsMemory(workers), createSignalsMemory(workers)];
  return { counts, signals, workers };
}

/** Starts nothing; the timer of the limits runs on the same clock, which stands between calls of `pass`. */
export function createContext(shared = createWorkers(1), index = 0): TestContextOfWorker {
  let time = 1000;
  const slots = new Float64Array(SLOTS);
  const deadlines = new Deadlines(() => time);
  const counts = new SharedCounts(shared.counts, { index, workers: shared.workers, seed: "" });
  return {
    deadlines,
    slots,
    counters: () => slots,
    memory: new SocketMemory(),
    ownConnections: new OwnConnections(counts),
    pools: new SharedPools(counts, new PoolSignals(shared.signals, index)),
    authorities: new BoxAuthorities(),
    outcomes: new OutcomeReporter({
      tell: () => undefined,
      now: () => time,
      after: () => undefined,
    }),
    now: () => time,
    wallClock: () => time,
    random: () => 0.5,
    pass(milliseconds) {
      time += milliseconds;
      deadlines.tick();
    },
  };
}

/** What connections to the endpoint are dialled with. */
export function dialOptions(endpoint: Endpoint, sibling?: Endpoint): DialOptions {
  return {
    endpoint,
    sibling,
    loadOf: () => ({ active: 0 }),
    connectMs: CONNECT_MS,
    activeSlot: ACTIVE_SLOT,
    header: undefined,
    allowLoop: false,
    connectSlot: CONNECT_SLOT,
    tls: undefined,
    generation: 0,
    owner: { onConnectionMoved: () => undefined, onConnectionGone: () => undefined },
  };
}

type Told = "granted" | "connect" | "data" | "end" | "drain" | "close";

/** Writes down what it is told. */
export class RecordingUser implements UpstreamSeeker {
  /** In order; data by its length only once, however many reads it took. */
  readonly told: Told[] = [];
  data = "";
  failure: Failure | undefined;
  granted: UpstreamConnection | undefined;
  readonly #waiting = new Map<string, () => void>();

  onUpstreamGranted(connection: UpstreamConnection): void {
    this.granted = connection;
    this.#tell("granted");
  }

  onUpstreamConnect(_connection: UpstreamConnection): void {
    this.#tell("connect");
  }

  onUpstreamData(bytes: Buffer): void {
    this.data += bytes.toString("latin1");
    this.#tell("data");
  }

  onUpstreamEnd(): void {
    this.#tell("end");
  }

  onUpstreamDrain(): void {
    this.#tell("drain");
  }

  onUpstreamClose(failure: Failure): void {
    this.failure = failure;
    this.#tell("close");
  }

  /** Waits until it has been told this. */
  async until(event: Told): Promise<void> {
    if (this.told.includes(event)) return;
    await new Promise<void>((resolve) => this.#waiting.set(event, resolve));
  }

  #tell(event: Told): void {
    if (event !== "data" || this.told.at(-1) !== "data") this.told.push(event);
    this.#waiting.get(event)?.();
  }
}

/** A new connection for HTTP, which no limit is in the way of. */
export function dialFor(
  state: ServiceState,
  endpoint: Endpoint,
  user: RecordingUser,
): UpstreamConnection {
  const connection = state.dial({ endpoint, isHttp: true }, user);
  if (connection === undefined) throw new Error("a limit is reached");
  return connection;
}

/** Settles when the connection's socket is closed and has told its user so. */
export async function closed(connection: UpstreamConnection): Promise<void> {
  while (!connection.socket.destroyed || connection.socket.user !== undefined) await turn();
}
