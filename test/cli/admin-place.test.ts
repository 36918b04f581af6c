import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseAdminPlace } from "../../src/cli/admin-place.ts";
import { writeRuntimeFile } from "../../src/control/runtime-file.ts";
import { runWords } from "./fixtures/io.ts";

const GOOD: readonly [text: string, address: object][] = [
  ["127.0.0.1:9901", { host: "127.0.0.1", port: 9901 }],
  ["box.lan:80", { host: "box.lan", port: 80 }],
  [":9901", { host: "127.0.0.1", port: 9901 }],
  ["0.0.0.0:9901", { host: "127.0.0.1", port: 9901 }],
  ["[::]:9901", { host: "::1", port: 9901 }],
  ["[fd00::1]:65535", { host: "fd00::1", port: 65_535 }],
  ["unix:/run/x.sock", { socketPath: "/run/x.sock" }],
];
for (const [text, address] of GOOD) {
  test(`parseAdminPlace() reads ${text}`, () => {
    const place = parseAdminPlace(text, "here");
    assert.deepEqual(place, { ok: true, value: { address, text, source: "here" } });
  });
}

const BAD = ["", "x", "9901", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:9901", "unix:x"];
for (const text of [...BAD, "http://127.0.0.1:9901", "a b:1", "127.0.0.1:1\n"]) {
  test(`parseAdminPlace() refuses ${JSON.stringify(text)}`, () => {
    assert.equal(parseAdminPlace(text, "here").ok, false);
  });
}

test("gatehouse show takes the address that the running box wrote down and names the file", async (t) => {
  const base = mkdtempSync(join(tmpdir(), "gatehouse-place-"));
  t.after(() => rmSync(base, { recursive: true }));
  const environment = { RUNTIME_DIRECTORY: base };
  const admin = "unix:/nowhere/written-down.sock";
  const info = { pid: process.pid, admin, configPath: "x", startedAt: "x" };
  const path = writeRuntimeFile(info, { environment, uid: 1000 });
  assert.ok(path !== undefined);
  const { code, stderr } = await runWords(["show", "routes"], { environment });
  assert.equal(code, 1);
  assert.ok(stderr.includes(`No box answers at ${admin} (from ${path})`), stderr);
});
