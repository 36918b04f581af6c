/**
 * `node test/bench/tls.ts [CONNECTIONS] [ROUNDS] [TUNNELS]`: processor time of passed-through TLS, gatehouse beside HAProxy,
 * sniproxy and nginx with one worker or thread each and the access log on: for a connection that sends a hello and 1 KiB,
 * gets 1 KiB and closes; for a GB that comes back; and what an idle tunnel takes of memory. The proxies take turns on one
 * core, the load and the endpoint have the other. Prints medians and ratios to HAProxy. As root it installs the proxies
 * that are missing.
 */
import { type Server, type Socket, connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { OTHER_CORE, PROXY_CORE, pin } from "./cores.ts";
import { type Peer, type RunningPeer, cpuTimeUs, inTurns, startPeer, statusKiB } from "./peers.ts";
import { freePort } from "./ports.ts";
import { availableStreamPeers } from "./stream-peers.ts";

const CONCURRENT = 16;
const KIB = Buffer.alloc(1024, "x");
const HELLO = helloWith(serverNames("nginx.com"));
const STREAM_BYTES = 1e9;
const PIECE = Buffer.alloc(256 * 1024, "x");
const BATCH = 100;
const SETTLE_MS = 1500;
/** V8 compiles the hot path in the first seconds: measured too early, gatehouse costs half as much again. */
const WARM_UP_TIMES = 3;

const connections = Number(process.argv[2] ?? "4000");
const rounds = Number(process.argv[3] ?? "3");
const tunnels = Number(process.argv[4] ?? "5000");

type Running = RunningPeer & { readonly port: number };

const peers = availableStreamPeers();
const running = new Map<Peer, Running>();
const site = await freePort();
const endpoint: Server = createServer({ noDelay: true }, serve).listen(site, "127.0.0.1", 8192);
try {
  await pin(process.pid, OTHER_CORE);
  for (const peer of peers) {
    const ports = { listen: await freePort(), site, admin: await freePort() };
    const started = await startPeer(peer, ports);
    running.set(peer, { ...started, port: ports.listen });
    await pin(started.pid, PROXY_CORE);
  }
  for (const { port } of running.values()) await drive(port, WARM_UP_TIMES * connections);
  await compare("connection", "µs", async ({ pid, port }) => {
    const before = cpuTimeUs(pid);
    await drive(port, connections);
    return (cpuTimeUs(pid) - before) / connections;
  });
  await compare("GB", "ms", async ({ pid, port }) => {
    const before = cpuTimeUs(pid);
    await fetchStream(port);
    return (cpuTimeUs(pid) - before) / 1000;
  });
  if (tunnels > 0) await compare("idle tunnel", "KiB", idleTunnels);
} finally {
  for (const peer of running.values()) await peer.stop();
  endpoint.close();
}

/** Everybody once to warm up, then in turns. */
async function compare(
  what: string,
  unit: string,
  measure: (peer: Running) => Promise<number>,
): Promise<void> {
  const samples = new Map(peers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [{ name }, peer] of inTurns(running, round)) {
      const value = await measure(peer);
      if (round > 0) samples.get(name)?.push(value);
    }
  }
  const base = median(samples.get("haproxy") ?? []);
  const cells = [...samples].map(([name, list]) => {
    const value = median(list);
    return `${name} ${value.toFixed(1)} ${unit} (${(value / base).toFixed(2)})`;
  });
  console.log(`${what.padEnd(12)} ${cells.join("   ")}`);
}

/** Answers what follows a hello: `S` with a stream, anything else with 1 KiB once 1 KiB has come. */
function serve(socket: Socket): void {
  let bytes = 0;
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (chunk.at(-1) === 0x53) pour(socket);
    else if (bytes >= HELLO.length + KIB.length) socket.end(KIB);
  });
}

function pour(socket: Socket): void {
  let left = STREAM_BYTES;
  const more = (): void => {
    while (left > 0) {
      left -= PIECE.length;
      if (!socket.write(PIECE)) return;
    }
    socket.end();
  };
  socket.on("drain", more);
  more();
}

async function drive(port: number, count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await exchange(port, Buffer.concat([HELLO, KIB]), KIB.length);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, one));
}

async function fetchStream(port: number): Promise<void> {
  await exchange(port, Buffer.concat([HELLO, Buffer.from("S")]), STREAM_BYTES);
}

function exchange(port: number, sent: Buffer, wanted: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(sent));
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    socket.on("error", reject);
    socket.on("close", () =>
      bytes >= wanted ? resolve() : reject(new Error(`port ${port}: ${bytes} bytes came`)),
    );
  });
}

async function idleTunnels({ pid, port }: Running): Promise<number> {
  const before = statusKiB(pid, "VmRSS");
  const open: Socket[] = [];
  while (open.length < tunnels) {
    const batch = Array.from({ length: Math.min(BATCH, tunnels - open.length) }, () => join(port));
    open.push(...(await Promise.all(batch)));
  }
  await delay(SETTLE_MS);
  const held = statusKiB(pid, "VmRSS");
  for (const socket of open) socket.destroy();
  await delay(SETTLE_MS);
  return (held - before) / tunnels;
}

function join(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(HELLO, () => resolve(socket)));
    socket.on("error", reject);
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
