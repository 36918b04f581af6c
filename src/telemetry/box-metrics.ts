/** The metrics about the box itself rather than its traffic. Pure. */
import type { MetricFamily, MetricValue } from "./metric-family.ts";
import type { MetricsInput, ThreadFigures } from "./metrics-input.ts";

/** Snapshot, reloads, build, losses, endpoints, threads and process; families without a series are left out. Pure. */
export function buildBoxMetrics(input: MetricsInput): MetricFamily[] {
  const families = [
    ...configurationMetrics(input),
    ...lossMetrics(input),
    ...threadMetrics(input.threads),
    ...processMetrics(input),
  ];
  return families.filter((family) => family.values.length > 0);
}

function configurationMetrics(input: MetricsInput): MetricFamily[] {
  const { reloads, endpoints } = input;
  return [
    gauge("gatehouse_snapshot_version", "Version of the configuration that is served.", [
      plain(input.snapshotVersion),
    ]),
    counter("gatehouse_reloads_total", "Reloads of the configuration, by result.", [
      { labels: { result: "success" }, value: reloads.success },
      { labels: { result: "failure" }, value: reloads.failure },
    ]),
    gauge("gatehouse_build_info", "Always 1; the label names the version of the program.", [
      { labels: { version: input.version }, value: 1 },
    ]),
    gauge(
      "gatehouse_endpoint_healthy",
      "1 when the endpoint may be used.",
      endpoints.map(({ service, endpoint, healthy }) => {
        return { labels: { service, endpoint }, value: healthy ? 1 : 0 };
      }),
    ),
  ];
}

function lossMetrics(input: MetricsInput): MetricFamily[] {
  return [
    counter(
      "gatehouse_access_log_dropped_total",
      "Lines of the access log that could not be written.",
      [plain(input.accessLogDropped)],
    ),
    counter("gatehouse_worker_restarts_total", "Worker threads that died and were replaced.", [
      plain(input.workerRestarts),
    ]),
  ];
}

function threadMetrics(threads: readonly ThreadFigures[]): MetricFamily[] {
  return [
    gauge(
      "gatehouse_event_loop_utilization",
      "Share of the time in which the thread was not waiting.",
      threads.flatMap(({ thread, utilization }) => series({ thread }, utilization)),
    ),
    gauge(
      "gatehouse_event_loop_lag_seconds",
      "How late the thread's event loop ran a timer.",
      threads.flatMap(({ thread, lagSeconds }) => series({ thread }, lagSeconds)),
    ),
  ];
}

/** Names as in Prometheus' own client libraries, so that ready-made dashboards find them. */
function processMetrics({ process }: MetricsInput): MetricFamily[] {
  const { cpuUserSeconds, cpuSystemSeconds } = process;
  return [
    counter("process_cpu_user_seconds_total", "CPU time in user mode.", [plain(cpuUserSeconds)]),
    counter("process_cpu_system_seconds_total", "CPU time in the kernel.", [
      plain(cpuSystemSeconds),
    ]),
    counter("process_cpu_seconds_total", "CPU time.", [plain(cpuUserSeconds + cpuSystemSeconds)]),
    gauge("process_resident_memory_bytes", "Resident memory.", [plain(process.residentBytes)]),
    gauge("process_start_time_seconds", "Start of the process since the epoch.", [
      plain(process.startTimeSeconds),
    ]),
    gauge("process_open_fds", "Open descriptors.", series({}, process.openDescriptors)),
    gauge("process_max_fds", "Limit of open descriptors.", series({}, process.maxDescriptors)),
  ];
}

function counter(name: string, help: string, values: readonly MetricValue[]): MetricFamily {
  return { name, type: "counter", help, values };
}

function gauge(name: string, help: string, values: readonly MetricValue[]): MetricFamily {
  return { name, type: "gauge", help, values };
}

function plain(value: number): MetricValue {
  return { labels: {}, value };
}

function series(labels: Record<string, string>, value: number | undefined): MetricValue[] {
  return value === undefined ? [] : [{ labels, value }];
}
