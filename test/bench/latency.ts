/**
 * `node test/bench/latency.ts [SECONDS] [PEER…]`: latency of proxied requests while each proxy runs at 60 % of its own
 * saturation, constant rate. The proxy has one core, the site and the load the other. Prints p50 and p99 and the ratio
 * of p99 to nginx. `wrk` finds the saturation, `h2load` makes the constant rate.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { OTHER_CORE, PROXY_CORE, pin } from "./cores.ts";
import { HTTP_PEERS, type RunningPeer, startPeer, startSite } from "./peers.ts";
import { freePort } from "./ports.ts";

const CONNECTIONS = 32;
const LOAD_SHARE = 0.6;
const WARM_UP_SECONDS = 3;

const run = promisify(execFile);
const seconds = Number(process.argv[2] ?? "10");
const wanted = process.argv.slice(3);
const peers = HTTP_PEERS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-"));
chmodSync(folder, 0o755);
const sitePort = await freePort();
let site: RunningPeer | undefined;
const results: { readonly name: string; readonly rate: number; readonly sorted: Float64Array }[] =
  [];
try {
  site = await startSite(folder, sitePort);
  await pin(site.pid, OTHER_CORE);
  for (const peer of peers) {
    const port = await freePort();
    const running = await startPeer(peer, {
      listen: port,
      site: sitePort,
      admin: await freePort(),
    });
    try {
      await pin(running.pid, PROXY_CORE);
      await saturate(port, WARM_UP_SECONDS);
      const rate = (await saturate(port, WARM_UP_SECONDS)) * LOAD_SHARE;
      results.push({ name: peer.name, rate, sorted: await constantRate(port, rate) });
    } finally {
      await running.stop();
    }
  }
} finally {
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
}
const base = results.find(({ name }) => name === "nginx");
for (const { name, rate, sorted } of results) {
  const [p50, p99] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
  const ratio = base === undefined ? Number.NaN : p99 / quantile(base.sorted, 0.99);
  console.log(
    `${name.padEnd(10)} ${rate.toFixed(0)} requests/s  p50 ${p50.toFixed(0)} µs  ` +
      `p99 ${p99.toFixed(0)} µs  (${ratio.toFixed(2)} of nginx)`,
  );
}

/** Requests a second at full load. */
async function saturate(port: number, length: number): Promise<number> {
  const url = `http://127.0.0.1:${port}/20`;
  const load = ["-t1", `-c${CONNECTIONS}`, `-d${length}s`, url];
  const { stdout } = await run("taskset", ["-c", OTHER_CORE, "wrk", ...load]);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? "0");
}

/** Latencies in microseconds, sorted. */
async function constantRate(port: number, rate: number): Promise<Float64Array> {
  const log = join(folder, "latency.log");
  rmSync(log, { force: true });
  const each = Math.max(1, Math.round(rate / CONNECTIONS));
  const load = [
    "--h1",
    `-c${CONNECTIONS}`,
    "-t1",
    `--rps=${each}`,
    `-D${seconds}`,
    `--log-file=${log}`,
  ];
  await run("taskset", ["-c", OTHER_CORE, "h2load", ...load, `http://127.0.0.1:${port}/20`]);
  const rows = readFileSync(log, "utf8").trim().split("\n");
  const times = rows.map((row) => row.split("\t")).filter((fields) => fields[1] === "200");
  return Float64Array.from(times, (fields) => Number(fields[2])).toSorted();
}

function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
