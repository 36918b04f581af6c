/** What a wrong configuration or a port that cannot be had gets: everything said at once, and nothing listens. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { findFreePort, type ProgramResult, runProgram } from "../processes.ts";
import { EXECUTABLE, type Scope, startGatehouse, temporaryFolder } from "./harness.ts";
import { fetchStatus } from "./http-client.ts";
import { refusesConnections } from "./raw-tcp.ts";

test("check and run say every error with its place, exit with 2, and nothing listens", async (t) => {
  const { config, expected } = manyMistakes(await occupyPort(t));
  const file = writeConfig(t, config);
  const findings = expected.map((finding) => `${file}:${finding}`);
  for (const command of ["check", "run"]) {
    const { status, stdout, stderr } = await runProgram(EXECUTABLE, [command, "-c", file]);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, "", command);
    const lines = stderr.trimEnd().split("\n");
    // The last line is the summary. Had `run` touched the port, it would say that it is in use.
    assert.deepEqual(lines.slice(0, -1).map(withoutAdvice), findings, command);
    assert.match(lines.at(-1) ?? "", /6 errors/, command);
  }
});

test("of syntax errors the first is said, with its place", async (t) => {
  const file = writeConfig(t, `workers = 1\n[[gateway]]\nname = web\nlisten = ":8080\n`);
  for (const command of ["check", "run"]) {
    const { status, stderr } = await runProgram(EXECUTABLE, [command, "-c", file]);
    assert.equal(status, 2, stderr);
    const errors = stderr.split("\n").filter((line) => line.startsWith(`${file}:`));
    assert.equal(errors.filter((line) => line.includes(": error: ")).length, 1, stderr);
    assert.match(errors[0] ?? "", new RegExp(`^${file}:3:\\d+: error: `), command);
  }
});

test("a missing file is one line and 2", async () => {
  const { status, stderr } = await runProgram(EXECUTABLE, ["run", "-c", "/nonexistent.toml"]);
  assert.equal(status, 2);
  assert.match(stderr, /^gatehouse run: .*\/nonexistent\.toml.*\n$/);
});

test("a port in use is one line that names gateway and address, and nothing listens", async (t) => {
  const taken = await occupyPort(t);
  const other = await findFreePort();
  const admin = await findFreePort();
  const config = `admin.listen = "127.0.0.1:${admin}"\n${respond("free", `127.0.0.1:${other}`)}${respond("web", `127.0.0.1:${taken}`)}`;
  const { status, stderr } = await run(t, config);
  assert.equal(status, 1, stderr);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.match(
    stderr,
    new RegExp(`gateway web: cannot listen on 127\\.0\\.0\\.1:${taken}: .*in use`),
  );
  assert.match(stderr, /stop what listens there/);
  assert.equal(await refusesConnections(other), true);
  assert.equal(await refusesConnections(admin), true);
});

test("two boxes never share a port: the second is refused, the first serves on", async (t) => {
  const port = await findFreePort();
  for (const [first, second] of [
    [`127.0.0.1:${port}`, `127.0.0.1:${port}`],
    [`:${port}`, `:${port}`],
    [`:${port}`, `127.0.0.1:${port}`],
    [`127.0.0.1:${port}`, `:${port}`],
  ] as const) {
    await t.test(`${first}, then ${second}`, async (t) => {
      const box = await startGatehouse(t, { config: respond("web", first) });
      const admin = `admin.listen = "127.0.0.1:${await findFreePort()}"`;
      const { status, stderr } = await run(t, `${admin}\n${respond("second", second)}`);
      assert.equal(status, 1, stderr);
      assert.match(stderr, new RegExp(`gateway second: cannot listen on ${second}: .*gatehouse`));
      for (let i = 0; i < 20; i += 1) assert.equal(await fetchStatus(port, "web"), 200);
      box.signal("SIGKILL");
      await box.exited;
    });
  }
});

test("an admin address in use is one line and 1, and nothing listens", async (t) => {
  const admin = await occupyPort(t);
  const port = await findFreePort();
  const config = `admin.listen = "127.0.0.1:${admin}"\n${respond("web", `127.0.0.1:${port}`)}`;
  const { status, stderr } = await run(t, config);
  assert.equal(status, 1, stderr);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${admin}.*something else listens there`));
  assert.equal(await refusesConnections(port), true);
});

test(
  "a port that is not permitted is one line that says what to do",
  { skip: whyNotPermitted() },
  async (t) => {
    const folder = temporaryFolder(t);
    chmodSync(folder, 0o755);
    const executable = join(folder, "gatehouse");
    copyFileSync(EXECUTABLE, executable);
    const file = join(folder, "gatehouse.toml");
    writeFileSync(file, `admin.listen = "off"\n${respond("web", "127.0.0.1:80")}`);
    const nobody = 65_534;
    const child = spawn(executable, ["run", "-c", file], {
      stdio: ["ignore", "ignore", "pipe"],
      uid: nobody,
      gid: nobody,
      timeout: 20_000,
    });
    child.stderr.setEncoding("utf8");
    const closed = once(child, "close");
    const stderr = (await Array.fromAsync(child.stderr)).join("");
    const [status] = (await closed) as [number | null];
    assert.equal(status, 1, stderr);
    assert.match(
      stderr,
      /gateway web: cannot listen on 127\.0\.0\.1:80: not permitted.*CAP_NET_BIND_SERVICE/,
    );
  },
);

/** Each line of `expected` is `LINE:COLUMN: error: PATH` and the beginning of the message. */
function manyMistakes(port: number): {
  readonly config: string;
  readonly expected: readonly string[];
} {
  const config = `workers = "two"
colour = "red"
${gateway("web", `127.0.0.1:${port}`)}
${gateway("web", `127.0.0.1:${port}`).replace('"web"', '"again"')}
[[gateway]]
name = "tls"
listen = "127.0.0.1:${port + 1}"
protocol = "https"
tls.mode = "mutual"

[[virtual_service]]
hosts = ["web"]

[[virtual_service.http]]
route = "nowhere"
`;
  const at = (text: string): number => config.slice(0, config.indexOf(text)).split("\n").length;
  return {
    config,
    expected: [
      `1:1: error: workers: expected a whole number from 0 to 256, found "two"`,
      `2:1: error: colour: unknown key`,
      `${at('name = "again"') + 3}:10: error: gateway[1].hosts[0]: gateways "web" (line 4) and "again" (line ${at('name = "again"') - 1}) both claim "web" on 127.0.0.1:${port}`,
      `${at('"https"')}:1: error: gateway[2].protocol: "https" is not supported by this version, expected one of "http", "tls", "tcp"`,
      `${at('"mutual"')}:5: error: gateway[2].tls.mode: "mutual" is not supported by this version, expected "passthrough"`,
      `${at('"nowhere"')}:1: error: virtual_service[0].http[0].route: there is no service "nowhere"`,
    ],
  };
}

/** What follows a semicolon is advice. */
function withoutAdvice(line: string): string {
  return line.split(";")[0] ?? "";
}

/** A gateway of this name that lets the host of the same name in. */
function gateway(name: string, listen: string): string {
  return `
[[gateway]]
name = "${name}"
listen = "${listen}"
protocol = "http"
hosts = ["${name}"]
`;
}

/** With a virtual service that answers by itself. */
function respond(name: string, listen: string): string {
  return `${gateway(name, listen)}
[[virtual_service]]
hosts = ["${name}"]

[[virtual_service.http]]
respond = { status = 200, body = "${name}" }
`;
}

function run(scope: Scope, config: string): Promise<ProgramResult> {
  const file = writeConfig(scope, config);
  return runProgram(EXECUTABLE, ["run", "-c", file], {
    environment: { RUNTIME_DIRECTORY: temporaryFolder(scope) },
  });
}

function writeConfig(scope: Scope, config: string): string {
  const file = join(temporaryFolder(scope), "gatehouse.toml");
  writeFileSync(file, config);
  return file;
}

async function occupyPort(scope: Scope): Promise<number> {
  const server = createServer();
  const port = await findFreePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => void server.close());
  return port;
}

function whyNotPermitted(): string | false {
  if (process.getuid?.() !== 0) return "needs root, to become nobody";
  const first = readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8");
  return Number(first) <= 80 && "every user may bind port 80 here";
}
