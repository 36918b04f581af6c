import { type ChildProcess, spawn } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { inProject } from "../../build/project.ts";
import { endProcess, findFreePort } from "../processes.ts";

/** How long an executable may take to listen before the test gives up. */
const START_MS_MAX = 20_000;
/** How often a start is looked at; also the resolution of the start-up time. */
const POLL_MS = 1;

/** One `dist/gatehouse run` with one HTTP listener that answers everything itself. */
export interface ProxyProcess {
  readonly pid: number;
  readonly port: number;
  readonly adminPort: number;
  /** From the spawn to the first byte of the first answer. */
  readonly startMs: number;
  /** What it has said on stderr so far. */
  readonly stderr: () => string;
  /** Ends it at once and removes its files. */
  readonly stop: () => Promise<void>;
}

/** Starts the built executable on free loopback ports and waits until it answers; throws when it does not. */
export async function startProxy(options: {
  readonly workers: number;
  readonly environment?: Readonly<Record<string, string>>;
  readonly executable?: string;
  /** Told of the process as soon as there is one. */
  readonly spawned?: (pid: number) => void;
}): Promise<ProxyProcess> {
  const port = await findFreePort();
  const adminPort = await findFreePort();
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-run-"));
  const config = join(folder, "gatehouse.toml");
  writeFileSync(config, configuration({ workers: options.workers, port, adminPort }));
  const executable = options.executable ?? inProject("dist", "gatehouse");
  const started = process.hrtime.bigint();
  const child = spawn(executable, ["run", "-c", config], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, RUNTIME_DIRECTORY: folder, ...options.environment },
  });
  options.spawned?.(child.pid ?? 0);
  const output = { stderr: "" };
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  const stop = (): Promise<void> => stopProcess(child, folder);
  let startMs = 0;
  try {
    await waitForListener(child, port);
    startMs = Number(process.hrtime.bigint() - started) / 1e6;
    // The admin API comes last.
    await waitForListener(child, adminPort);
  } catch (error) {
    await stop();
    throw new Error(`gatehouse did not start: ${output.stderr}`, { cause: error });
  }
  return { pid: child.pid ?? 0, port, adminPort, startMs, stderr: () => output.stderr, stop };
}

/** The TCP ports that a process itself listens on, each once, sorted. Reads /proc. */
export function listeningPorts(pid: number): readonly number[] {
  const inodes = new Set(socketInodes(pid));
  const ports = new Set<number>();
  for (const table of ["tcp", "tcp6"]) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, "utf8").split("\n").slice(1)) {
      // proc(5): sl local_address rem_address st … inode; 0A is LISTEN.
      const fields = line.trim().split(/\s+/);
      if (fields[3] !== "0A" || !inodes.has(fields[9] ?? "")) continue;
      ports.add(Number.parseInt(fields[1]?.split(":").at(-1) ?? "", 16));
    }
  }
  return [...ports].toSorted((a, b) => a - b);
}

function socketInodes(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      // Closed between the listing and the look.
      return [];
    }
  });
}

function configuration(values: {
  readonly workers: number;
  readonly port: number;
  readonly adminPort: number;
}): string {
  return `workers = ${values.workers}
admin.listen = "127.0.0.1:${values.adminPort}"
access_log.path = "off"

[[gateway]]
name = "web"
listen = "127.0.0.1:${values.port}"
protocol = "http"

[[virtual_service]]
hosts = ["*"]

[[virtual_service.http]]
respond = { status = 200, body = "here" }
`;
}

async function waitForListener(child: ChildProcess, port: number): Promise<void> {
  const deadline = Date.now() + START_MS_MAX;
  while (!(await isServing(port))) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("it exited");
    if (Date.now() > deadline) throw new Error("it does not listen");
    await delay(POLL_MS);
  }
}

/** A connection alone says nothing: while it starts, the control plane itself holds the port for a moment. */
function isServing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => resolve(false));
    socket.on("close", () => resolve(false));
    socket.on("connect", () => socket.write("GET / HTTP/1.1\r\nHost: here\r\n\r\n"));
    socket.on("data", () => {
      resolve(true);
      socket.destroy();
    });
  });
}

async function stopProcess(child: ChildProcess, folder: string): Promise<void> {
  await endProcess(child);
  rmSync(folder, { recursive: true, force: true });
}
