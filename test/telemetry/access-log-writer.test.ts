import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { AccessLogWriter, type StartTimer } from "../../src/telemetry/access-log-writer.ts";

/** Timers that fire when told to. */
function createTimers() {
  const running = new Map<object, () => void>();
  const startTimer: StartTimer = (callback, ms) => {
    assert.equal(ms, 100);
    const key = {};
    running.set(key, callback);
    return () => running.delete(key);
  };
  const fire = () => {
    for (const [key, callback] of running) {
      running.delete(key);
      callback();
    }
  };
  return { startTimer, fire, running };
}

function createPosting() {
  const batches: string[] = [];
  const timers = createTimers();
  const writer = new AccessLogWriter({
    destination: { kind: "stdout" },
    post: (lines) => batches.push(lines),
    startTimer: timers.startTimer,
  });
  return { batches, timers, writer };
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function createFileWriter(path: string, problems: string[] = []): AccessLogWriter {
  return new AccessLogWriter({
    destination: { kind: "file", path },
    post: () => assert.fail("nothing is posted"),
    onProblem: (code) => problems.push(code),
  });
}

test("AccessLogWriter posts lines together when the timer fires, and only then", () => {
  const { batches, timers, writer } = createPosting();
  writer.write("a\n");
  writer.write("b\n");
  assert.equal(timers.running.size, 1);
  assert.deepEqual(batches, []);
  timers.fire();
  assert.deepEqual(batches, ["a\nb\n"]);
  assert.equal(timers.running.size, 0);
});

test("AccessLogWriter posts at 64 KiB without waiting and cancels the timer", () => {
  const { batches, timers, writer } = createPosting();
  const line = `${"x".repeat(1023)}\n`;
  for (let i = 0; i < 63; i += 1) writer.write(line);
  assert.equal(batches.length, 0);
  writer.write(line);
  assert.deepEqual(
    batches.map((lines) => lines.length),
    [65_536],
  );
  assert.equal(timers.running.size, 0);
});

test("AccessLogWriter.flush() posts what is waiting, and nothing when nothing is", async () => {
  const { batches, writer } = createPosting();
  writer.write("a\n");
  await writer.flush();
  await writer.flush();
  assert.deepEqual(batches, ["a\n"]);
});

test("AccessLogWriter is not enabled when the log is off", async () => {
  const writer = new AccessLogWriter({
    destination: { kind: "off" },
    post: () => assert.fail("nothing is posted"),
  });
  assert.equal(writer.enabled, false);
  writer.write("a\n");
  await writer.flush();
  assert.equal(writer.dropped, 0);
});

test("AccessLogWriter appends to what the file has, in order, not readable by others", async (t) => {
  const path = join(temporaryFolder(t), "access.log");
  const first = createFileWriter(path);
  const second = createFileWriter(path);
  first.write("a\n");
  await first.flush();
  second.write("b\n");
  await second.close();
  first.write("c\n");
  await first.close();
  assert.equal(readFileSync(path, "utf8"), "a\nb\nc\n");
  assert.equal(statSync(path).mode & 0o007, 0);
});

test("AccessLogWriter.reopen() writes to a new file after the old one was moved, and loses nothing", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "access.log");
  const moved = join(folder, "access.log.1");
  const writer = createFileWriter(path);
  writer.write("before\n");
  await writer.flush();
  renameSync(path, moved);
  writer.write("still old\n");
  writer.reopen();
  writer.write("new\n");
  await writer.close();
  assert.equal(readFileSync(moved, "utf8"), "before\nstill old\n");
  assert.equal(readFileSync(path, "utf8"), "new\n");
});

test("AccessLogWriter counts the lines of a file that cannot be opened and says so once", async (t) => {
  const problems: string[] = [];
  const writer = createFileWriter(join(temporaryFolder(t), "missing", "access.log"), problems);
  for (const line of ["a\nb\n", "c\n"]) {
    writer.write(line);
    await writer.flush();
  }
  await writer.close();
  assert.equal(writer.dropped, 3);
  assert.deepEqual(problems, ["ENOENT"]);
});

test("AccessLogWriter counts the lines that a full disk does not take and says so once", async () => {
  const problems: string[] = [];
  const writer = createFileWriter("/dev/full", problems);
  for (let i = 0; i < 3; i += 1) {
    writer.write("a\n");
    await writer.flush();
  }
  await writer.close();
  assert.equal(writer.dropped, 3);
  assert.deepEqual(problems, ["ENOSPC"]);
});

test("AccessLogWriter drops and counts lines after close()", async (t) => {
  const writer = createFileWriter(join(temporaryFolder(t), "access.log"));
  await writer.close();
  writer.write("late\n");
  await writer.flush();
  assert.equal(writer.dropped, 1);
});
