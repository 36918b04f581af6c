/**
 * `node test/bench/routing-http.ts [SECONDS] [ROUNDS]`: Hono's part of a whole request over sockets. Processor time of
 * requests that are answered with one and the same redirect: by a gateway with https_redirect, which asks no route, and
 * by the only route, the first and the last of 200. The ways take turns on one worker with kept-alive connections;
 * gatehouse has one core, the load the other. Prints medians, and the median of what each cost more than the answer
 * without routing in the same round. `wrk` makes the load.
 */
import { execFile } from "node:child_process";
import { request } from "node:http";
import { promisify } from "node:util";
import { OTHER_CORE, PROXY_CORE, pin } from "./cores.ts";
import { cpuTimeUs, gatehousePeer, startPeer } from "./peers.ts";
import { freePort } from "./ports.ts";

/** One way to the same answer. */
interface Way {
  readonly name: string;
  readonly host: string;
  readonly path: string;
}

/** Host → routes of its virtual host; of 0 the gateway answers. */
const HOSTS = { "r0.example": 0, "r1.example": 1, "r200.example": 200 };
const WAYS: readonly Way[] = [
  { name: "without routing", host: "r0.example", path: "/p0/x" },
  { name: "the only route", host: "r1.example", path: "/p0/x" },
  { name: "the first of 200", host: "r200.example", path: "/p0/x" },
  { name: "the last of 200", host: "r200.example", path: "/p199/x" },
];
const CONNECTIONS = 64;
// V8 compiles the hot path in the first seconds.
const WARM_UP_SECONDS = 4;

const run = promisify(execFile);
const seconds = Number(process.argv[2] ?? "1");
const rounds = Number(process.argv[3] ?? "15");
const [noRouting, ...routed] = WAYS;
const port = await freePort();
const samples = new Map(WAYS.map((way) => [way, [] as number[]]));
const proxy = await startPeer(
  gatehousePeer((_folder, { listen, admin }) => configuration(listen, admin)),
  { listen: port, site: 0, admin: await freePort() },
);
try {
  await pin(proxy.pid, PROXY_CORE);
  await proveSame();
  for (let round = 0; round <= rounds; round += 1) {
    for (const way of WAYS) {
      const before = cpuTimeUs(proxy.pid);
      const requests = await drive(way, round === 0 ? WARM_UP_SECONDS : seconds);
      if (round > 0) samples.get(way)?.push((cpuTimeUs(proxy.pid) - before) / requests);
    }
  }
} finally {
  await proxy.stop();
}
const floor = samplesOf(noRouting);
console.log(`${"without routing".padEnd(20)} ${median(floor).toFixed(2)} µs a request`);
for (const way of routed) {
  const costs = samplesOf(way);
  const more = median(costs.map((cost, round) => cost - (floor[round] ?? Number.NaN)));
  console.log(`${way.name.padEnd(20)} ${median(costs).toFixed(2)} µs, ${more.toFixed(2)} µs more`);
}

function configuration(listen: number, admin: number): string {
  const sections = Object.entries(HOSTS).map(([host, count]) => {
    const gateway = `[[gateway]]
name = "${host}"
listen = "127.0.0.1:${listen}"
protocol = "http"
hosts = ["${host}"]
https_redirect = ${count === 0}
`;
    const routes = Array.from(
      { length: count },
      (_, i) =>
        `[[virtual_service.http]]\nmatch = [{ path = { segment = "/p${i}" } }]\nredirect = { scheme = "https" }\n`,
    );
    if (count === 0) return gateway;
    return `${gateway}[[virtual_service]]\nhosts = ["${host}"]\n${routes.join("")}`;
  });
  const box = `workers = 1\nadmin.listen = "127.0.0.1:${admin}"\naccess_log.path = "off"\n`;
  return box + sections.join("");
}

/** The comparison means something only if all answer alike. */
async function proveSame(): Promise<void> {
  for (const { name, host, path } of WAYS) {
    const answer = await head(host, path);
    const expected = `301 https://${host}${path}`;
    if (answer !== expected) throw new Error(`${name}: ${answer} instead of ${expected}`);
  }
}

function head(host: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: "127.0.0.1", path, headers: { host } }, (answer) => {
      answer.resume();
      answer.on("end", () => resolve(`${answer.statusCode} ${answer.headers.location}`));
    });
    asked.on("error", reject).end();
  });
}

/** Returns how many requests were answered; throws when any went wrong. */
async function drive({ host, path }: Way, length: number): Promise<number> {
  const url = `http://127.0.0.1:${port}${path}`;
  const args = ["-t1", `-c${CONNECTIONS}`, `-d${length}s`, "-H", `Host: ${host}`, url];
  const { stdout } = await run("taskset", ["-c", OTHER_CORE, "wrk", ...args]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return Number(/(\d+) requests in/.exec(stdout)?.[1] ?? "0");
}

function samplesOf(way: Way | undefined): readonly number[] {
  return (way === undefined ? undefined : samples.get(way)) ?? [];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
