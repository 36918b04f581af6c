/** What the admin API asks of the box. */
import type { AdminFunctions } from "../admin/app.ts";
import { connectionsView } from "../admin/connection-views.ts";
import { routesView } from "../admin/route-views.ts";
import { servicesView } from "../admin/service-views.ts";
import { listenersView, snapshotView } from "../admin/views.ts";
import { readConnectionsQuery } from "../core/open-connections.ts";
import { success } from "../core/result.ts";
import { readQuestion } from "../routing/explain-question.ts";
import type { Logger } from "../telemetry/log.ts";
import type { MetricsInput } from "../telemetry/metrics-input.ts";
import { readProcessFigures } from "../telemetry/process-figures.ts";
import type { Box } from "./box.ts";
import { countedEndpoints } from "./counted-endpoints.ts";

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
    services: async () =>
      servicesView(box.snapshot, {
        counters: box.supervisor.counters(),
        loads: await box.supervisor.loads(),
        conditions: (service) => box.health.conditions(service),
        absentOuts: (service) => box.health.absentOuts(service),
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
        explain(box.snapshot, question.value, {
          sets: box.discovery.endpoints(),
          health: box.health.tables(),
        }),
      );
    },
    setOut: (change) => {
      const done = box.health.setOut(change);
      if (!done.ok) return done;
      const { service, address } = change;
      const { changed, state, left } = done.value;
      const ofState = state === undefined ? {} : { state };
      return success({ service, address, changed, ...ofState, left });
    },
    reload: () => box.reload(),
    drain: () => box.drain(),
    problem: (error) => log.error("the admin API failed", { error: String(error) }),
  };
}

function metricsInput(box: Box, stdout: DroppedLines): MetricsInput {
  return {
    blocks: box.layout.blocks(),
    values: box.supervisor.counters(),
    version: box.buildInfo.version,
    snapshotVersion: box.snapshot.version,
    reloads: box.reloads,
    accessLogDropped: stdout.dropped + box.supervisor.dropped,
    workerRestarts: box.supervisor.restarts,
    endpoints: box.snapshot.services.flatMap((service) =>
      countedEndpoints(service, box.health.conditions(service.name)).map(({ endpoint, state }) => {
        return { service: service.name, endpoint: endpoint.name, healthy: state === "healthy" };
      }),
    ),
    threads: box.supervisor.utilizations().map((utilization, index) => ({
      thread: String(index),
      utilization,
      lagSeconds: undefined,
    })),
    process: readProcessFigures(Date.now()),
  };
}
