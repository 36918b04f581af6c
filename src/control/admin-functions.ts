/** What the admin API asks of the box. */
import type { AdminFunctions } from "../admin/app.ts";
import { connectionsView } from "../admin/connection-views.ts";
import { routesView } from "../admin/route-views.ts";
import { listenersView, servicesView, snapshotView } from "../admin/views.ts";
import { readConnectionsQuery } from "../core/open-connections.ts";
import { success } from "../core/result.ts";
import { readQuestion } from "../routing/explain-question.ts";
import type { Logger } from "../telemetry/log.ts";
import type { MetricsInput } from "../telemetry/metrics-input.ts";
import { readProcessFigures } from "../telemetry/process-figures.ts";
import type { Box } from "./box.ts";

/** Endpoint series of one service: a DNS answer must not make any number of them. */
const ENDPOINT_SERIES_MAX = 64;

/** Lines of the access log that the main thread could not write. */
export interface DroppedLines {
  readonly dropped: number;
}

/** Binds the functions to the box. The renderer of metrics and Hono are loaded by whoever asks first. */
export function createAdminFunctions(box: Box, stdout: DroppedLines, log: Logger): AdminFunctions {
  return {
    readiness: () => box.readiness(),
    metrics: async () => {
      const { renderMetrics } = await import("../telemetry/metrics.ts");
      return renderMetrics(metricsInput(box, stdout));
    },
    snapshot: () => snapshotView(box.snapshot),
    listeners: () => listenersView(box.snapshot, box.supervisor.counters()),
    routes: () => routesView(box.snapshot),
    services: () =>
      servicesView(box.snapshot, {
        counters: box.supervisor.counters(),
        endpoints: box.discovery.endpoints(),
        names: (service) => box.discovery.status(service),
      }),
    connections: async (asked) => {
      const query = readConnectionsQuery(asked);
      if (!query.ok) return query;
      const { silent, ...page } = await box.supervisor.connections(query.value);
      return success(connectionsView(page, silent, Date.now()));
    },
    explain: async (asked) => {
      const question = readQuestion(asked);
      if (!question.ok) return question;
      const { explain } = await import("../routing/explain.ts");
      return success(
        explain(box.snapshot, question.value, { sets: box.discovery.endpoints(), health: {} }),
      );
    },
    reload: () => box.reload(),
    drain: () => box.drain(),
    problem: (error) => log.error("the admin API failed", { error: String(error) }),
  };
}

function metricsInput(box: Box, stdout: DroppedLines): MetricsInput {
  const sets = Object.entries(box.discovery.endpoints());
  return {
    blocks: box.layout.blocks(),
    values: box.supervisor.counters(),
    version: box.buildInfo.version,
    snapshotVersion: box.snapshot.version,
    reloads: box.reloads,
    accessLogDropped: stdout.dropped + box.supervisor.dropped,
    workerRestarts: box.supervisor.restarts,
    endpoints: sets.flatMap(([service, endpoints]) =>
      endpoints
        .slice(0, ENDPOINT_SERIES_MAX)
        .map(({ name }) => ({ service, endpoint: name, healthy: true })),
    ),
    threads: box.supervisor.utilizations().map((utilization, index) => ({
      thread: String(index),
      utilization,
      lagSeconds: undefined,
    })),
    process: readProcessFigures(Date.now()),
  };
}
