import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { assertElfArchitecture } from "../../build/elf.ts";
import { inProject, readManifest } from "../../build/project.ts";
import { listeningPorts, type ProxyProcess, startProxy, threadNames } from "./proxy-process.ts";

const EXECUTABLE = inProject("dist", "gatehouse");
const DEADLINE_MS = 20_000;

/** The thread that waits for SIGUSR1 in order to open a debugger. */
const DEBUGGER_THREAD = "SignalInspector";

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

test("flags of the runtime on the command line are ours to refuse", () => {
  for (const flag of ["--inspect=127.0.0.1:0", "--eval=0", "--node-options=--inspect", "--test"]) {
    const { status, stderr } = run([flag]);
    assert.equal(status, 2, `${flag}: ${stderr}`);
    assert.doesNotMatch(stderr, /Debugger listening/);
  }
});

test("SIGUSR1 never opens a debugger", async (t) => {
  const proxy = await startProxy({ workers: 1, environment: { NODE_OPTIONS: "--inspect" } });
  t.after(proxy.stop);
  assert.deepEqual(threadNames(proxy.pid).filter(isDebuggerThread), []);
  for (let i = 0; i < 3; i += 1) {
    process.kill(proxy.pid, "SIGUSR1");
    // An answer of the main thread comes after the signal's own events, which were there first.
    assert.equal(await fetchStatus(proxy), 200);
  }
  const own = [proxy.port, proxy.adminPort].toSorted((a, b) => a - b);
  assert.deepEqual(listeningPorts(proxy.pid), own);
  assert.deepEqual(threadNames(proxy.pid).filter(isDebuggerThread), []);
  assert.doesNotMatch(proxy.stderr(), /Debugger|inspector/i);
});

test("the runtime alone has the thread that the test above looks for", async (t) => {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume(); console.log('up')"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  t.after(() => stopChild(child));
  await once(child.stdout, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
  assert.equal(threadNames(child.pid ?? 0).filter(isDebuggerThread).length, 1);
});

function isDebuggerThread(name: string): boolean {
  return name === DEBUGGER_THREAD;
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
