/**
 * Captures the hellos of the corpus anew: `node test/corpus/hello/capture.ts [name …]`, then `npm run format`.
 *
 * Each client is pointed at a listener on loopback that reads what it sends, answers nothing and hangs up.
 * A client that is not installed keeps the file and the index entry it has. Debian's packages openssl, curl,
 * git, wget, gnutls-bin, python3, libio-socket-ssl-perl, openjdk-17-jdk, hey, chromium and firefox-esr have most
 * of them; the others are named by the environment variables NODE_20, JAVA_25, DENO and BUN.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CLIENTS, type Client } from "./clients.ts";

/** A client sends its hello, and early data behind it, without waiting: silence is the end. */
const QUIET_MS = 300;
const FIRST_BYTE_MS = 40_000;
const HEX_DIGITS_A_LINE = 64;

const FOLDER = new URL(".", import.meta.url).pathname;
const INDEX = join(FOLDER, "index.json");

type Entry = Omit<Client, "name" | "command" | "version"> & { file: string; version: string };

await main(process.argv.slice(2));

async function main(names: readonly string[]): Promise<void> {
  const known: Entry[] = existsSync(INDEX) ? JSON.parse(readFileSync(INDEX, "utf8")) : [];
  const entries: Entry[] = [];
  for (const client of CLIENTS) {
    const file = `${client.name}.hex`;
    const old = known.find((entry) => entry.file === file);
    const isAsked = names.length === 0 || names.includes(client.name);
    const entry = isAsked ? await captureEntry(client, file) : undefined;
    if (entry !== undefined || old !== undefined) entries.push((entry ?? old) as Entry);
  }
  writeFileSync(INDEX, `${JSON.stringify(entries, undefined, 2)}\n`);
}

async function captureEntry(client: Client, file: string): Promise<Entry | undefined> {
  const version = versionOf(client);
  if (version === undefined) {
    console.error(`${client.name}: not installed`);
    return undefined;
  }
  const bytes = await capture(client);
  console.error(`${client.name}: ${bytes.length} bytes`);
  if (bytes.length === 0) return undefined;
  const lines = bytes.toString("hex").match(new RegExp(`.{1,${HEX_DIGITS_A_LINE}}`, "g")) ?? [];
  writeFileSync(join(FOLDER, file), `${lines.join("\n")}\n`);
  const { serverName, alpn, ech, note } = client;
  return { file, client: client.client, version, note, serverName, alpn, ech };
}

function versionOf({ version: [program, ...args] }: Client): string | undefined {
  const { status, stdout } = spawnSync(program, args, { encoding: "utf8" });
  return status === 0 ? stdout.trim().split("\n")[0] : undefined;
}

async function capture(client: Client): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), "hello-"));
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const [program, ...args] = client.command(port, folder);
  const env = { ...process.env, HOME: folder };
  const child = spawn(program, args, { detached: true, env, stdio: ["pipe", "ignore", "ignore"] });
  try {
    return await firstBytes(server);
  } finally {
    server.close();
    await stop(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** What the first connection that says anything says before it falls silent; empty when none comes. */
async function firstBytes(server: Server): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  const limit = setTimeout(() => resolve(Buffer.alloc(0)), FIRST_BYTE_MS);
  server.on("connection", (socket: Socket) => {
    const chunks: Buffer[] = [];
    let quiet: NodeJS.Timeout | undefined;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      clearTimeout(quiet);
      quiet = setTimeout(() => {
        resolve(Buffer.concat(chunks));
        socket.destroy();
      }, QUIET_MS);
    });
  });
  const bytes = await promise;
  clearTimeout(limit);
  return bytes;
}

/** Ends the client with all its children: it leads a process group of its own. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit");
  process.kill(-child.pid, "SIGKILL");
  await exited;
}
