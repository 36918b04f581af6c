/** What the executable really calls, against what the unit lets it: systemd itself is not needed for that. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { hasCommand } from "../packages.ts";
import { findFreePort } from "../processes.ts";

const ROOT = join(import.meta.dirname, "../..");
const GATEHOUSE = join(ROOT, "dist/gatehouse");
const UNIT = readFileSync(join(ROOT, "build/systemd/gatehouse.service"), "utf8");
const missing = [
  ...["strace", "systemd-analyze"].filter((command) => !hasCommand(command)),
  ...(existsSync(GATEHOUSE) ? [] : ["dist/gatehouse"]),
];
const skip = missing.length === 0 ? false : `missing: ${missing.join(", ")}`;

test(
  "gatehouse.service allows every call from start over traffic and reload to stop",
  { skip },
  async (t) => {
    const trace = await traceOneLife(t);
    const used = new Set([...trace.matchAll(/^\d+ +(\w+)\(/gm)].map((match) => match[1] ?? ""));
    assert.ok(
      used.has("epoll_pwait") || used.has("epoll_wait"),
      "the trace has nothing of the event loop",
    );
    const allowed = allowedCalls();
    assert.deepEqual([...used].filter((call) => !allowed.has(call)).toSorted(), []);

    const families = new Set(
      [...trace.matchAll(/ socket\((AF_\w+)/g)].map((match) => match[1] ?? ""),
    );
    assert.ok(families.has("AF_INET"));
    const allowedFamilies = new Set(values("RestrictAddressFamilies").flat());
    assert.deepEqual(
      [...families].filter((family) => !allowedFamilies.has(family)),
      [],
    );
  },
);

test("gatehouse.service refuses what a proxy never calls", { skip }, () => {
  const allowed = allowedCalls();
  for (const call of [
    "mount",
    "ptrace",
    "bpf",
    "chroot",
    "setuid",
    "init_module",
    "reboot",
    "chown",
  ]) {
    assert.ok(!allowed.has(call), call);
  }
  assert.ok(allowed.has("mmap") && allowed.has("clone3"));
});

/** The calls of one life: start, a request, a TLS hello that is let in nowhere, a reload, a stop. */
async function traceOneLife(t: TestContext): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-trace-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [http, tls] = [await findFreePort(), await findFreePort()];
  const endpoint = await startEndpoint(t);
  writeFileSync(join(folder, "gatehouse.toml"), configuration({ http, tls, endpoint }));
  const output = join(folder, "trace");
  const args = ["-f", "-qq", "-o", output, GATEHOUSE, "run", "-c", join(folder, "gatehouse.toml")];
  const tracer = spawn("strace", args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(tracer, "exit");
  const said = listen(tracer);
  await said("serving");
  // strace is our child and the box its only one.
  const box = Number(readFileSync(`/proc/${tracer.pid}/task/${tracer.pid}/children`, "utf8"));
  t.after(() => tracer.exitCode === null && process.kill(box, "SIGKILL"));
  const answer = await fetch(`http://127.0.0.1:${http}/`);
  assert.equal(await answer.text(), "traced");
  await sendNonsense(tls);
  process.kill(box, "SIGHUP");
  await said("reloaded");
  process.kill(box, "SIGTERM");
  assert.deepEqual(await exited, [0, null]);
  return readFileSync(output, "utf8");
}

/** Waits for a word in the program's log; fails when that ends without it. */
function listen(program: ChildProcess): (word: string) => Promise<void> {
  let text = "";
  const heard = new EventEmitter();
  program.stderr?.on("data", (chunk: Buffer) => {
    text += String(chunk);
    heard.emit("more");
  });
  program.stderr?.once("end", () => {
    text += "\0";
    heard.emit("more");
  });
  return async (word) => {
    while (!text.includes(`"${word}"`)) {
      assert.ok(!text.endsWith("\0"), `the box ended before it said "${word}":\n${text}`);
      await once(heard, "more");
    }
  };
}

function configuration(ports: { http: number; tls: number; endpoint: number }): string {
  return `
admin.listen = "off"
dns.servers = ["127.0.0.1:1"]

[[gateway]]
name = "web"
listen = "127.0.0.1:${ports.http}"
protocol = "http"

[[gateway]]
name = "tls"
listen = "[::1]:${ports.tls}"
protocol = "tls"
tls.mode = "passthrough"

[[virtual_service]]
hosts = ["127.0.0.1", "tls.test"]

[[virtual_service.http]]
route = "site"

[[virtual_service.tls]]
match = [{ sni = ["tls.test"] }]
route = "named"

[service.site]
endpoints = ["127.0.0.1:${ports.endpoint}"]

[service.named]
dns = "absent.test:443"
`;
}

async function sendNonsense(port: number): Promise<void> {
  const socket = connect(port, "::1");
  socket.on("error", () => socket.destroy());
  socket.end("GET / HTTP/1.1\r\n\r\n");
  socket.resume();
  await once(socket, "close");
}

async function startEndpoint(t: TestContext): Promise<number> {
  const server = createServer((_request, response) => response.end("traced"));
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** SystemCallFilter= in order: a line adds, a line with `~` takes away (systemd.exec(5)). */
function allowedCalls(): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const [first = "", ...rest] of values("SystemCallFilter")) {
    const taken = first.startsWith("~");
    for (const name of [first.replace("~", ""), ...rest].flatMap(expand)) {
      if (taken) allowed.delete(name);
      else allowed.add(name);
    }
  }
  return allowed;
}

/** The calls of a set, and of the sets in it. */
function expand(name: string): readonly string[] {
  if (!name.startsWith("@")) return [name];
  const { stdout } = spawnSync("systemd-analyze", ["syscall-filter", name], { encoding: "utf8" });
  const members = stdout
    .split("\n")
    .slice(1)
    .map((line) => line.trim());
  return members.filter((line) => /^[@\w]/.test(line)).flatMap(expand);
}

/** The words of each line of one setting. */
function values(key: string): readonly (readonly string[])[] {
  return [...UNIT.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((match) =>
    (match[1] ?? "").split(" "),
  );
}
