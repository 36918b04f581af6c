/** Limits of connections count over all workers of the real program. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { findFreePort } from "../processes.ts";
import { startGatehouse, untilMetric } from "./harness.ts";
import { dial, readToEnd, startTcpServer } from "./raw-tcp.ts";

const OPEN = 8;

test("limits.connections holds over two workers, and a place that is left is free again", async (t) => {
  const port = await findFreePort();
  const endpoint = await startTcpServer(t, (socket) => socket.resume());
  const gatehouse = await startGatehouse(t, {
    config: `
[[gateway]]
name = "tcp"
listen = "127.0.0.1:${port}"
protocol = "tcp"
limits.connections = ${OPEN}
[[virtual_service]]
hosts = ["*"]
[[virtual_service.tcp]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${endpoint}"]
`,
  });
  const active = { name: "gatehouse_connections_active" };
  const open: Socket[] = [];
  while (open.length < OPEN) open.push(await dial(t, port));
  await untilMetric(gatehouse, active, OPEN);
  for (let i = 0; i < 4; i += 1) {
    assert.equal((await readToEnd(await dial(t, port))).length, 0);
  }
  const overflow = { name: "gatehouse_failures_total", labels: { kind: "overflow" } };
  await untilMetric(gatehouse, overflow, 4);
  await gatehouse.accessLog.waitFor({ kind: "tcp", failure: "overflow" });
  open.pop()?.resetAndDestroy();
  await untilMetric(gatehouse, active, OPEN - 1);
  await dial(t, port);
  await untilMetric(gatehouse, active, OPEN);
  await untilMetric(gatehouse, overflow, 4);
});
