/** The text that Prometheus scrapes: made anew from plain data at each scrape, so nothing runs in between. */
import {
  BUCKET_SECONDS,
  METRICS,
  type CounterBlock,
  type MetricName,
} from "../core/metric-layout.ts";
import type { Registry } from "prom-client";
import { buildBoxMetrics } from "./box-metrics.ts";
import type { MetricFamily, MetricValue } from "./metric-family.ts";
import type { MetricsInput } from "./metrics-input.ts";

/**
 * Prometheus text (version 0.0.4), families in a fixed order. prom-client is loaded by the first call: it would cost
 * some 10 ms at every start.
 */
export async function renderMetrics(input: MetricsInput): Promise<string> {
  const prometheus = await import("prom-client");
  const registry = new prometheus.Registry();
  for (const family of [...buildCountedMetrics(input), ...buildBoxMetrics(input)]) {
    register(registry, family);
  }
  return registry.metrics();
}

/** The metrics of the workers, each with the series of all its blocks. Pure. */
function buildCountedMetrics(input: MetricsInput): MetricFamily[] {
  const byName = new Map<MetricName, MetricValue[]>();
  for (const block of input.blocks) {
    const values = byName.get(block.metric) ?? [];
    byName.set(block.metric, values);
    appendSeries(values, block, input.values);
  }
  return Array.from(byName, ([name, values]) => {
    const { type, help } = METRICS[name];
    return { name, type, help, values };
  });
}

function appendSeries(into: MetricValue[], block: CounterBlock, counters: Float64Array): void {
  const row = METRICS[block.metric];
  if (row.type === "histogram") {
    appendHistogram(into, block, counters);
    return;
  }
  if (!("dimension" in row)) {
    into.push({ labels: block.labels, value: counters[block.slot] ?? 0 });
    return;
  }
  const { label, values } = row.dimension;
  values.forEach((value, offset) => {
    const labels = { ...block.labels, [label]: value };
    into.push({ labels, value: counters[block.slot + offset] ?? 0 });
  });
}

/** The slots count each bucket alone; Prometheus wants them cumulated, and a count that equals the last one. */
function appendHistogram(into: MetricValue[], block: CounterBlock, counters: Float64Array): void {
  const { labels, metric, slot } = block;
  const bucketName = `${metric}_bucket`;
  let count = 0;
  for (let i = 0; i <= BUCKET_SECONDS.length; i += 1) {
    count += counters[slot + i] ?? 0;
    const le = BUCKET_SECONDS[i] ?? "+Inf";
    into.push({ metricName: bucketName, labels: { ...labels, le }, value: count });
  }
  const sum = counters[slot + BUCKET_SECONDS.length + 1] ?? 0;
  into.push({ metricName: `${metric}_sum`, labels, value: sum });
  into.push({ metricName: `${metric}_count`, labels, value: count });
}

/**
 * Hands a family to prom-client as a metric that already knows its values: a registry asks a metric for nothing but
 * its name and `get()`. Its own Counter and Histogram would keep a second copy of every number.
 */
function register(registry: Registry, family: MetricFamily): void {
  const metric = { name: family.name, get: () => Promise.resolve(family) };
  registry.registerMetric(metric as unknown as Parameters<Registry["registerMetric"]>[0]);
}
