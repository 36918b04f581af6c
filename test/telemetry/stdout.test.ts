import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { StreamOutput, type OutputStream } from "../../src/telemetry/stdout.ts";

const CHILD = join(import.meta.dirname, "fixtures", "stdout-child.ts");

interface Report {
  readonly dropped: number;
  readonly problems: readonly string[];
}

function startChild(parts: readonly string[], stdout: "pipe" | number = "pipe"): ChildProcess {
  return spawn(process.execPath, [CHILD, ...parts], { stdio: ["ignore", stdout, "pipe"] });
}

async function readReport(child: ChildProcess): Promise<Report> {
  assert.ok(child.stderr !== null);
  const [said] = await Promise.all([text(child.stderr), once(child, "exit")]);
  assert.equal(child.exitCode, 0, said);
  return JSON.parse(said) as Report;
}

test("createStdout() neither blocks nor throws while nobody reads the pipe, and counts what is beyond 8 MiB", async () => {
  // Nothing reads child.stdout. 8 MiB fit into the queue and some batches into the pipe; 200 of 64 KiB are more.
  const report = await readReport(startChild(["stalled", "200"]));
  assert.equal(report.dropped % 64, 0);
  assert.ok(report.dropped > 0 && report.dropped <= (200 - 128) * 64, String(report.dropped));
  assert.deepEqual(report.problems, []);
});

test("createStdout() outlives a reader that has gone and reports it once", async () => {
  const child = startChild(["closed"]);
  child.stdout?.destroy();
  const report = await readReport(child);
  assert.deepEqual(report.problems, ["EPIPE"]);
});

test("createStdout() writes to a regular file", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-stdout-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "out");
  const report = await readReport(startChild(["once"], openSync(path, "w")));
  assert.equal(report.dropped, 0);
  assert.equal(readFileSync(path, "utf8").length, 64 * 1024);
});

test("createStdout() counts the lines that a full disk does not take", async () => {
  const report = await readReport(startChild(["closed"], openSync("/dev/full", "w")));
  assert.deepEqual(report.problems, ["ENOSPC"]);
});

test("StreamOutput.flush() resolves when the queue has been written", async () => {
  const done: (() => void)[] = [];
  const stream: OutputStream = {
    writableLength: 10,
    write: (_text, _encoding, callback) => {
      if (callback !== undefined) done.push(callback);
      return true;
    },
    on: () => {},
  };
  let flushed = false;
  const flush = new StreamOutput(stream).flush();
  void flush.finally(() => {
    flushed = true;
  });
  await Promise.resolve();
  assert.equal(flushed, false);
  done[0]?.();
  await flush;
});
