/** The built executable as tests use it: started on free ports, awaited, asked, stopped. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProject } from "../../build/project.ts";
import {
  DEADLINE_MS,
  endProcess,
  findFreePort,
  type ProgramResult,
  runProgram,
  until,
} from "../processes.ts";
import { parseExposition } from "../telemetry/fixtures/exposition.ts";
import { JsonLines } from "./json-lines.ts";

/** What `npm run build` makes. */
export const EXECUTABLE = inProject("dist", "gatehouse");

/** A test, or the hooks of a file: where what was started is stopped, also after a failure. */
export interface Scope {
  after(clean: () => Promise<void> | void): void;
}

/** What to run. */
export interface GatehouseOptions {
  /** Without `workers` and `admin`, which are put in front of it. */
  readonly config: string;
  /** 2 unless said. */
  readonly workers?: number;
  readonly executable?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A running box. */
export interface Gatehouse {
  readonly pid: number;
  /** `127.0.0.1:PORT` of the admin API. */
  readonly admin: string;
  readonly configFile: string;
  /** Its own log. */
  readonly log: JsonLines;
  readonly accessLog: JsonLines;
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>;
  /** Writes the configuration anew, with the same `workers` and `admin`. */
  writeConfig(config: string): void;
  signal(name: NodeJS.Signals): void;
  /** A request to its admin API. */
  ask(path: string, method?: string): Promise<{ readonly status: number; readonly text: string }>;
  /** `gatehouse NAME … --admin` of this box. */
  command(...args: readonly string[]): Promise<ProgramResult>;
  /** `gatehouse check` of its configuration as it stands now. */
  check(): Promise<ProgramResult>;
  /** The sum of the samples of this name that have these labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

/** Starts the executable and waits until it serves; throws with what it printed when it does not. */
export async function startGatehouse(scope: Scope, options: GatehouseOptions): Promise<Gatehouse> {
  const folder = temporaryFolder(scope);
  const admin = `127.0.0.1:${await findFreePort()}`;
  const configFile = join(folder, "gatehouse.toml");
  const writeConfig = (config: string): void => {
    const head = `workers = ${options.workers ?? 2}\nadmin.listen = "${admin}"\n`;
    writeFileSync(configFile, head + config);
  };
  writeConfig(options.config);
  const child = spawn(options.executable ?? EXECUTABLE, ["run", "-c", configFile], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, RUNTIME_DIRECTORY: folder, ...options.environment },
  });
  const exited = exitOf(child);
  scope.after(() => endProcess(child));
  const log = new JsonLines(child.stderr);
  const accessLog = new JsonLines(child.stdout);
  await Promise.race([
    log.waitFor({ message: "serving" }),
    exited.then((code) => {
      throw new Error(`gatehouse ended with ${code}:\n${log.text}`);
    }),
  ]);
  const executable = options.executable ?? EXECUTABLE;
  const ask: Gatehouse["ask"] = (path, method = "GET") => askAdmin(admin, { path, method });
  return {
    pid: child.pid ?? 0,
    admin,
    configFile,
    log,
    accessLog,
    exited,
    writeConfig,
    signal: (name) => void child.kill(name),
    ask,
    command: (...args) => runProgram(executable, [...args, "--admin", admin]),
    check: () => runProgram(executable, ["check", "-c", configFile]),
    metric: async (name, labels = {}) => sumSamples((await ask("/metrics")).text, name, labels),
  };
}

/** A folder that is gone when the scope ends. */
export function temporaryFolder(scope: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-e2e-"));
  scope.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** How many descriptors a process has open. Reads /proc. */
export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Waits until a metric has this value: what a worker has counted shows at the next look. */
export async function untilMetric(
  gatehouse: Gatehouse,
  sample: { readonly name: string; readonly labels?: Readonly<Record<string, string>> },
  value: number,
): Promise<void> {
  const seen = { last: Number.NaN };
  try {
    await until(sample.name, async () => {
      seen.last = await gatehouse.metric(sample.name, sample.labels);
      return seen.last === value ? true : undefined;
    });
  } catch (error) {
    throw new Error(`${sample.name} is ${seen.last}, not ${value}`, { cause: error });
  }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

function askAdmin(
  admin: string,
  asked: { readonly path: string; readonly method: string },
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const url = `http://${admin}${asked.path}`;
    const sent = request(url, { method: asked.method, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.setTimeout(DEADLINE_MS, () => sent.destroy(new Error("no answer of the admin API")));
    sent.on("error", reject);
    sent.end();
  });
}

function sumSamples(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  return parseExposition(text)
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((sum, sample) => sum + sample.value, 0);
}
