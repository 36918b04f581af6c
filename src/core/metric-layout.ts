/**
 * Which counter lives in which slot. A *block* is one metric with fixed labels; where the metric has a
 * dimension that the data plane chooses (status class, failure kind, direction, bucket) the block has one
 * slot for each of its values. A block keeps its slot over reloads, so counters never jump.
 */
import { FAILURE_KINDS } from "./failure.ts";

/** Upper bounds of the latency buckets in seconds; a last bucket takes everything (+Inf). */
export const BUCKET_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

const CODE_CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
const DIRECTIONS = ["in", "out"] as const;

/** Offsets within a block of `gatehouse_bytes_total`. */
export const BYTES_IN = 0;
export const BYTES_OUT = 1;

interface MetricRow {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** The label whose values the block's slots are. */
  readonly dimension?: { readonly label: string; readonly values: readonly string[] };
}

/** The metrics that workers count; names and labels are a contract with dashboards. */
export const METRICS = {
  gatehouse_connections_total: {
    type: "counter",
    help: "Connections accepted.",
    labels: ["listener"],
  },
  gatehouse_connections_active: {
    type: "gauge",
    help: "Connections open now.",
    labels: ["listener"],
  },
  gatehouse_requests_total: {
    type: "counter",
    help: "HTTP requests answered, by class of the status code.",
    labels: ["gateway", "virtual_host", "route", "service"],
    dimension: { label: "code", values: CODE_CLASSES },
  },
  gatehouse_request_duration_seconds: {
    type: "histogram",
    help: "From the first byte of the request to the last byte of its answer.",
    labels: ["gateway", "service"],
  },
  gatehouse_tunnels_total: {
    type: "counter",
    help: "Connections passed through to a service.",
    labels: ["gateway", "service"],
  },
  gatehouse_tunnels_active: {
    type: "gauge",
    help: "Tunnels open now.",
    labels: ["gateway", "service"],
  },
  gatehouse_bytes_total: {
    type: "counter",
    help: "Bytes read from clients (in) and written to them (out).",
    labels: ["gateway", "service"],
    dimension: { label: "direction", values: DIRECTIONS },
  },
  gatehouse_failures_total: {
    type: "counter",
    help: "What could not be served, by kind; gateway is empty while none is known.",
    labels: ["listener", "gateway"],
    dimension: { label: "kind", values: FAILURE_KINDS },
  },
  gatehouse_upstream_connections_active: {
    type: "gauge",
    help: "Connections to endpoints open now, idle ones included.",
    labels: ["service"],
  },
  gatehouse_upstream_connect_seconds: {
    type: "histogram",
    help: "Time to connect to an endpoint.",
    labels: ["service"],
  },
  gatehouse_retries_total: {
    type: "counter",
    help: "Attempts besides the first.",
    labels: ["service"],
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** One metric with its fixed labels and where its slots begin. */
export interface CounterBlock {
  readonly metric: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly slot: number;
}

/** How many slots a block of this metric has: its dimension, or buckets + Inf + sum, or one. Pure. */
export function blockWidth(metric: MetricName): number {
  const row: MetricRow = METRICS[metric];
  if (row.type === "histogram") return BUCKET_SECONDS.length + 2;
  return row.dimension?.values.length ?? 1;
}

/** Offset of a status within a block of `gatehouse_requests_total`. Pure. */
export function codeOffset(status: number): number {
  const hundreds = Math.trunc(status / 100);
  return hundreds >= 1 && hundreds <= 5 ? hundreds - 1 : 4;
}

/** Adds one observation to a histogram block. Writes `counters`; time in seconds. */
export function observe(counters: Float64Array, slot: number, seconds: number): void {
  let bucket = 0;
  while (bucket < BUCKET_SECONDS.length && seconds > (BUCKET_SECONDS[bucket] ?? 0)) bucket += 1;
  counters[slot + bucket] = (counters[slot + bucket] ?? 0) + 1;
  const sum = slot + BUCKET_SECONDS.length + 1;
  counters[sum] = (counters[sum] ?? 0) + seconds;
}

/** Gives out slots and remembers them. Owned by the control plane; lives as long as the process. */
export class MetricLayout {
  readonly #blocks = new Map<string, CounterBlock>();
  #size = 0;

  /** The slot of this block, the same for the same labels for ever. Label order does not matter. */
  slot(metric: MetricName, labels: Readonly<Record<string, string>>): number {
    const row: MetricRow = METRICS[metric];
    const ordered: Record<string, string> = {};
    let key: string = metric;
    for (const name of row.labels) {
      const value = labels[name] ?? "";
      ordered[name] = value;
      // With its length, so that no value can look like two.
      key += ` ${value.length}:${value}`;
    }
    const known = this.#blocks.get(key);
    if (known !== undefined) return known.slot;
    const block = { metric, labels: ordered, slot: this.#size };
    this.#blocks.set(key, block);
    this.#size += blockWidth(metric);
    return block.slot;
  }

  /** Slots given out so far. */
  get size(): number {
    return this.#size;
  }

  /** Every block, in the order they were first asked for. */
  blocks(): IterableIterator<CounterBlock> {
    return this.#blocks.values();
  }
}
