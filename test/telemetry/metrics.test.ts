import assert from "node:assert/strict";
import { test } from "node:test";
import { FAILURE_KINDS } from "../../src/core/failure.ts";
import { BUCKET_SECONDS, METRICS, MetricLayout, observe } from "../../src/core/metric-layout.ts";
import type { MetricsInput } from "../../src/telemetry/metrics-input.ts";
import { renderMetrics } from "../../src/telemetry/metrics.ts";
import { readProcessFigures } from "../../src/telemetry/process-figures.ts";
import { labelKey, parseExposition, type Sample } from "./fixtures/exposition.ts";

const EMPTY: MetricsInput = {
  blocks: [],
  values: new Float64Array(0),
  version: "0.1.0",
  snapshotVersion: 3,
  reloads: { success: 2, failure: 1 },
  accessLogDropped: 5,
  workerRestarts: 0,
  endpoints: [],
  threads: [],
  process: {
    cpuUserSeconds: 1.5,
    cpuSystemSeconds: 0.25,
    residentBytes: 1e8,
    startTimeSeconds: 1e9,
    openDescriptors: undefined,
    maxDescriptors: 1024,
  },
};

async function scrape(input: Partial<MetricsInput>): Promise<readonly Sample[]> {
  return parseExposition(await renderMetrics({ ...EMPTY, ...input }));
}

function valueOf(samples: readonly Sample[], name: string, labels = {}): number | undefined {
  const wanted = labelKey(labels);
  return samples.find((sample) => {
    return sample.name === name && labelKey(sample.labels) === wanted;
  })?.value;
}

test("renderMetrics() shows the box's own figures and leaves out what is unknown", async () => {
  const samples = await scrape({
    endpoints: [{ service: "a", endpoint: "10.0.0.1:80", healthy: false }],
    threads: [
      { thread: "main", utilization: 0.5, lagSeconds: undefined },
      { thread: "1", utilization: undefined, lagSeconds: 0.002 },
    ],
  });
  assert.equal(valueOf(samples, "gatehouse_snapshot_version"), 3);
  assert.equal(valueOf(samples, "gatehouse_reloads_total", { result: "success" }), 2);
  assert.equal(valueOf(samples, "gatehouse_reloads_total", { result: "failure" }), 1);
  assert.equal(valueOf(samples, "gatehouse_build_info", { version: "0.1.0" }), 1);
  assert.equal(valueOf(samples, "gatehouse_access_log_dropped_total"), 5);
  assert.equal(valueOf(samples, "gatehouse_worker_restarts_total"), 0);
  const endpoint = { service: "a", endpoint: "10.0.0.1:80" };
  assert.equal(valueOf(samples, "gatehouse_endpoint_healthy", endpoint), 0);
  assert.equal(valueOf(samples, "gatehouse_event_loop_utilization", { thread: "main" }), 0.5);
  assert.equal(valueOf(samples, "gatehouse_event_loop_lag_seconds", { thread: "main" }), undefined);
  assert.equal(valueOf(samples, "gatehouse_event_loop_lag_seconds", { thread: "1" }), 0.002);
  assert.equal(valueOf(samples, "process_cpu_seconds_total"), 1.75);
  assert.equal(valueOf(samples, "process_max_fds"), 1024);
  assert.equal(valueOf(samples, "process_open_fds"), undefined);
});

test("renderMetrics() reads counters, gauges and dimensions from their slots", async () => {
  const layout = new MetricLayout();
  const listener = layout.slot("gatehouse_connections_total", { listener: ":80" });
  const labels = { gateway: "web", virtual_host: "v", route: "r", service: "s" };
  const requests = layout.slot("gatehouse_requests_total", labels);
  const failures = layout.slot("gatehouse_failures_total", { listener: ":80", gateway: "" });
  const values = new Float64Array(layout.size);
  values[listener] = 7;
  values[requests + 1] = 11;
  values[failures + FAILURE_KINDS.indexOf("bad-request")] = 13;
  const samples = await scrape({ blocks: layout.blocks(), values });
  assert.equal(valueOf(samples, "gatehouse_connections_total", { listener: ":80" }), 7);
  assert.equal(valueOf(samples, "gatehouse_requests_total", { ...labels, code: "2xx" }), 11);
  assert.equal(valueOf(samples, "gatehouse_requests_total", { ...labels, code: "5xx" }), 0);
  const failure = { listener: ":80", gateway: "", kind: "bad-request" };
  assert.equal(valueOf(samples, "gatehouse_failures_total", failure), 13);
});

test("renderMetrics() cumulates the buckets of a histogram and ends with +Inf, sum and count", async () => {
  const layout = new MetricLayout();
  const labels = { gateway: "web", service: "s" };
  const slot = layout.slot("gatehouse_request_duration_seconds", labels);
  const values = new Float64Array(layout.size);
  for (const seconds of [0.0005, 0.001, 0.02, 60]) observe(values, slot, seconds);
  const samples = await scrape({ blocks: layout.blocks(), values });
  const name = "gatehouse_request_duration_seconds";
  const bucket = (le: string) => valueOf(samples, `${name}_bucket`, { ...labels, le });
  assert.equal(bucket("0.001"), 2);
  assert.equal(bucket("0.01"), 2);
  assert.equal(bucket("0.025"), 3);
  assert.equal(bucket("10"), 3);
  assert.equal(bucket("+Inf"), 4);
  assert.equal(valueOf(samples, `${name}_count`, labels), 4);
  assert.equal(valueOf(samples, `${name}_sum`, labels), 60.0215);
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  assert.equal(buckets.length, BUCKET_SECONDS.length + 1);
});

test("renderMetrics() writes every metric of the layout in the strict format, labels escaped", async () => {
  const layout = new MetricLayout();
  const nasty = 'a"b\\c\nd{}é=,';
  for (const [name, row] of Object.entries(METRICS)) {
    const labels = Object.fromEntries(row.labels.map((label) => [label, nasty]));
    layout.slot(name as keyof typeof METRICS, labels);
  }
  const samples = await scrape({ blocks: layout.blocks(), values: new Float64Array(layout.size) });
  assert.equal(valueOf(samples, "gatehouse_connections_active", { listener: nasty }), 0);
});

test("renderMetrics() counts a slot beyond the memory as 0", async () => {
  const layout = new MetricLayout();
  layout.slot("gatehouse_retries_total", { service: "s" });
  const samples = await scrape({ blocks: layout.blocks() });
  assert.equal(valueOf(samples, "gatehouse_retries_total", { service: "s" }), 0);
});

test("readProcessFigures() reads plausible figures of this process", () => {
  const figures = readProcessFigures(Date.now());
  assert.ok(figures.cpuUserSeconds > 0);
  assert.ok(figures.residentBytes > 1e6);
  assert.ok(figures.startTimeSeconds > 1e9 && figures.startTimeSeconds <= Date.now() / 1000);
  assert.ok((figures.openDescriptors ?? 0) >= 3);
});
