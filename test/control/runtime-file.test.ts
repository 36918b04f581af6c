import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  readRuntimeFile,
  removeRuntimeFile,
  writeRuntimeFile,
} from "../../src/control/runtime-file.ts";

const INFO = {
  pid: process.pid,
  admin: "127.0.0.1:9901",
  configPath: "/etc/gatehouse/gatehouse.toml",
  startedAt: "2026-11-22T11:00:00.000Z",
};

/** A user without a service directory; nothing of the system's own is looked at unless a box runs here. */
function userPlace(t: TestContext) {
  const base = mkdtempSync(join(tmpdir(), "gatehouse-run-"));
  t.after(() => rmSync(base, { recursive: true }));
  const environment = { XDG_RUNTIME_DIR: base };
  // A box may really run on this machine.
  const systemDirectory = join(base, "no-system");
  return { base, place: { environment, uid: process.getuid?.(), systemDirectory } };
}

/** As written by a user: root would write to /run. */
function asUser<T extends { uid: number | undefined }>(place: T): T {
  return { ...place, uid: 1000 };
}

test("writeRuntimeFile() writes what readRuntimeFile() finds, readable by all whatever the umask", (t) => {
  const { base, place } = userPlace(t);
  const before = process.umask(0o077);
  const path = writeRuntimeFile(INFO, asUser(place));
  process.umask(before);
  assert.equal(path, join(base, "gatehouse", "admin.json"));
  assert.equal(statSync(path).mode & 0o777, 0o644);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o755);
  assert.deepEqual(readRuntimeFile(place), { path, info: INFO });
});

test("writeRuntimeFile() prefers the directory of the service manager", (t) => {
  const { base, place } = userPlace(t);
  const directory = join(base, "service");
  const environment = { ...place.environment, RUNTIME_DIRECTORY: `${directory}:/nowhere` };
  const path = writeRuntimeFile(INFO, { environment, uid: 0 });
  assert.equal(path, join(directory, "admin.json"));
});

test("writeRuntimeFile() is undefined where it cannot write or has no place", (t) => {
  const { base } = userPlace(t);
  const file = join(base, "file");
  writeFileSync(file, "");
  const blocked = { environment: { RUNTIME_DIRECTORY: join(file, "x") }, uid: 1000 };
  assert.equal(writeRuntimeFile(INFO, blocked), undefined);
  assert.equal(writeRuntimeFile(INFO, { environment: {}, uid: 1000 }), undefined);
});

const UNBELIEVED: readonly [why: string, text: string][] = [
  ["of a process that has ended", JSON.stringify({ ...INFO, pid: 2 ** 22 + 1 })],
  ["with a process group for a pid", JSON.stringify({ ...INFO, pid: -1 })],
  ["with pid 0", JSON.stringify({ ...INFO, pid: 0 })],
  ["without an address", JSON.stringify({ ...INFO, admin: undefined })],
  ["that is no JSON", "{"],
  ["that is no object", "null"],
];
for (const [why, text] of UNBELIEVED) {
  test(`readRuntimeFile() ignores a file ${why}`, (t) => {
    const { base, place } = userPlace(t);
    mkdirSync(join(base, "gatehouse"));
    writeFileSync(join(base, "gatehouse", "admin.json"), text);
    const found = readRuntimeFile(place);
    assert.ok(found === undefined || !found.path.startsWith(base));
  });
}

test("readRuntimeFile() ignores a file that is neither root's nor the reader's", (t) => {
  const { base, place } = userPlace(t);
  const path = writeRuntimeFile(INFO, asUser(place));
  assert.ok(path !== undefined);
  if (process.getuid?.() === 0) {
    // Root's file is believed by everybody.
    assert.equal(readRuntimeFile({ ...place, uid: 4242 })?.path, path);
    return;
  }
  const found = readRuntimeFile({ ...place, uid: 4242 });
  assert.ok(found === undefined || !found.path.startsWith(base));
});

test("removeRuntimeFile() removes only the file of its own process", (t) => {
  const { place } = userPlace(t);
  const path = writeRuntimeFile(INFO, asUser(place));
  assert.ok(path !== undefined);
  removeRuntimeFile(path, INFO.pid + 1);
  assert.ok(statSync(path, { throwIfNoEntry: false }) !== undefined);
  removeRuntimeFile(path, INFO.pid);
  assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
  removeRuntimeFile(path, INFO.pid);
});
