/** `gatehouse demo` as a person tries it: the printed lines, copied. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { hasCommand } from "../packages.ts";
import { endProcess, findFreePort, runProgram, until } from "../processes.ts";

const GATEHOUSE = join(import.meta.dirname, "../../dist/gatehouse");
const missing = [
  ...["curl", "openssl"].filter((command) => !hasCommand(command)),
  ...(existsSync(GATEHOUSE) ? [] : ["dist/gatehouse"]),
];
const skip = missing.length === 0 ? false : `missing: ${missing.join(", ")}`;

test("gatehouse demo prints lines that work, and leaves nothing behind", { skip }, async (t) => {
  const [http, tls] = [await findFreePort(), await findFreePort()];
  const args = ["demo", "--http-port", String(http), "--tls-port", String(tls)];
  const demo = spawn(GATEHOUSE, args, { stdio: ["ignore", "ignore", "pipe"] });
  t.after(() => endProcess(demo));
  let text = "";
  demo.stderr.on("data", (chunk: Buffer) => (text += String(chunk)));
  await until("the demo serves", () => (/\bserving\b.*listeners/s.test(text) ? true : undefined));

  const lines = [...text.matchAll(/^ {2}((?:curl|openssl) .*)$/gm)].map((match) => match[1] ?? "");
  const answers = await Promise.all(lines.map((line) => runProgram("sh", ["-c", line])));
  const [plain = "", passed = "", unknown = "", shown = ""] = answers.map((each) => each.stdout);
  assert.match(plain, /^HTTP\/1\.1 200 .*Welcome to your own nginx/s);
  assert.match(passed, /^HTTP\/1\.1 301 .*location: https:\/\/www\.nginx\.com\//s);
  assert.match(unknown, /^HTTP\/1\.1 404 /);
  const fingerprint = /This prints ([0-9A-F:]{95}):/.exec(text)?.[1];
  assert.equal(shown.trim(), `sha256 Fingerprint=${fingerprint}`);

  const folder = dirname(/--cacert '([^']+)'/.exec(text)?.[1] ?? "");
  assert.ok(existsSync(folder));
  const exited = once(demo, "exit");
  demo.kill("SIGINT");
  assert.deepEqual(await exited, [0, null]);
  assert.equal(existsSync(folder), false);
});
