/**
 * The executable on a Debian that has nothing but what Debian cannot do without. The system is made once
 * (debootstrap, about half a minute) and kept in the temporary folder; nothing is ever installed in it.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { arch, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { hasCommand } from "../packages.ts";
import { DEADLINE_MS, endProcess, findFreePort } from "../processes.ts";

const GATEHOUSE = join(import.meta.dirname, "../../dist/gatehouse");
const SUITE = "bookworm";
const CACHE = join(tmpdir(), `gatehouse-minbase-${SUITE}-${arch()}`);
const DEBOOTSTRAP_MS = 300_000;

test("gatehouse runs on a Debian minbase system with nothing installed", async (t) => {
  const root = minbase(t);
  if (root === undefined) return;
  const folder = mkdtempSync(join(root, "srv/gatehouse-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const inside = `/srv/${basename(folder)}`;
  cpSync(GATEHOUSE, join(folder, "gatehouse"));

  const version = spawnSync("chroot", [root, `${inside}/gatehouse`, "version"], {
    encoding: "utf8",
  });
  assert.match(version.stdout, /^gatehouse \d/, version.stderr);
  assert.equal(version.status, 0);

  const endpoint = await startEndpoint(t);
  const port = await findFreePort();
  writeFileSync(join(folder, "gatehouse.toml"), configuration(port, endpoint));
  const box = await start(t, {
    root,
    command: [`${inside}/gatehouse`, "run", "-c", `${inside}/gatehouse.toml`],
  });
  assert.deepEqual(await get(port, "minbase.test"), { status: 200, body: "from the endpoint" });
  assert.equal((await get(port, "other.test")).status, 404);
  box.kill("SIGTERM");
  const [code] = (await once(box, "exit")) as [number | null];
  assert.equal(code, 0);
});

function configuration(port: number, endpoint: number): string {
  return `
admin.listen = "off"
workers = 1

[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"
hosts = ["minbase.test"]

[[virtual_service]]
hosts = ["minbase.test"]

[[virtual_service.http]]
route = "site"

[service.site]
endpoints = ["127.0.0.1:${endpoint}"]
`;
}

/** The root of the system, made if it is not there yet; undefined when the test has been skipped. */
function minbase(t: TestContext): string | undefined {
  const reason = reasonToSkip();
  if (reason !== undefined) {
    t.skip(reason);
    return undefined;
  }
  if (isOurs(CACHE)) return CACHE;
  const mirror = findMirror();
  const making = mkdtempSync(`${CACHE}-`);
  const args = ["--variant=minbase", SUITE, making, mirror ?? ""];
  const made = spawnSync("debootstrap", args, { encoding: "utf8", timeout: DEBOOTSTRAP_MS });
  if (made.status !== 0) {
    rmSync(making, { recursive: true, force: true });
    t.skip(`debootstrap could not make a system from ${mirror}: ${lastLine(made.stdout)}`);
    return undefined;
  }
  return keep(t, making);
}

/** Puts the new system into its place in one step. Whoever was first stays; in a stranger's place it does not. */
function keep(t: TestContext, making: string): string {
  try {
    renameSync(making, CACHE);
    return CACHE;
  } catch {
    t.after(() => rmSync(making, { recursive: true, force: true }));
    return isOurs(CACHE) ? CACHE : making;
  }
}

/** Somebody else's folder of that name is not a system to run as root. */
function isOurs(path: string): boolean {
  return existsSync(path) && lstatSync(path).isDirectory() && lstatSync(path).uid === 0;
}

function reasonToSkip(): string | undefined {
  if (process.getuid?.() !== 0) return "chroot needs root";
  if (!existsSync(GATEHOUSE)) return "dist/gatehouse is not built";
  if (!hasCommand("debootstrap")) return "debootstrap is not installed";
  if (findMirror() === undefined) return `apt on this machine has no mirror of Debian ${SUITE}`;
  return undefined;
}

/** The mirror that this machine's own apt takes the suite from (sources.list(5), both formats). */
function findMirror(): string | undefined {
  const texts = sourceFiles().map((path) => readFileSync(path, "utf8"));
  for (const text of texts) {
    const line = new RegExp(
      `^deb\\s+(?:\\[.*\\]\\s+)?(https?://\\S+)\\s+${SUITE}\\s+.*\\bmain\\b`,
      "m",
    );
    const found = line.exec(text)?.[1] ?? stanzaMirror(text);
    if (found !== undefined) return found;
  }
  return undefined;
}

function stanzaMirror(text: string): string | undefined {
  const stanzas = text.split(/\n\s*\n/).map((stanza) => stanza.replace(/^#.*\n?/gm, ""));
  const suite = new RegExp(`^Suites:.*(?<=\\s)${SUITE}(?=\\s|$)`, "m");
  const found = stanzas.find(
    (stanza) => suite.test(stanza) && /^Components:.*\bmain\b/m.test(stanza),
  );
  return found === undefined ? undefined : /^URIs:\s*(https?:\/\/\S+)/m.exec(found)?.[1];
}

function sourceFiles(): readonly string[] {
  const folder = "/etc/apt/sources.list.d";
  const list = existsSync("/etc/apt/sources.list") ? ["/etc/apt/sources.list"] : [];
  const parts = existsSync(folder) ? readdirSync(folder).toSorted() : [];
  return [
    ...list,
    ...parts.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(folder, name)),
  ];
}

/** Runs a command in the system until it says that it serves. The process is the command itself. */
async function start(
  t: TestContext,
  { root, command }: { readonly root: string; readonly command: readonly string[] },
): Promise<ChildProcess> {
  // A mount namespace of its own has /proc as a real system has it, and loses it when the process ends.
  const script = 'mount -t proc proc "$1/proc" && exec chroot "$@"';
  const box = spawn("unshare", ["--mount", "sh", "-c", script, "sh", root, ...command], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => endProcess(box));
  let log = "";
  const serving = new Promise<boolean>((resolve) => {
    createInterface({ input: box.stderr }).on("line", (line) => {
      log += `${line}\n`;
      if (line.includes('"serving"')) resolve(true);
    });
    box.once("exit", () => resolve(false));
    setTimeout(() => resolve(false), DEADLINE_MS).unref();
  });
  assert.ok(await serving, `it does not serve:\n${log}`);
  return box;
}

async function startEndpoint(t: TestContext): Promise<number> {
  const server = createHttpServer((_request, response) => response.end("from the endpoint"));
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function get(port: number, host: string): Promise<{ status: number; body: string }> {
  const sent = request({ host: "127.0.0.1", port, headers: { host }, agent: false }).end();
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const body = Buffer.concat(await Array.fromAsync(response)).toString();
  return { status: response.statusCode ?? 0, body };
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
