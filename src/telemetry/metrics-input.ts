/** The plain data from which a scrape is made. */
import type { CounterBlock } from "../core/metric-layout.ts";
import type { ProcessFigures } from "./process-figures.ts";

/** Everything that a scrape shows. */
export interface MetricsInput {
  /** `MetricLayout.blocks()`. */
  readonly blocks: Iterable<CounterBlock>;
  /** The counters of all workers, summed; a slot beyond its end counts as 0. */
  readonly values: Float64Array;
  /** Of the program. */
  readonly version: string;
  /** Of the configuration that is served now. */
  readonly snapshotVersion: number;
  /** Reloads since the start, by result. */
  readonly reloads: { readonly success: number; readonly failure: number };
  readonly accessLogDropped: number;
  readonly workerRestarts: number;
  readonly endpoints: readonly EndpointHealth[];
  readonly threads: readonly ThreadFigures[];
  readonly process: ProcessFigures;
}

/** One endpoint that is known now. */
export interface EndpointHealth {
  readonly service: string;
  readonly endpoint: string;
  readonly healthy: boolean;
}

/** How busy one thread's event loop is; undefined = not measured. */
export interface ThreadFigures {
  /** `"main"`, or the worker's number. */
  readonly thread: string;
  /** Share of the time not spent waiting, 0 to 1. */
  readonly utilization: number | undefined;
  readonly lagSeconds: number | undefined;
}
