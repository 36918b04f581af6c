import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { countLines, FileAppender, type FilePlatform } from "../../src/telemetry/file-appender.ts";

type WriteDone = Parameters<FilePlatform["write"]>[2];

/** A disk that answers when told to. */
function createDisk() {
  const disk = {
    openFails: false,
    opened: 0,
    closed: [] as number[],
    writes: [] as { fd: number; text: string; done: WriteDone }[],
  };
  const platform: FilePlatform = {
    open: () => {
      if (disk.openFails) throw codeError("EACCES");
      disk.opened += 1;
      return disk.opened;
    },
    write: (fd, bytes, done) => disk.writes.push({ fd, text: Buffer.from(bytes).toString(), done }),
    close: (fd) => disk.closed.push(fd),
  };
  const answer = (error: string | null, written?: number) => {
    const write = disk.writes.shift();
    assert.ok(write !== undefined, "a write is in flight");
    write.done(error === null ? null : codeError(error), written ?? write.text.length);
    return write.text;
  };
  return { disk, platform, answer };
}

function codeError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

function createAppender(queueBytesMax = 100) {
  const problems: string[] = [];
  const { disk, platform, answer } = createDisk();
  const appender = new FileAppender({
    place: { kind: "path", path: "log" },
    queueBytesMax,
    onProblem: (code) => problems.push(code),
    platform,
  });
  return { appender, disk, answer, problems };
}

test("FileAppender has one write in flight and keeps the order", async () => {
  const { appender, disk, answer } = createAppender();
  appender.write("a\n");
  appender.write("b\n");
  assert.equal(disk.writes.length, 1);
  const flushed = appender.flush();
  assert.equal(answer(null), "a\n");
  assert.equal(answer(null), "b\n");
  await flushed;
  assert.equal(appender.dropped, 0);
});

test("FileAppender counts the lines beyond the bound and takes new ones when there is room", () => {
  const { appender, answer } = createAppender(8);
  appender.write("aaa\n");
  appender.write("bbb\n");
  appender.write("c\nd\n");
  assert.equal(appender.dropped, 2);
  answer(null);
  appender.write("eee\n");
  assert.equal(answer(null), "bbb\n");
  assert.equal(answer(null), "eee\n");
  assert.equal(appender.dropped, 2);
});

test("FileAppender asks again for the rest of a short write", async () => {
  const { appender, answer } = createAppender();
  appender.write("abcdef\n");
  const flushed = appender.flush();
  answer(null, 3);
  assert.equal(answer(null), "def\n");
  await flushed;
  assert.equal(appender.dropped, 0);
});

test("FileAppender begins a new line after a write that failed in the middle of one", () => {
  const { appender, answer, problems } = createAppender();
  appender.write("abcdef\n");
  answer(null, 3);
  answer("ENOSPC", 0);
  appender.write("next\n");
  assert.equal(answer(null), "\nnext\n");
  assert.equal(appender.dropped, 1);
  assert.deepEqual(problems, ["ENOSPC"]);
});

test("FileAppender reports a problem again only after writing has worked in between", () => {
  const { appender, answer, problems } = createAppender();
  for (const error of ["ENOSPC", "ENOSPC", null, "EIO", "EIO"]) {
    appender.write("a\n");
    answer(error, error === null ? 2 : 0);
  }
  assert.deepEqual(problems, ["ENOSPC", "EIO"]);
  assert.equal(appender.dropped, 4);
});

test("FileAppender takes a write of nothing for a failure instead of asking for ever", () => {
  const { appender, answer, disk } = createAppender();
  appender.write("a\n");
  answer(null, 0);
  assert.equal(disk.writes.length, 0);
  assert.equal(appender.dropped, 1);
});

test("FileAppender.reopen() waits for the write in flight and sends what follows to the new file", async () => {
  const { appender, disk, answer } = createAppender();
  appender.write("a\n");
  appender.reopen();
  appender.write("b\n");
  assert.deepEqual(disk.closed, []);
  answer(null);
  assert.deepEqual(disk.closed, [1]);
  assert.equal(disk.writes[0]?.fd, 2);
  answer(null);
  await appender.close();
  assert.deepEqual(disk.closed, [1, 2]);
});

test("FileAppender goes on when a file that could not be opened can be", async () => {
  const { disk, platform, answer } = createDisk();
  disk.openFails = true;
  const place = { kind: "path", path: "log" } as const;
  const appender = new FileAppender({ place, queueBytesMax: 100, platform });
  appender.write("lost\n");
  await appender.flush();
  assert.equal(appender.dropped, 1);
  disk.openFails = false;
  appender.write("kept\n");
  assert.equal(answer(null), "kept\n");
});

test("FileAppender does not hang on a FIFO that nobody reads", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-fifo-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "fifo");
  execFileSync("mkfifo", [path]);
  const problems: string[] = [];
  const place = { kind: "path", path } as const;
  const onProblem = (code: string) => problems.push(code);
  const appender = new FileAppender({ place, queueBytesMax: 100, onProblem });
  appender.write("a\n");
  await appender.close();
  assert.deepEqual(problems, ["ENXIO"]);
  assert.equal(appender.dropped, 1);
});

test("countLines() counts line feeds", () => {
  assert.equal(countLines(""), 0);
  assert.equal(countLines("a\n\nb\n"), 3);
});
