/** The proxies that gatehouse is measured beside: each as a real process with one worker or thread and its access log on. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inProject } from "../../build/project.ts";
import { findCommand } from "../packages.ts";

/** What a proxy is started with: loopback ports. */
export interface PeerPorts {
  readonly listen: number;
  readonly site: number;
  readonly admin: number;
}

/** One proxy that can be measured. */
export interface Peer {
  readonly name: string;
  /** Its command line, after its files have been written to `folder`. */
  readonly command: (folder: string, ports: PeerPorts) => readonly string[];
}

/** A process under measurement. */
export interface RunningPeer {
  readonly pid: number;
  readonly stop: () => Promise<void>;
}

const TICK_US = 10_000;
const START_MS_MAX = 10_000;

/** Writes gatehouse's configuration. */
export type Configure = (folder: string, ports: PeerPorts) => string;

/** gatehouse so configured: dist/gatehouse, or the executable that GATEHOUSE names. */
export function gatehousePeer(configure: Configure): Peer {
  const { GATEHOUSE: executable = inProject("dist", "gatehouse") } = process.env;
  return peerOf("gatehouse", executable, configure);
}

/** The same and, to compare a change with what was before it in one run, the executable that GATEHOUSE_BEFORE names. */
export function gatehousePeers(configure: Configure): readonly Peer[] {
  const { GATEHOUSE_BEFORE: before } = process.env;
  const now = gatehousePeer(configure);
  return before === undefined ? [now] : [now, peerOf("before", before, configure)];
}

function peerOf(name: string, executable: string, configure: Configure): Peer {
  return {
    name,
    command: (folder, ports) => {
      const file = join(folder, "gatehouse.toml");
      writeFileSync(file, configure(folder, ports));
      return [executable, "run", "-c", file];
    },
  };
}

/** Proxies for HTTP by Host to one site with kept-alive connections. */
export const HTTP_PEERS: readonly Peer[] = [
  ...gatehousePeers(gatehouseHttp),
  {
    name: "nginx",
    command: (folder, ports) => {
      const file = join(folder, "nginx.conf");
      writeFileSync(file, nginxProxy(folder, ports));
      return ["nginx", "-c", file, "-p", folder];
    },
  },
  {
    name: "haproxy",
    command: (folder, ports) => {
      const file = join(folder, "haproxy.cfg");
      writeFileSync(file, haproxyHttp(folder, ports));
      return ["haproxy", "-f", file];
    },
  },
  {
    name: "caddy",
    command: (folder, ports) => {
      const file = join(folder, "Caddyfile");
      writeFileSync(file, caddyHttp(folder, ports));
      return ["caddy", "run", "--config", file, "--adapter", "caddyfile"];
    },
  },
];

/** nginx as the site behind the proxies; files of `root` and `/20`, an answer of 20 bytes. */
export function startSite(folder: string, port: number): Promise<RunningPeer> {
  const file = join(folder, "site.conf");
  writeFileSync(file, nginxSite(folder, port));
  return start(["nginx", "-c", file, "-p", folder], port);
}

/** Starts a proxy; resolves when it takes connections. */
export async function startPeer(peer: Peer, ports: PeerPorts): Promise<RunningPeer> {
  const folder = mkdtempSync(join(tmpdir(), `gatehouse-bench-${peer.name}-`));
  const running = await start(peer.command(folder, ports), ports.listen);
  return {
    pid: running.pid,
    stop: async () => {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Every second round the other way round: what comes first or last is nobody's alone. Pure. */
export function inTurns<T>(all: Iterable<T>, round: number): readonly T[] {
  return round % 2 === 0 ? [...all] : [...all].toReversed();
}

/** Processor time of a process and its children so far, in microseconds (steps of 10 ms). Reads /proc. */
export function cpuTimeUs(pid: number): number {
  let ticks = 0;
  for (const member of family(pid)) {
    const stat = readFileSync(`/proc/${member}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_US;
}

/** A figure of /proc/PID/status of the process and its children, in KiB, summed. */
export function statusKiB(pid: number, name: string): number {
  return family(pid)
    .map((member) => readFileSync(`/proc/${member}/status`, "utf8"))
    .map((text) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0))
    .reduce((sum, value) => sum + value, 0);
}

function family(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean),
  );
  return [pid, ...children.map(Number)];
}

async function start(command: readonly string[], port: number): Promise<RunningPeer> {
  const [program = "", ...args] = command;
  const path = program.includes("/") ? program : (findCommand(program) ?? program);
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-4096);
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await Promise.race([gone, delay(3000)]);
    child.kill("SIGKILL");
  };
  const deadline = Date.now() + START_MS_MAX;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop();
      throw new Error(`${program} does not listen: ${said}`);
    }
    await delay(20);
  }
  return { pid: child.pid ?? 0, stop };
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => resolve(false));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

function gatehouseHttp(folder: string, { listen, site, admin }: PeerPorts): string {
  return `workers = 1
admin.listen = "127.0.0.1:${admin}"
access_log.path = "${folder}/access.log"
[[gateway]]
name = "web"
listen = "127.0.0.1:${listen}"
protocol = "http"
[[virtual_service]]
hosts = ["*"]
[[virtual_service.http]]
route = "site"
[service.site]
endpoints = ["127.0.0.1:${site}"]
`;
}

function nginxBase(folder: string, name: string): string {
  return `worker_processes 1; daemon off; pid ${folder}/${name}.pid; error_log ${folder}/${name}.error.log;
worker_rlimit_nofile 65536;
events { worker_connections 30000; }
http { keepalive_requests 100000000; client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p;
fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; client_max_body_size 0;
`;
}

function nginxSite(folder: string, port: number): string {
  return `${nginxBase(folder, "site")} access_log off; sendfile on; tcp_nopush on;
server { listen 127.0.0.1:${port} backlog=8192; root ${folder}/root;
location = /20 { return 200 "01234567890123456789"; } location = /post { return 200 "ok"; } } }
`;
}

function nginxProxy(folder: string, { listen, site }: PeerPorts): string {
  return `${nginxBase(folder, "proxy")} access_log ${folder}/access.log combined buffer=64k flush=1s;
upstream site { server 127.0.0.1:${site}; keepalive 512; keepalive_requests 100000000; }
server { listen 127.0.0.1:${listen} backlog=8192; location / { proxy_pass http://site; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id;
proxy_request_buffering off; } } }
`;
}

function haproxyHttp(folder: string, { listen, site }: PeerPorts): string {
  return `global
  nbthread 1
  maxconn 8000
  log ${folder}/log.sock len 4096 local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind 127.0.0.1:${listen}
  default_backend site
backend site
  server s1 127.0.0.1:${site}
`;
}

function caddyHttp(folder: string, { listen, site, admin }: PeerPorts): string {
  return `{
  admin 127.0.0.1:${admin}
  auto_https off
}
http://127.0.0.1:${listen}, http://:${listen} {
  bind 127.0.0.1
  log {
    output file ${folder}/access.log
  }
  reverse_proxy 127.0.0.1:${site}
}
`;
}
