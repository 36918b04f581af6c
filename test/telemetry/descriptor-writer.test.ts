import assert from "node:assert/strict";
import { test } from "node:test";
import { DescriptorWriter } from "../../src/telemetry/descriptor-writer.ts";

function codeError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A pipe with so much room; `later` is called by hand. */
function createPipe(room: number) {
  const pipe = { room, text: "", retries: [] as (() => void)[] };
  const writer = new DescriptorWriter(2, {
    write: (_fd, bytes) => {
      if (pipe.room === 0) throw codeError("EAGAIN");
      const part = bytes.subarray(0, pipe.room);
      pipe.room -= part.length;
      pipe.text += Buffer.from(part).toString();
      return part.length;
    },
    later: (callback) => pipe.retries.push(callback),
  });
  return { pipe, writer };
}

test("DescriptorWriter keeps what a full pipe does not take and writes it later, in order", () => {
  const { pipe, writer } = createPipe(4);
  writer.write("first\n");
  writer.write("second\n");
  assert.equal(pipe.text, "firs");
  assert.equal(pipe.retries.length, 1);
  pipe.room = 100;
  pipe.retries[0]?.();
  assert.equal(pipe.text, "first\nsecond\n");
  writer.write("third\n");
  assert.equal(pipe.text, "first\nsecond\nthird\n");
  assert.equal(writer.dropped, 0);
});

test("DescriptorWriter keeps at most 1 MiB and counts what it drops", () => {
  const { pipe, writer } = createPipe(0);
  const kilobyte = "x".repeat(1024);
  for (let i = 0; i < 1030; i += 1) writer.write(kilobyte);
  assert.equal(writer.dropped, 6);
  assert.equal(pipe.retries.length, 1);
});

for (const code of ["EPIPE", "EBADF", "EIO"]) {
  test(`DescriptorWriter swallows ${code}`, () => {
    const writer = new DescriptorWriter(2, {
      write: () => {
        throw codeError(code);
      },
      later: () => assert.fail("no retry"),
    });
    writer.write("a\n");
    writer.write("b\n");
    assert.equal(writer.dropped, 2);
  });
}
