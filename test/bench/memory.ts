/**
 * `node test/bench/memory.ts [CONNECTIONS] [ROUNDS]`: what idle kept-alive connections cost dist/gatehouse in resident memory,
 * whether that grows over rounds of opening and closing them, and what a stream of 1 GiB each way costs while one side is
 * slow. Load stays on loopback and ends by itself.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { type Server, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HTTP_PEERS, type RunningPeer, startPeer, startSite, statusKiB } from "./peers.ts";
import { measureIdle } from "./idle-rounds.ts";
import { freePort } from "./ports.ts";

const GIB = 1024 ** 3;
/** The kernel takes small buffers of a reader that pauses; the proxy must not add to them. */
const SLOW_READ_BYTES = 4 * 1024 * 1024;

const connections = Number(process.argv[2] ?? "10000");
const rounds = Number(process.argv[3] ?? "8");
const [gatehouse] = HTTP_PEERS;
if (gatehouse === undefined) throw new Error("no gatehouse among the peers");

const folder = mkdtempSync(join(tmpdir(), "gatehouse-bench-"));
const sitePort = await freePort();
const listen = await freePort();
let site: RunningPeer | undefined;
let streams: Server | undefined;
let proxy: RunningPeer | undefined;
try {
  site = await startSite(folder, sitePort);
  proxy = await startPeer(gatehouse, { listen, site: sitePort, admin: await freePort() });
  await measureIdle(proxy.pid, { count: connections, rounds, open: request });
  await proxy.stop();
  await site.stop();
  streams = createServer(serveStream).listen(sitePort, "127.0.0.1");
  proxy = await startPeer(gatehouse, { listen, site: sitePort, admin: await freePort() });
  await stream(proxy.pid, "download");
  await stream(proxy.pid, "upload");
} finally {
  await proxy?.stop();
  await site?.stop();
  streams?.close();
  rmSync(folder, { recursive: true, force: true });
}

/** One connection that has had its answer and stays. */
function request(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(listen, "127.0.0.1", () =>
      socket.write("GET /20 HTTP/1.1\r\nHost: a\r\n\r\n"),
    );
    socket.on("error", reject);
    socket.once("data", () => resolve(socket));
  });
}

/** Sends or swallows 1 GiB; slowly on the side that reads. */
function serveStream(socket: Socket): void {
  socket.on("error", () => socket.destroy());
  socket.once("data", (head: Buffer) => {
    if (head.toString("latin1").startsWith("GET")) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${GIB}\r\n\r\n`);
      pour(socket, GIB);
      return;
    }
    const end = head.indexOf("\r\n\r\n") + 4;
    void readSlowly(socket, GIB - (head.length - end)).then(() =>
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    );
  });
}

async function stream(pid: number, direction: "download" | "upload"): Promise<void> {
  const before = statusKiB(pid, "VmRSS");
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, statusKiB(pid, "VmRSS"));
  }, 20);
  const socket = connect(listen, "127.0.0.1");
  socket.on("error", () => socket.destroy());
  if (direction === "download") {
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await readSlowly(socket, GIB);
  } else {
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIB}\r\n\r\n`);
    pour(socket, GIB);
    await new Promise((resolve) => socket.once("data", resolve));
  }
  socket.destroy();
  clearInterval(timer);
  const more = ((peak - before) / 1024).toFixed(1);
  console.log(`1 GiB ${direction}, slow reader: ${more} MiB more than before at its peak`);
}

function pour(socket: Socket, total: number): void {
  const piece = Buffer.alloc(256 * 1024, "x");
  let left = total;
  const more = (): void => {
    while (left > 0) {
      const bytes = left >= piece.length ? piece : piece.subarray(0, left);
      left -= bytes.length;
      if (!socket.write(bytes)) return;
    }
  };
  socket.on("drain", more);
  more();
}

/** Reads so many bytes, with a pause of some milliseconds after every few MiB. */
function readSlowly(socket: Socket, total: number): Promise<void> {
  return new Promise((resolve) => {
    let left = total;
    let sincePause = 0;
    socket.on("data", (chunk: Buffer) => {
      left -= chunk.length;
      sincePause += chunk.length;
      if (left <= 0) resolve();
      if (sincePause < SLOW_READ_BYTES) return;
      sincePause = 0;
      socket.pause();
      setTimeout(() => socket.resume(), 5);
    });
    socket.on("close", () => resolve());
  });
}
