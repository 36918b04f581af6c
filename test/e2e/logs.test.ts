/** Where the lines go when files are moved and readers leave. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { endProcess, findFreePort, until } from "../processes.ts";
import { EXECUTABLE, startGatehouse, temporaryFolder } from "./harness.ts";
import { fetchStatus } from "./http-client.ts";
import { JsonLines } from "./json-lines.ts";

test("SIGUSR1 reopens the file of the access log, and no line is lost or torn", async (t) => {
  const file = join(temporaryFolder(t), "access.log");
  const port = await findFreePort();
  const config = `access_log.path = "${file}"\n${respond(port)}`;
  const gatehouse = await startGatehouse(t, { config });
  await Promise.all(["a", "b", "c", "d"].map((host) => fetchStatus(port, host)));
  await until("four lines", () => (hosts(file).length === 4 ? true : undefined));
  renameSync(file, `${file}.1`);
  gatehouse.signal("SIGUSR1");
  await until("a new file", () => {
    try {
      return readFileSync(file, "utf8") === "" ? true : undefined;
    } catch {
      return undefined;
    }
  });
  // Each worker has its own descriptor: lines may go to either file until both have reopened it.
  const more = Array.from({ length: 50 }, (_, i) => `more${i}`);
  for (const host of more) assert.equal(await fetchStatus(port, host), 200);
  await until("all lines", () => {
    const all = [...hosts(`${file}.1`), ...hosts(file)];
    return all.length === 54 ? true : undefined;
  });
  assert.ok(hosts(file).includes("more49"));
  assert.equal(gatehouse.accessLog.text, "");
});

test("the box serves on when nobody reads its stdout any more", async (t) => {
  const folder = temporaryFolder(t);
  const port = await findFreePort();
  const file = join(folder, "gatehouse.toml");
  writeFileSync(file, `admin.listen = "off"\nworkers = 1\n${respond(port)}`);
  const child = spawn(EXECUTABLE, ["run", "-c", file], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, RUNTIME_DIRECTORY: folder },
  });
  t.after(() => endProcess(child));
  const log = new JsonLines(child.stderr);
  await log.waitFor({ message: "serving" });
  child.stdout.destroy();
  for (let i = 0; i < 20; i += 1) assert.equal(await fetchStatus(port, "a"), 200);
  const line = await log.waitFor({ message: "stdout cannot be written" });
  assert.equal(line["code"], "EPIPE");
  assert.equal(await fetchStatus(port, "a"), 200);
  assert.equal(child.exitCode, null);
});

/** Of every line of a log. */
function hosts(file: string): readonly string[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => (JSON.parse(line) as { host: string }).host);
}

function respond(port: number): string {
  return `
[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"

[[virtual_service]]
hosts = ["*"]

[[virtual_service.http]]
respond = { status = 200, body = "here" }
`;
}
