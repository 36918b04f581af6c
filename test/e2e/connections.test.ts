/** `show connections` over the workers of the real program. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionsView } from "../../src/core/views.ts";
import { findFreePort, until } from "../processes.ts";
import { startEcho, startHttpEndpoint } from "./endpoints.ts";
import { type Gatehouse, startGatehouse } from "./harness.ts";
import { keepConnection, openTunnel } from "./long-lived.ts";
import { dial } from "./raw-tcp.ts";

/** That the kernel gives all of them to one worker is out of the question. */
const TUNNELS = 24;
/** Another client of loopback. */
const NEIGHBOUR = "127.0.0.9";

test("what is open in two workers is told with its bytes, and goes when it closes", async (t) => {
  const [echo, web, tls] = [await startEcho(t), await findFreePort(), await findFreePort()];
  const site = await startHttpEndpoint(t, (_, response) => response.end("site"));
  const gatehouse = await startGatehouse(t, {
    config: configuration({ web, tls }, { echo, site }),
  });
  assert.deepEqual(await connectionsOf(gatehouse), {
    total: 0,
    connections: [],
    silent_workers: [],
  });
  const tunnels = [await openTunnel(t, tls)];
  while (tunnels.length < TUNNELS) tunnels.push(await openTunnel(t, tls));
  await tunnels[3]?.echo("x".repeat(100_000));
  const kept = keepConnection(t, web);
  await kept.get("site.test");
  const silent = await dial(t, tls);
  await until("all are there", async () => {
    const { total } = await connectionsOf(gatehouse);
    return total === TUNNELS + 2 ? true : undefined;
  });

  const all = await connectionsOf(gatehouse, "?kind=tls&service=echo");
  assert.equal(all.total, TUNNELS);
  assert.deepEqual(new Set(all.connections.map(({ worker }) => worker)), new Set([0, 1]));
  assert.deepEqual(
    new Set(all.connections.map(({ client }) => client)),
    new Set(tunnels.map(({ socket }) => `127.0.0.1:${socket.localPort}`)),
  );
  const opened = all.connections.map(({ opened_at }) => opened_at);
  assert.deepEqual(opened, opened.toSorted(), "the oldest first, whichever worker has it");
  const [largest] = (await connectionsOf(gatehouse, "?sort=bytes&limit=1")).connections;
  assert.equal(largest?.client, `127.0.0.1:${tunnels[3]?.socket.localPort}`);
  assert.ok(largest.bytes_in > 100_000 && largest.bytes_in === largest.bytes_out);
  assert.deepEqual(
    [largest.kind, largest.state, largest.gateway, largest.sni, largest.endpoint],
    ["tls", "tunnel", "tls", "nginx.com", `127.0.0.1:${echo}`],
  );
  const states = await connectionsOf(gatehouse, "?kind=http");
  assert.deepEqual(
    states.connections.map(({ state, requests }) => [state, requests]),
    [["idle", 1]],
  );
  assert.equal((await connectionsOf(gatehouse, `?client=${NEIGHBOUR}`)).total, 0);

  const table = await gatehouse.command("show", "connections", "--client", "127.0.0.1");
  assert.deepEqual([table.status, table.stderr], [0, ""]);
  assert.match(table.stdout, /^26 open\n\nKIND +STATE +CLIENT +GATEWAY/);
  assert.match(table.stdout, new RegExp(`tls +hello +127\\.0\\.0\\.1:${silent.localPort} `));
  assert.equal(table.stdout.match(/^tls +tunnel .* nginx\.com +echo +/gm)?.length, TUNNELS);

  silent.destroy();
  for (const { socket } of tunnels) socket.resetAndDestroy();
  await until("they are gone", async () => {
    return (await connectionsOf(gatehouse, "?kind=tls")).total === 0 ? true : undefined;
  });
});

test("it can be asked for while connections come and go", async (t) => {
  const [echo, web, tls] = [await startEcho(t), await findFreePort(), await findFreePort()];
  const gatehouse = await startGatehouse(t, {
    config: configuration({ web, tls }, { echo, site: 1 }),
  });
  const going = { on: true };
  const churn = async (): Promise<void> => {
    while (going.on) {
      const { socket } = await openTunnel(t, tls);
      socket.resetAndDestroy();
    }
  };
  const churns = [churn(), churn(), churn(), churn()];
  for (let i = 0; i < 100; i += 1) {
    const { connections, silent_workers } = await connectionsOf(gatehouse, "?sort=bytes");
    assert.deepEqual(silent_workers, []);
    for (const { bytes_in, age_ms } of connections) assert.ok(bytes_in >= 0 && age_ms >= 0);
  }
  going.on = false;
  await Promise.all(churns);
  assert.equal(await gatehouse.metric("gatehouse_worker_restarts_total"), 0);
});

async function connectionsOf(gatehouse: Gatehouse, query = ""): Promise<ConnectionsView> {
  const { status, text } = await gatehouse.ask(`/connections${query}`);
  assert.equal(status, 200, text);
  return JSON.parse(text) as ConnectionsView;
}

function configuration(
  listen: { readonly web: number; readonly tls: number },
  endpoints: { readonly echo: number; readonly site: number },
): string {
  return `
[[gateway]]
name = "web"
listen = "127.0.0.1:${listen.web}"
protocol = "http"
[[gateway]]
name = "tls"
listen = "127.0.0.1:${listen.tls}"
protocol = "tls"
[[virtual_service]]
hosts = ["site.test"]
[[virtual_service.http]]
route = "site"
[[virtual_service]]
hosts = ["nginx.com"]
[[virtual_service.tls]]
route = "echo"
[service.site]
endpoints = ["127.0.0.1:${endpoints.site}"]
[service.echo]
endpoints = ["127.0.0.1:${endpoints.echo}"]
`;
}
