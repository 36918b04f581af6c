/**
 * `node test/bench/http.ts [SECONDS] [ROUNDS] [PEER…]`: processor time per proxied request, gatehouse beside nginx, HAProxy
 * and Caddy with one worker or thread each, kept-alive connections on both sides and the access log on. First every
 * proxy must answer right; then they take turns, so that what else the machine does falls on all of them alike. The proxy
 * has one core, the site and the load the other. Prints
 * medians and ratios to nginx. Load stays on loopback; `wrk` makes it.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  HTTP_PEERS,
  type Peer,
  type RunningPeer,
  cpuTimeUs,
  inTurns,
  startPeer,
  startSite,
} from "./peers.ts";
import { OTHER_CORE, PROXY_CORE, pin } from "./cores.ts";
import { freePort } from "./ports.ts";

interface Load {
  readonly name: string;
  readonly path: string;
  readonly bodyBytes: number;
  readonly answerBytes: number;
}

const LOADS: readonly Load[] = [
  { name: "20 B", path: "/20", bodyBytes: 0, answerBytes: 20 },
  { name: "1 KiB", path: "/1k", bodyBytes: 0, answerBytes: 1024 },
  { name: "100 KiB", path: "/100k", bodyBytes: 0, answerBytes: 102_400 },
  { name: "POST 10 KiB", path: "/post", bodyBytes: 10_240, answerBytes: 2 },
];
const CONNECTIONS = 64;
// V8 compiles the hot path in the first seconds: measured too early, gatehouse costs half as much again.
const WARM_UP_SECONDS = 6;

const run = promisify(execFile);
const seconds = Number(process.argv[2] ?? "4");
const rounds = Number(process.argv[3] ?? "3");
const wanted = process.argv.slice(4);
const peers = HTTP_PEERS.filter(({ name }) => wanted.length === 0 || wanted.includes(name));

const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-"));
const running = new Map<Peer, RunningPeer & { readonly port: number }>();
const sitePort = await freePort();
let site: RunningPeer | undefined;
try {
  // Debian's nginx gives its workers to another user.
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, "root"));
  for (const { path, answerBytes } of LOADS) {
    writeFileSync(join(folder, "root", path), "x".repeat(answerBytes));
  }
  site = await startSite(folder, sitePort);
  await pin(site.pid, OTHER_CORE);
  for (const peer of peers) {
    const port = await freePort();
    const ports = { listen: port, site: sitePort, admin: await freePort() };
    const started = await startPeer(peer, ports);
    running.set(peer, { ...started, port });
    await pin(started.pid, PROXY_CORE);
  }
  for (const { port } of running.values()) await proveCorrect(port);
  for (const load of LOADS) await measure(load);
} finally {
  for (const peer of running.values()) await peer.stop();
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(load: Load): Promise<void> {
  const samples = new Map(peers.map((peer) => [peer.name, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [peer, { pid, port }] of inTurns(running, round)) {
      const length = round === 0 ? WARM_UP_SECONDS : seconds;
      const before = cpuTimeUs(pid);
      const requests = await drive(load, port, length);
      if (round > 0) samples.get(peer.name)?.push((cpuTimeUs(pid) - before) / requests);
    }
  }
  const base = median(samples.get("nginx") ?? [Number.NaN]);
  const cells = [...samples].map(
    ([name, list]) => `${name} ${median(list).toFixed(1)} µs (${(median(list) / base).toFixed(2)})`,
  );
  console.log(`${load.name.padEnd(12)} ${cells.join("   ")}`);
}

/** Returns how many requests were answered; throws when any went wrong. */
async function drive(load: Load, port: number, length: number): Promise<number> {
  const script = join(folder, "load.lua");
  const body = load.bodyBytes === 0 ? "nil" : `string.rep("x", ${load.bodyBytes})`;
  const method = load.bodyBytes === 0 ? "GET" : "POST";
  writeFileSync(script, `wrk.method = "${method}"\nwrk.body = ${body}\n`);
  const url = `http://127.0.0.1:${port}${load.path}`;
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${length}s`, "-s", script, url];
  const { stdout } = await run("taskset", ["-c", OTHER_CORE, "wrk", ...args]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return Number(/(\d+) requests in/.exec(stdout)?.[1] ?? "0");
}

async function proveCorrect(port: number): Promise<void> {
  for (const { path, bodyBytes, answerBytes } of LOADS) {
    const post = { method: "POST", body: "x".repeat(bodyBytes) };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, bodyBytes === 0 ? {} : post);
    const text = await answer.text();
    if (answer.status !== 200 || text.length !== answerBytes) {
      throw new Error(`port ${port} ${path}: ${answer.status}, ${text.length} bytes`);
    }
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
