/** What tests that start programs share. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Below the kernel's ephemeral ports (32768 and up): a port that is found free here cannot be given to some outgoing
 * connection before the program under test binds it.
 */
const PORT_MIN = 20_000;
const PORT_COUNT = 12_000;
/** Test files that run at once begin so far apart: process ids are neighbours. */
const PORT_STRIDE = 97;

const ports = { next: (process.pid * PORT_STRIDE) % PORT_COUNT };

const CLAIMS = join(tmpdir(), "gatehouse-test-ports");
const claimed: string[] = [];

const POLL_MS = 5;
/** How long anything on loopback may take before a test fails. */
export const DEADLINE_MS = 20_000;

/**
 * A port that nobody listens on, on any address; never the same twice in one process, nor in two that run at once: a
 * file with the process id claims it until the process ends.
 */
export async function findFreePort(): Promise<number> {
  for (let tries = 0; tries < PORT_COUNT; tries += 1) {
    ports.next = (ports.next + 1) % PORT_COUNT;
    const port = PORT_MIN + ports.next;
    if (claim(port) && (await isFree(port))) return port;
  }
  throw new Error("no free port");
}

function claim(port: number): boolean {
  const file = join(CLAIMS, String(port));
  try {
    mkdirSync(CLAIMS, { recursive: true, mode: 0o777 });
    writeFileSync(file, String(process.pid), { flag: "wx" });
  } catch {
    if (!isAbandoned(file)) return false;
    rmSync(file, { force: true });
    return false;
  }
  if (claimed.length === 0) process.once("exit", giveBack);
  claimed.push(file);
  return true;
}

function giveBack(): void {
  for (const file of claimed) rmSync(file, { force: true });
}

/** Whoever claimed it is gone without a word. */
function isAbandoned(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, "utf8"));
    return pid > 0 && !existsSync(`/proc/${pid}`);
  } catch {
    return false;
  }
}

/** Looks again and again until `look` says something; throws at the deadline, naming what was awaited. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await delay(POLL_MS);
  }
}

/** Ends a program at once and waits until it is gone; nothing happens when it is already. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

/** How a program ended, and what it printed. */
export interface ProgramResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, which the deadline brings about at the latest. The test's own servers go on meanwhile. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: {
    readonly input?: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly deadlineMs?: number;
  } = {},
): Promise<ProgramResult> {
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...options.environment },
    timeout: options.deadlineMs ?? DEADLINE_MS,
    killSignal: "SIGKILL",
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  // A program that has seen enough closes its stdin.
  child.stdin.on("error", () => undefined).end(options.input ?? "");
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...output };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen({ port, exclusive: true });
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
