import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { assertElfArchitecture } from "../../build/elf.ts";
import { inProject, readManifest } from "../../build/project.ts";
import { listeningPorts, type ProxyProcess, startProxy } from "./proxy-process.ts";

const EXECUTABLE = inProject("dist", "gatehouse");
const DEADLINE_MS = 20_000;

/** Signal 10, counted from 1. */
const SIGUSR1_BIT = 1 << 9;
/** Each makes the runtime try to open a debugger while it starts: without a bound it would get to nothing else. */
const SIGNALS_MAX = 50;

test("dist/gatehouse is an executable for this machine", () => {
  if (process.arch === "x64" || process.arch === "arm64") {
    assertElfArchitecture(EXECUTABLE, process.arch);
  }
});

test("dist/gatehouse version says version and runtime, and needs no file beside it", (t) => {
  const folder = temporaryFolder(t);
  const { status, stdout } = run(["version"], { cwd: folder });
  assert.equal(status, 0);
  assert.ok(stdout.includes(readManifest().version), stdout);
  assert.ok(stdout.includes(process.versions.node), stdout);
});

test("NODE_OPTIONS has no effect", (t) => {
  const plain = run(["version"]);
  const folder = temporaryFolder(t);
  for (const options of [
    "--require=/nonexistent/module.js",
    "--inspect=127.0.0.1:0",
    "--no-such-flag",
    "--title=other",
    `--cpu-prof --cpu-prof-dir=${folder}`,
  ]) {
    const { status, stdout, stderr } = run(["version"], { env: { NODE_OPTIONS: options } });
    assert.equal(status, 0, `${options}: ${stderr}`);
    assert.equal(stdout, plain.stdout, options);
    assert.equal(stderr, plain.stderr, options);
  }
  assert.deepEqual(readdirSync(folder), []);
  // The same variable does stop the runtime itself: the test can see what it looks for.
  const env = { ...process.env, NODE_OPTIONS: "--require=/nonexistent/module.js" };
  assert.notEqual(spawnSync(process.execPath, ["-e", "0"], { env }).status, 0);
});

test("a broken OPENSSL_CONF has no effect", () => {
  const { status, stderr } = run(["version"], {
    env: { OPENSSL_CONF: inProject("package.json") },
  });
  assert.equal(status, 0, stderr);
});

test("NODE_PENDING_DEPRECATION says nothing of what the program uses of the runtime", async (t) => {
  const environment = { NODE_PENDING_DEPRECATION: "1" };
  const proxy = await startProxy({ workers: 1, environment });
  t.after(proxy.stop);
  assert.equal(await fetchStatus(proxy), 200);
  assert.doesNotMatch(proxy.stderr(), /deprecat/i);
  // The same variable does make the runtime itself speak.
  const env = { ...process.env, ...environment };
  const alone = spawnSync(process.execPath, ["-e", "process.binding('uv')"], { env });
  assert.match(alone.stderr.toString(), /DEP0111/);
});

test("flags of the runtime on the command line are ours to refuse", () => {
  for (const flag of ["--inspect=127.0.0.1:0", "--eval=0", "--node-options=--inspect", "--test"]) {
    const { status, stderr } = run([flag]);
    assert.equal(status, 2, `${flag}: ${stderr}`);
    assert.doesNotMatch(stderr, /Debugger listening/);
  }
});

test("SIGUSR1 never opens a debugger, from the first moment on", async (t) => {
  const storm = { pid: 0, on: true, sent: 0 };
  const sending = sendSignals(storm);
  const proxy = await startProxy({
    workers: 1,
    environment: { NODE_OPTIONS: "--inspect" },
    spawned: (pid) => {
      storm.pid = pid;
    },
  });
  t.after(proxy.stop);
  // An answer of the main thread comes after the signal's own events, which were there first.
  assert.equal(await fetchStatus(proxy), 200);
  storm.on = false;
  await sending;
  process.kill(proxy.pid, "SIGUSR1");
  assert.equal(await fetchStatus(proxy), 200);
  assert.ok(storm.sent > 0);
  const own = [proxy.port, proxy.adminPort].toSorted((a, b) => a - b);
  assert.deepEqual(listeningPorts(proxy.pid), own);
  assert.doesNotMatch(proxy.stderr(), /Debugger listening/i);
});

test("the runtime alone does open a debugger: the test above can see what it looks for", async (t) => {
  const script = "process.stdin.resume(); console.log('up')";
  const child = spawn(process.execPath, ["--inspect-port=127.0.0.1:0", "-e", script], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  t.after(() => stopChild(child));
  await once(child.stdout, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
  assert.deepEqual(listeningPorts(child.pid ?? 0), []);
  child.kill("SIGUSR1");
  const [said] = (await once(child.stderr.setEncoding("utf8"), "data", {
    signal: AbortSignal.timeout(DEADLINE_MS),
  })) as [string];
  assert.match(said, /Debugger listening/);
  assert.equal(listeningPorts(child.pid ?? 0).length, 1);
});

/** A bounded number of them over the whole start, once the runtime has taken the signal over from the kernel. */
async function sendSignals(storm: { readonly pid: number; on: boolean; sent: number }) {
  for (; storm.on && storm.sent < SIGNALS_MAX; await delay(1)) {
    if (storm.pid === 0 || (storm.sent === 0 && !blocksSignal(storm.pid))) continue;
    process.kill(storm.pid, "SIGUSR1");
    storm.sent += 1;
  }
}

/** Whether SIGUSR1 is blocked, as the runtime does first of all: before that it would end any process (proc(5)). */
function blocksSignal(pid: number): boolean {
  const mask = /^SigBlk:\s+([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return (Number.parseInt(mask?.slice(-4) ?? "0", 16) & SIGUSR1_BIT) !== 0;
}

function run(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly cwd?: string } = {},
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(EXECUTABLE, args, {
    encoding: "utf8",
    timeout: DEADLINE_MS,
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}

function fetchStatus(proxy: ProxyProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const url = `http://127.0.0.1:${proxy.adminPort}/healthz`;
    const request = get(url, { agent: false, timeout: DEADLINE_MS }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", reject);
  });
}

async function stopChild(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-executable-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}
