/**
 * `node test/bench/warm.ts [TUNNELS]`: how long a tunnel takes from the client's connect to the endpoint's first byte, with
 * and without `pool.warm`, where the endpoint is 20 ms away each way. The way is a relay of this file; it needs the built
 * executable.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { alpn, helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { startDelayRelay } from "../delay-relay.ts";
import { type Scope, startGatehouse } from "../e2e/harness.ts";
import { startTcpServer } from "../e2e/raw-tcp.ts";
import { findFreePort, until } from "../processes.ts";

const DELAY_MS = 20;
const HOST = "a.test";
const HELLO = helloWith(serverNames(HOST), alpn("h2"));
const tunnels = Number(process.argv[2] ?? "50");

const cleaning: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (clean) => void cleaning.push(clean) };
try {
  for (const warm of [0, 4]) console.log(`warm = ${warm}: ${describe(await measure(warm))}`);
} finally {
  for (const clean of cleaning.toReversed()) await clean();
}

/** Milliseconds, sorted. */
async function measure(warm: number): Promise<readonly number[]> {
  const endpoint = await startTcpServer(scope, (socket) => {
    socket.on("data", () => socket.write("hello back"));
    socket.on("end", () => socket.end());
  });
  const relay = await startDelayRelay(scope, { port: endpoint, delayMs: DELAY_MS });
  const port = await findFreePort();
  const gatehouse = await startGatehouse(scope, {
    workers: 1,
    config: `
access_log.path = "off"
[[gateway]]
name = "tls"
listen = "127.0.0.1:${port}"
protocol = "tls"
[[virtual_service]]
hosts = ["*"]
[[virtual_service.tls]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${relay}"]
pool.warm = ${warm}
`,
  });
  await until("warm connections", async () => {
    const open = await gatehouse.metric("gatehouse_upstream_connections_active");
    return open >= warm ? true : undefined;
  });
  const times: number[] = [];
  for (let i = 0; i < tunnels + 5; i += 1) {
    const time = await tunnel(port);
    // The first ones wait for code to be compiled.
    if (i >= 5) times.push(time);
  }
  return times.toSorted((a, b) => a - b);
}

async function tunnel(port: number): Promise<number> {
  const startedMs = performance.now();
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.write(HELLO);
  await once(socket, "data");
  const tookMs = performance.now() - startedMs;
  socket.end();
  await once(socket, "close");
  return tookMs;
}

function describe(times: readonly number[]): string {
  const at = (share: number): string =>
    (times[Math.floor(times.length * share)] ?? Number.NaN).toFixed(1);
  return `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, of ${times.length} tunnels`;
}
