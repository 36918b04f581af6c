/** A user that writes down what it is told, and the context of a worker with a clock that stands. */
import type { Failure } from "../../src/core/failure.ts";
import { BUCKET_SECONDS } from "../../src/core/metric-layout.ts";
import type { Endpoint } from "../../src/core/service.ts";
import type {
  DialOptions,
  UpstreamConnection,
  UpstreamContext,
  UpstreamUser,
} from "../../src/upstream/connection.ts";
import { createCountsMemory, SharedCounts } from "../../src/core/shared-counts.ts";
import { OutcomeReporter } from "../../src/upstream/outcome-reporter.ts";
import { OwnConnections } from "../../src/upstream/own-connections.ts";
import { Deadlines } from "../../src/upstream/deadlines.ts";
import { createReadBuffer } from "../../src/upstream/read-buffer.ts";

export const ACTIVE_SLOT = 1;
export const CONNECT_SLOT = 2;
export const CONNECT_MS = 5000;
const SLOTS = CONNECT_SLOT + BUCKET_SECONDS.length + 2;

/** What a worker has, with its clock in the test's hands. */
export interface TestContextOfWorker extends UpstreamContext {
  readonly memory: Float64Array;
  /** Moves the clock on and fires what is due. */
  readonly pass: (milliseconds: number) => void;
}

/** Starts nothing; the timer of the limits runs on the same clock, which stands between calls of `pass`. */
export function createContext(): TestContextOfWorker {
  let time = 1000;
  const memory = new Float64Array(SLOTS);
  const deadlines = new Deadlines(() => time);
  return {
    deadlines,
    memory,
    counters: () => memory,
    readBuffer: createReadBuffer(),
    ownConnections: new OwnConnections(
      new SharedCounts(createCountsMemory(1), { index: 0, workers: 1, seed: "" }),
    ),
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
  };
}

type Told = "connect" | "data" | "end" | "drain" | "close";

/** Writes down what it is told. */
export class RecordingUser implements UpstreamUser {
  /** In order; data by its length only once, however many reads it took. */
  readonly told: Told[] = [];
  data = "";
  failure: Failure | undefined;
  readonly #waiting = new Map<string, () => void>();

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

/** Settles with the socket's last event; to be called before that. */
export async function closed({ socket }: UpstreamConnection): Promise<void> {
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}
