/** What somebody does in the first minutes: the demo with its lines to copy, the example, a look at the commands. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { inProject, readManifest } from "../../build/project.ts";
import { hasCommand } from "../packages.ts";
import { endProcess, runProgram, until } from "../processes.ts";
import { EXECUTABLE, temporaryFolder } from "./harness.ts";
import { JsonLines } from "./json-lines.ts";
import { refusesConnections } from "./raw-tcp.ts";

const missing = ["curl", "openssl"].filter((command) => !hasCommand(command));
const skip = missing.length > 0 && `needs ${missing.join(", ")}`;

test(
  "gatehouse demo: the lines that it prints do what it says, and it leaves nothing behind",
  { skip },
  async (t) => {
    const demo = await startDemo(t);
    const { text } = demo.said;
    const [page = "", other = "", unknown = ""] = commandsIn(text, "curl ");
    assert.equal(commandsIn(text, "curl ").length, 3);

    assert.match(await shell(page), /^HTTP\/1\.1 200 OK\r\n[^]*Welcome to your own nginx/);
    assert.match(
      await shell(other),
      /^HTTP\/1\.1 301 [^]*location: https:\/\/www\.nginx\.com\/[^]*<h1>/i,
    );
    assert.match(await shell(unknown), /^HTTP\/1\.1 404 /);
    await demo.accessLog.waitFor({ kind: "http", status: 200, service: "my-nginx" });
    await demo.accessLog.waitFor({ kind: "tls", sni: "nginx.com", service: "nginx.com" });
    await demo.accessLog.waitFor({ kind: "http", status: 404, failure: "no-virtual-host" });

    // The certificate is the site's own: the fingerprint is the printed one.
    const printed = /(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/.exec(text)?.[0] ?? "none was printed";
    const [fingerprint = ""] = commandsIn(text, "openssl ");
    assert.ok((await shell(fingerprint)).includes(printed));
    const show = /gatehouse (show listeners.*)/.exec(text)?.[1]?.split(" ") ?? [];
    const shown = await runProgram(EXECUTABLE, show, { environment: demo.environment });
    assert.match(shown.stdout, /^127\.0\.0\.1:\d+ +http +web +nginx\.com /m, shown.stderr);

    const certificate = /--cacert '([^']+)'/.exec(other)?.[1] ?? "";
    assert.equal(existsSync(certificate), true);
    const exited = once(demo.child, "exit");
    demo.child.kill("SIGINT");
    assert.equal((await exited)[0], 0);
    assert.equal(existsSync(certificate), false);
  },
);

test("gatehouse demo: a port in use is one line that says what to do, and 1", async (t) => {
  const demo = await startDemo(t);
  const port =
    /^listen = "127\.0\.0\.1:(\d+)"/m.exec(demo.said.text.replace(/^ +/gm, ""))?.[1] ?? "";
  assert.equal(await refusesConnections(Number(port)), false);
  const { status, stderr } = await runProgram(EXECUTABLE, ["demo", "--http-port", port]);
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`^Port ${port} .*in use.*--http-port.*\n$`));
});

test("config.example.toml passes check", async () => {
  const file = inProject("config.example.toml");
  const { status, stderr } = await runProgram(EXECUTABLE, ["check", "-c", file]);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^[^\n]*config\.example\.toml: no errors[^\n]*\n$/);
  const input = readFileSync(file, "utf8");
  const piped = await runProgram(EXECUTABLE, ["check", "-c", "-", "--json"], { input });
  assert.equal(piped.status, 0, piped.stderr);
  assert.deepEqual((JSON.parse(piped.stdout) as { findings: unknown }).findings, []);
});

test("the seed of the README passes check", async () => {
  const readme = readFileSync(inProject("README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```toml\n([^]*?)^```$/gm)].map(([, block = ""]) => block);
  assert.ok(blocks.length > 0);
  for (const input of blocks.filter((block) => block.includes("[[gateway]]"))) {
    const { status, stderr } = await runProgram(EXECUTABLE, ["check", "-c", "-"], { input });
    assert.equal(status, 0, stderr);
  }
});

test("version, schema and help are on stdout; a wrong command is 2", async () => {
  const version = await runProgram(EXECUTABLE, ["version", "--json"]);
  assert.equal((JSON.parse(version.stdout) as { version: string }).version, readManifest().version);
  const schema = await runProgram(EXECUTABLE, ["schema"]);
  assert.equal(schema.status, 0);
  assert.match((JSON.parse(schema.stdout) as { $schema: string }).$schema, /json-schema/);
  for (const args of [["--help"], ["run", "--help"], ["help", "show"]]) {
    const { status, stdout } = await runProgram(EXECUTABLE, args);
    assert.equal(status, 0);
    assert.match(stdout, /Usage: gatehouse/);
  }
  for (const args of [["rum"], ["run", "--colour"], ["show", "nothing"], []]) {
    const { status, stdout } = await runProgram(EXECUTABLE, args);
    assert.equal(status, 2, args.join(" "));
    assert.equal(stdout, "");
  }
});

interface Demo {
  readonly child: ChildProcess;
  /** What it says to people, and its log. */
  readonly said: JsonLines;
  readonly accessLog: JsonLines;
  readonly environment: Readonly<Record<string, string>>;
}

/** On free ports; waits until it serves. */
async function startDemo(t: TestContext): Promise<Demo> {
  const folder = temporaryFolder(t);
  const environment = { RUNTIME_DIRECTORY: folder, TMPDIR: folder };
  const args = ["demo", "--http-port", "0", "--tls-port", "0"];
  const child = spawn(EXECUTABLE, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  t.after(() => endProcess(child));
  const said = new JsonLines(child.stderr);
  const accessLog = new JsonLines(child.stdout);
  await until("the demo serves", () => (/serving/.test(said.text) ? true : undefined));
  return { child, said, accessLog, environment };
}

/** The indented lines that begin like this. */
function commandsIn(text: string, beginning: string): readonly string[] {
  const lines = text.split("\n").map((line) => line.trimStart());
  return lines.filter((line) => line.startsWith(beginning));
}

async function shell(line: string): Promise<string> {
  const { status, stdout, stderr } = await runProgram("sh", ["-c", line]);
  assert.equal(status, 0, `${line}: ${stderr}`);
  return stdout;
}
