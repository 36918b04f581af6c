/** A peer that reads slowly makes the other wait, and costs the box no more memory the more there is to send. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { test } from "node:test";
import { loadCorpus } from "../corpus/hello/corpus.ts";
import { findFreePort, until } from "../processes.ts";
import { startGatehouse } from "./harness.ts";
import { dial, startTcpServer } from "./raw-tcp.ts";

const NAME = "nginx.com";
const MIB = 1024 * 1024;
const STREAM_BYTES = 1024 * MIB;
/** It stops reading so often. */
const PAUSES = 8;
const PIECE = Buffer.alloc(256 * 1024, "x");
/** What the box may come to need for two streams; what the kernel holds is not the box's. */
const GROWTH_MIB_MAX = 160;
/** What the sender's stream, the box and the reader's stream hold, besides the kernel. */
const HELD_BYTES_MAX = 8 * MIB;
/** Nothing more has come for so many looks, 5 ms apart. */
const LOOKS = 40;

test("1 GiB to a slow client and 1 GiB to a slow endpoint, in bounded memory", async (t) => {
  const stream = { down: 0, up: 0 };
  const accepted: Socket[] = [];
  const endpoint = await startTcpServer(t, (socket) => void accepted.push(socket.pause()));
  const [tls, tcp] = [await findFreePort(), await findFreePort()];
  const gatehouse = await startGatehouse(t, { config: configuration({ tls, tcp }, endpoint) });
  const hello = loadCorpus().find(({ serverName }) => serverName === NAME)?.bytes;
  assert.ok(hello);

  const reader = (await dial(t, tls)).pause();
  reader.write(hello);
  const source = await until("the endpoint's connection", () => accepted[0]);
  source.resume();
  const writer = (await dial(t, tcp)).resume();
  const drain = await until("the other connection", () => accepted[1]);
  const before = memoryMiB(gatehouse.pid, "VmRSS");
  pour(source, (bytes) => (stream.down += bytes));
  pour(writer, (bytes) => (stream.up += bytes));
  await Promise.all([readSlowly(reader, () => stream.down), readSlowly(drain, () => stream.up)]);
  const grown = memoryMiB(gatehouse.pid, "VmHWM") - before;
  assert.ok(grown < GROWTH_MIB_MAX, `it grew by ${grown} MiB`);
  reader.end();
  drain.end();
  const down = await gatehouse.accessLog.waitFor({ kind: "tls", bytes_out: STREAM_BYTES });
  const up = await gatehouse.accessLog.waitFor({ kind: "tcp", bytes_in: STREAM_BYTES });
  assert.deepEqual([down["failure"], up["failure"]], [undefined, undefined]);
});

/** A stream of which the socket takes as much as it likes. */
function pour(socket: Socket, count: (bytes: number) => void): void {
  let left = STREAM_BYTES;
  const more = (): void => {
    while (left > 0) {
      left -= PIECE.length;
      count(PIECE.length);
      if (!socket.write(PIECE)) return;
    }
    socket.end();
  };
  socket.on("drain", more);
  more();
}

/** Reads to the end; between its pieces it waits until nothing more is taken off the sender's hands. */
async function readSlowly(socket: Socket, sent: () => number): Promise<void> {
  const seen = { bytes: 0, ended: false, limit: 0 };
  socket.on("data", (chunk: Buffer) => {
    seen.bytes += chunk.length;
    if (seen.bytes >= seen.limit) socket.pause();
  });
  socket.on("end", () => (seen.ended = true));
  for (let pause = 1; pause <= PAUSES; pause += 1) {
    await standstill(sent);
    const held = sent() - seen.bytes;
    assert.ok(held < HELD_BYTES_MAX + kernelBytesMax(), `${held} bytes are under way`);
    seen.limit = (STREAM_BYTES * pause) / PAUSES;
    socket.resume();
    await until("the next piece", () => (seen.bytes >= seen.limit ? true : undefined));
  }
  socket.resume();
  await until("the end", () => (seen.ended ? true : undefined));
  assert.equal(seen.bytes, STREAM_BYTES);
}

/** The buffers of the two connections that a stream takes, as large as this kernel lets them become. */
function kernelBytesMax(): number {
  const bytes = ["tcp_wmem", "tcp_rmem"].map((name) =>
    Number(readFileSync(`/proc/sys/net/ipv4/${name}`, "utf8").trim().split(/\s+/).at(-1)),
  );
  return 2 * bytes.reduce((sum, most) => sum + most, 0);
}

async function standstill(value: () => number): Promise<void> {
  const seen = { last: -1, same: 0 };
  await until("a standstill", () => {
    const now = value();
    seen.same = now === seen.last ? seen.same + 1 : 0;
    seen.last = now;
    return seen.same >= LOOKS ? true : undefined;
  });
}

/** A figure of /proc/PID/status: `VmRSS` is what it has now, `VmHWM` the most that it ever had. */
function memoryMiB(pid: number, name: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status) ?? [];
  assert.ok(kib !== undefined);
  return Number(kib) / 1024;
}

function configuration(
  ports: { readonly tls: number; readonly tcp: number },
  endpoint: number,
): string {
  return `
[[gateway]]
name = "tls"
listen = "127.0.0.1:${ports.tls}"
protocol = "tls"
[[gateway]]
name = "tcp"
listen = "127.0.0.1:${ports.tcp}"
protocol = "tcp"
[[virtual_service]]
hosts = ["${NAME}"]
[[virtual_service.tls]]
route = "s"
[[virtual_service.tcp]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${endpoint}"]
`;
}
