import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import { LIMIT, connectPair, fill, readAll } from "./fixtures.ts";

/** What a test can tell apart from any other part of itself. */
function pattern(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => 33 + ((index * 7) % 89)));
}

describe("HandleSocket.write()", () => {
  test("sends Latin-1 text and bytes in order", LIMIT, async (t) => {
    const { socket, far } = await connectPair(t);
    assert.ok(socket.write("caf\u00e9 "));
    assert.ok(socket.write(Buffer.from("bytes ")));
    assert.ok(socket.write(""));
    assert.ok(socket.writeCopy(Buffer.from("copy")));
    assert.equal(socket.bytesWritten, 15);
    assert.equal(socket.writableLength, 0);
    socket.end();
    assert.equal(await readAll(far), "caf\u00e9 bytes copy");
  });

  test("asks for a pause when bytes wait, and tells once when all have left", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    const piece = Buffer.alloc(60_000);
    let sent = 0;
    for (let goesOn = true; goesOn; sent += piece.length) {
      goesOn = socket.writeCopy(piece);
      assert.equal(goesOn, !socket.writableNeedDrain);
    }
    assert.ok(socket.writableLength >= 64 * 1024);
    assert.ok(socket.writableLength < 256 * 1024);
    assert.equal(socket.bytesWritten, sent);
    assert.deepEqual(user.told, ["connect"]);
    far.resume();
    await user.until("drain");
    assert.equal(socket.writableNeedDrain, false);
    assert.equal(socket.writableLength, 0);
    assert.ok(socket.write("more"));
    assert.deepEqual(user.told, ["connect", "drain"]);
  });

  for (const length of [4000, 16_384, 60_000, 65_536, 300_000]) {
    test(`does not need the memory of a copy after the call: ${length}`, LIMIT, async (t) => {
      const { socket, far } = await connectPair(t);
      const lent = Buffer.alloc(length);
      const hash = createHash("sha256");
      let fillings = 0;
      // Until two have been cut by the kernel, or stand behind one that was.
      for (let waiting = 0; waiting < 2; fillings += 1) {
        lent.fill(fillings % 251);
        hash.update(lent);
        socket.writeCopy(lent);
        lent.fill(255);
        if (socket.writableLength > 0) waiting += 1;
      }
      assert.equal(socket.bytesWritten, fillings * length);
      socket.end();
      const seen = createHash("sha256");
      for await (const bytes of far) seen.update(bytes as Buffer);
      assert.equal(seen.digest("hex"), hash.digest("hex"));
    });
  }

  test("asks for a pause when many small writes wait", LIMIT, async (t) => {
    const { socket } = await connectPair(t);
    while (socket.writableLength === 0) socket.writeCopy(Buffer.alloc(4000));
    let more = 0;
    while (socket.write("x")) more += 1;
    assert.ok(more < 100, `${more} writes`);
    assert.ok(socket.writableLength < 64 * 1024);
  });

  test("tells of no drain that nobody has waited for", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    while (socket.writableLength === 0) socket.writeCopy(Buffer.alloc(4000));
    assert.equal(socket.writableNeedDrain, false);
    socket.end();
    far.end(await readAll(far));
    socket.resume();
    await user.until("close");
    assert.equal(user.told.includes("drain"), false);
    assert.equal(user.data.length, socket.bytesWritten);
  });

  test("a user that fills it again in each drain is told each time", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    const piece = pattern(50_000);
    let [rounds, sent] = [0, fill(socket, piece)];
    user.acts.drain = () => {
      rounds += 1;
      if (rounds < 5) sent += fill(socket, piece);
      else socket.end();
    };
    const text = await readAll(far);
    assert.equal(rounds, 5);
    assert.equal(text, piece.toString("latin1").repeat(sent / piece.length));
  });

  for (const end of ["end", "destroy", "reset"] as const) {
    test(`drops what comes after ${end}()`, LIMIT, async (t) => {
      const { socket, user } = await connectPair(t);
      socket.write("first");
      socket[end]();
      const part = { bytes: Buffer.alloc(9000), start: 0, length: 9000 };
      assert.equal(socket.write("late"), false);
      assert.equal(socket.write(Buffer.from("late")), false);
      assert.equal(socket.writeCopy(Buffer.alloc(100)), false);
      assert.equal(socket.writeJoined("late", part, ""), false);
      socket.cork();
      assert.equal(socket.write("late"), false);
      socket.uncork();
      socket.end();
      socket.setNoDelay();
      socket.setKeepAlive(1);
      assert.equal(socket.bytesWritten, 5);
      socket.destroy();
      await user.until("close");
      assert.deepEqual(user.told, ["connect", "close"]);
      assert.equal(user.fault, undefined);
      assert.equal(socket.write("late"), false);
      socket.reset();
      socket.destroy();
    });
  }
});

describe("HandleSocket.writeJoined()", () => {
  for (const length of [0, 5, 700, 1000, 4096, 5000, 64 * 1024, 66_500, 70_000, 500_000]) {
    test(
      `sends head, part and tail as one, the part's memory is free again: ${length}`,
      LIMIT,
      async (t) => {
        const { socket, far } = await connectPair(t);
        const all = pattern(length + 20);
        const wanted = all.toString("latin1", 10, 10 + length);
        socket.writeJoined("h\u00e9ad ", { bytes: all, start: 10, length }, " tail");
        all.fill("?");
        socket.end();
        assert.equal(await readAll(far), `h\u00e9ad ${wanted} tail`);
        assert.equal(socket.bytesWritten, length + 10);
      },
    );

    test(`keeps its place behind writes that wait: ${length}`, LIMIT, async (t) => {
      const { socket, far } = await connectPair(t);
      const before = fill(socket, Buffer.alloc(60_000, "b"));
      const all = pattern(length);
      const wanted = all.toString("latin1");
      socket.writeJoined("<", { bytes: all, start: 0, length }, ">");
      all.fill("?");
      socket.writeCopy(Buffer.from("after"));
      socket.end();
      const text = await readAll(far);
      assert.equal(text.slice(before), `<${wanted}>after`);
    });
  }
});

describe("HandleSocket.cork()", () => {
  test("keeps everything for one piece, in order", LIMIT, async (t) => {
    const { socket, far } = await connectPair(t);
    const part = { bytes: pattern(2000), start: 0, length: 2000 };
    const wanted = `text bytes copy [${part.bytes.toString("latin1")}] (${part.bytes.toString("latin1", 0, 9)})`;
    const first = once(far, "data");
    socket.cork();
    assert.ok(socket.write("text "));
    assert.ok(socket.write(Buffer.from("bytes ")));
    const copied = Buffer.from("copy ");
    assert.ok(socket.writeCopy(copied));
    copied.fill("?");
    assert.ok(socket.writeJoined("[", part, "] "));
    assert.ok(socket.writeJoined("(", { ...part, length: 9 }, ")"));
    part.bytes.fill("?");
    assert.equal(socket.bytesWritten, wanted.length);
    far.resume();
    // Nothing has left: another connection comes and goes meanwhile.
    const other = await connectPair(t);
    other.socket.end();
    await readAll(other.far);
    assert.equal(far.bytesRead, 0);
    socket.uncork();
    const [bytes] = (await first) as [Buffer];
    assert.equal(bytes.toString("latin1"), wanted);
    assert.equal(socket.bytesWritten, wanted.length);
    socket.uncork();
    socket.write("!");
    assert.equal(String((await once(far, "data"))[0]), "!");
  });

  test("is lifted by end()", LIMIT, async (t) => {
    const { socket, far } = await connectPair(t);
    socket.cork();
    socket.write("kept");
    socket.end();
    socket.uncork();
    assert.equal(await readAll(far), "kept");
    assert.equal(socket.bytesWritten, 4);
  });

  test("what it keeps is dropped by destroy()", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    socket.cork();
    socket.write("kept");
    socket.destroy();
    socket.uncork();
    assert.equal(await readAll(far), "");
    await user.until("close");
    assert.equal(user.fault, undefined);
  });
});

describe("HandleSocket.end()", () => {
  test("delivers all that waits, and then its FIN", LIMIT, async (t) => {
    const { socket, user, far } = await connectPair(t);
    const piece = pattern(50_000);
    const sent = fill(socket, piece);
    let finished = 0;
    socket.onFinish = () => {
      finished += 1;
      assert.ok(socket.writableFinished);
    };
    socket.end();
    socket.end();
    assert.ok(socket.writableEnded);
    assert.equal(socket.writableFinished, false);
    assert.equal(finished, 0);
    const text = await readAll(far);
    assert.equal(text, piece.toString("latin1").repeat(sent / piece.length));
    socket.resume();
    far.end();
    await user.until("close");
    assert.equal(finished, 1);
    assert.equal(user.fault, undefined);
  });

  test("tells of its FIN later, never inside the call", LIMIT, async (t) => {
    const { socket } = await connectPair(t);
    const { promise, resolve } = Promise.withResolvers<void>();
    let isInside = true;
    socket.onFinish = () => {
      assert.equal(isInside, false);
      resolve();
    };
    socket.end();
    isInside = false;
    await promise;
  });
});
