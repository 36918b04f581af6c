import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { createSystemdNotifier } from "../../src/control/systemd.ts";

const missing = ["systemd-notify", "python3"].filter(
  (program) => spawnSync(program, ["--version"]).status !== 0,
);
const skip = missing.length === 0 ? false : `not installed: ${missing.join(", ")}`;

test(
  "notify() sends READY, MAINPID and STATUS to the socket, from a known sender",
  { skip },
  async (t) => {
    const manager = await startManager(t);
    manager.tell("free");
    const { notifier, failures } = create({
      NOTIFY_SOCKET: manager.path,
      PATH: process.env["PATH"],
    });
    notifier.notify({ state: "ready", status: "serving\nSTOPPING=1\0 on 2 workers" });
    const message = await manager.next();
    assert.deepEqual(message.text.split("\n"), [
      "READY=1",
      `MAINPID=${process.pid}`,
      "STATUS=serving STOPPING=1 on 2 workers",
    ]);
    assert.ok(message.pid > 0);
    assert.equal((await manager.next()).text, "BARRIER=1");
    await notifier.flush();
    assert.deepEqual(failures, []);
  },
);

test("notify() says when a reload begins", { skip }, async (t) => {
  const manager = await startManager(t);
  manager.tell("free");
  const { notifier } = create({ NOTIFY_SOCKET: manager.path });
  notifier.notify({ state: "reloading" });
  assert.equal((await manager.next()).text, "RELOADING=1\nMONOTONIC_USEC=1234567");
  assert.equal((await manager.next()).text, "BARRIER=1");
  await notifier.flush();
});

test("notify() keeps the order and joins what waits", { skip }, async (t) => {
  const manager = await startManager(t);
  const { notifier } = create({ NOTIFY_SOCKET: manager.path });
  notifier.notify({ state: "ready" });
  await manager.next();
  // The first message is not taken yet: its program still waits for the manager.
  assert.equal((await manager.next()).text, "BARRIER=1");
  notifier.notify({ state: "reloading", status: "reading" });
  notifier.notify({ status: "draining" });
  notifier.notify({ state: "stopping" });
  manager.tell("free");
  assert.equal((await manager.next()).text, "STOPPING=1\nSTATUS=draining");
  await notifier.flush();
});

test("notify() says once that it cannot be sent and never throws", async () => {
  const { notifier, failures } = create({ NOTIFY_SOCKET: "/nowhere", PATH: "/nowhere" });
  notifier.notify({ state: "ready" });
  await notifier.flush();
  notifier.notify({ state: "stopping" });
  await notifier.flush();
  assert.equal(failures.length, 1);
  assert.match(failures[0] ?? "", /ENOENT/);
});

test("notify() reports what systemd-notify says", { skip }, async () => {
  const { notifier, failures } = create({ NOTIFY_SOCKET: "/nowhere/socket" });
  notifier.notify({ state: "ready" });
  await notifier.flush();
  assert.match(failures[0] ?? "", /No such file or directory/);
});

test("notify() does nothing without a service manager", async () => {
  const { notifier, failures } = create({ PATH: "/nowhere" });
  notifier.notify({ state: "ready" });
  await notifier.flush();
  assert.deepEqual(failures, []);
});

function create(environment: Record<string, string | undefined>) {
  const failures: string[] = [];
  const notifier = createSystemdNotifier({
    environment,
    monotonicUs: () => 1_234_567n,
    failed: (reason) => failures.push(reason),
  });
  return { notifier, failures };
}

interface Manager {
  readonly path: string;
  next(): Promise<{ readonly text: string; readonly pid: number }>;
  tell(line: string): void;
}

/** Binds a datagram socket as the service manager does. */
async function startManager(t: TestContext): Promise<Manager> {
  const directory = mkdtempSync(join(tmpdir(), "gatehouse-notify-"));
  const path = join(directory, "notify");
  const receiver = join(import.meta.dirname, "notify-receiver.py");
  const child: ChildProcess = spawn("python3", [receiver, path], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(async () => {
    child.stdin?.end();
    if (child.exitCode === null) await once(child, "exit");
    rmSync(directory, { recursive: true });
  });
  assert.ok(child.stdout !== null);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const line = await lines.next();
    assert.ok(line.done !== true, "the receiver ended");
    return JSON.parse(line.value) as { text: string; pid: number };
  };
  assert.equal((await next()).text, "bound");
  return { path, next, tell: (line) => child.stdin?.write(`${line}\n`) };
}
