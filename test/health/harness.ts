/** Peers on loopback that are checked, and one check of them. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket, type Server } from "node:net";
import type { TestContext } from "node:test";
import type { CheckResult } from "../../src/core/health-check.ts";
import type { Endpoint, HealthCheckPolicy } from "../../src/core/service.ts";
import type { CheckedService, CheckTask } from "../../src/health/check-task.ts";
import { createStartCheck } from "../../src/health/start-check.ts";

/** As a file says it that says nothing but the kind. */
export const POLICY: HealthCheckPolicy = {
  kind: "http",
  path: "/healthz",
  host: undefined,
  grpcService: "",
  intervalMs: 5000,
  timeoutMs: 2000,
  unhealthyAfter: 3,
  healthyAfter: 2,
  expect: [200],
};

/** A service that is checked so. */
export function checkedService(
  policy: Partial<HealthCheckPolicy> = {},
  more: Partial<CheckedService> = {},
): CheckedService {
  return {
    name: "web",
    tls: undefined,
    proxyProtocol: undefined,
    policy: { ...POLICY, ...policy },
    ...more,
  };
}

/** The endpoint at this port of loopback. */
export function endpointAt(port: number, more: Partial<Endpoint> = {}): Endpoint {
  return { host: "127.0.0.1", port, weight: 1, name: `127.0.0.1:${port}`, ...more };
}

/** A server of any kind on a free port, closed with all its connections after the test. */
export async function listen(t: TestContext, server: Server): Promise<Endpoint> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return endpointAt((server.address() as AddressInfo).port);
}

/** A raw peer: `script` gets each connection. */
export function listenRaw(t: TestContext, script: (socket: Socket) => void): Promise<Endpoint> {
  return listen(t, createServer(script));
}

/** One check to its end. */
export function runCheck(task: CheckTask): Promise<CheckResult> {
  return new Promise((resolve, reject) =>
    createStartCheck()(task, (result) => {
      if (result === undefined) reject(new Error("the box has no means"));
      else resolve(result);
    }),
  );
}
