/** A worker that dies takes its own connections with it and nothing else. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { ConnectionsView } from "../../src/core/views.ts";
import { hasCommand } from "../packages.ts";
import { findFreePort, runProgram, until } from "../processes.ts";
import {
  countDescriptors,
  EXECUTABLE,
  startGatehouse,
  temporaryFolder,
  untilMetric,
} from "./harness.ts";
import { fetchStatus, runLoad } from "./http-client.ts";
import { startNginx } from "./nginx.ts";
import { dial, readToEnd, startTcpServer } from "./raw-tcp.ts";

const REQUESTS = 100_000;
const CONNECTIONS = 64;
const BUILD_MS = 120_000;
/** Connections; that the kernel gives all of them to one worker is out of the question. */
const LIMIT = 40;
const skip = !hasCommand("nginx") && "needs nginx";

test(
  `${CONNECTIONS} connections, ${REQUESTS} requests, and a worker dies in the middle`,
  { skip },
  async (t) => {
    const executable = await buildFaulty();
    const fault = join(temporaryFolder(t), "fault");
    const nginx = await startNginx(t, { locations: "location / { return 200 'here'; }" });
    const port = await findFreePort();
    const gatehouse = await startGatehouse(t, {
      executable,
      workers: 2,
      environment: { GATEHOUSE_TEST_FAULT: fault },
      config: config(port, nginx.port),
    });
    const descriptors = countDescriptors(gatehouse.pid);
    const asked = { count: 0 };
    const more = (): boolean => {
      asked.count += 1;
      if (asked.count === REQUESTS / 2) writeFileSync(fault, "");
      return asked.count <= REQUESTS;
    };
    const load = { port, host: "site.test", connections: CONNECTIONS, marker: "here", more };
    const { answered, failures, ports } = await runLoad(load);

    const dead = JSON.parse(readFileSync(`${fault}.taken`, "utf8")) as readonly number[];
    const lost = failures.filter(({ before }) => before === 0).map(({ localPort }) => localPort);
    assert.deepEqual(
      lost.filter((each) => !dead.includes(each)),
      [],
    );
    assert.ok(
      dead.length > 0 && dead.length < CONNECTIONS,
      `${dead.length} were the dead worker's`,
    );
    // Who comes back while the dying worker's listener is not closed yet may fail once more.
    assert.ok(failures.every(({ before }) => before <= 1));
    assert.equal(answered, REQUESTS - failures.length);
    assert.equal(ports.length, CONNECTIONS + failures.length);

    const died = await gatehouse.log.waitFor({ message: "a worker died and is replaced" });
    assert.equal(died["level"], "error");
    assert.match(String(died["error"]), /the fault of the test/);
    await gatehouse.log.waitFor({ message: "a new worker serves", worker: died["worker"] });
    assert.equal(await gatehouse.metric("gatehouse_worker_restarts_total"), 1);
    assert.equal((await gatehouse.ask("/readyz")).status, 200);
    // What the dead one had counted still counts, and what it had open is not open any more.
    await untilMetric(gatehouse, { name: "gatehouse_connections_active" }, 0);
    assert.ok((await gatehouse.metric("gatehouse_requests_total", { code: "2xx" })) >= answered);
    const counted = await gatehouse.metric("gatehouse_connections_total");
    assert.ok(counted >= CONNECTIONS + lost.length && counted <= ports.length, String(counted));
    for (let i = 0; i < 20; i += 1) assert.equal(await fetchStatus(port, "site.test"), 200);
    await until("no more descriptors than before", () => {
      return countDescriptors(gatehouse.pid) <= descriptors ? true : undefined;
    });
  },
);

test("a dead worker's share of a limit is free again, and nobody who looks is held up", async (t) => {
  const executable = await buildFaulty();
  const fault = join(temporaryFolder(t), "fault");
  const endpoint = await startTcpServer(t, (socket) => socket.resume());
  const port = await findFreePort();
  const gatehouse = await startGatehouse(t, {
    executable,
    workers: 2,
    environment: { GATEHOUSE_TEST_FAULT: fault },
    config: limited(port, endpoint),
  });
  const active = { name: "gatehouse_connections_active" };
  const overflow = { name: "gatehouse_failures_total", labels: { kind: "overflow" } };
  const open = async (): Promise<Socket> => {
    const socket = await dial(t, port);
    socket.resume();
    return socket;
  };
  const sockets: Socket[] = [];
  while (sockets.length < LIMIT) sockets.push(await open());
  await untilMetric(gatehouse, active, LIMIT);
  await readToEnd(await open());
  await untilMetric(gatehouse, overflow, 1);

  writeFileSync(fault, "");
  // Asked all the time while it dies and is replaced.
  await until("a new worker serves", async () => {
    const { status, text } = await gatehouse.ask("/connections");
    assert.equal(status, 200);
    assert.deepEqual((JSON.parse(text) as ConnectionsView).silent_workers, []);
    return gatehouse.log.having({ message: "a new worker serves" }).length > 0 ? true : undefined;
  });
  const dead = (JSON.parse(readFileSync(`${fault}.taken`, "utf8")) as readonly number[]).length;
  assert.ok(dead > 0 && dead < LIMIT, `${dead} were the dead worker's`);
  await untilMetric(gatehouse, active, LIMIT - dead);
  const { text } = await gatehouse.ask("/connections");
  assert.equal((JSON.parse(text) as ConnectionsView).total, LIMIT - dead);
  for (let i = 0; i < dead; i += 1) await open();
  await untilMetric(gatehouse, active, LIMIT);
  await untilMetric(gatehouse, overflow, 1);
  await readToEnd(await open());
  await untilMetric(gatehouse, overflow, 2);
});

test("the shipped executable has no such fault", () => {
  assert.equal(readFileSync(EXECUTABLE).includes("GATEHOUSE_TEST_FAULT"), false);
});

async function buildFaulty(): Promise<string> {
  const script = join(import.meta.dirname, "faulty-build.ts");
  const { status, stdout, stderr } = await runProgram(process.execPath, [script], {
    deadlineMs: BUILD_MS,
  });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split("\n").at(-1) ?? "";
}

function limited(port: number, endpoint: number): string {
  return `
[[gateway]]
name = "tcp"
listen = "127.0.0.1:${port}"
protocol = "tcp"
limits.connections = ${LIMIT}
[[virtual_service]]
hosts = ["*"]
[[virtual_service.tcp]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${endpoint}"]
`;
}

function config(port: number, endpoint: number): string {
  return `
access_log.path = "off"

[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"

[[virtual_service]]
hosts = ["site.test"]

[[virtual_service.http]]
route = "site"

[service.site]
endpoints = ["127.0.0.1:${endpoint}"]
timeouts.idle = "100ms"
`;
}
