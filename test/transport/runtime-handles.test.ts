import assert from "node:assert/strict";
import { test } from "node:test";
import { getSystemErrorName } from "node:util";
import {
  END_OF_STREAM,
  closeHandle,
  connectHandle,
  createHandle,
  createWriteRequest,
  resetHandle,
} from "../../src/transport/runtime-handles.ts";

const QUIET = {
  handleRead: () => undefined,
  handleWritten: () => undefined,
  handleConnected: () => undefined,
  handleShutdown: () => undefined,
};

test("END_OF_STREAM is what libuv says", () => {
  assert.equal(getSystemErrorName(END_OF_STREAM), "EOF");
});

for (const isPath of [false, true]) {
  test(`closeHandle() tells the owner once, later: ${isPath ? "Unix" : "TCP"}`, async () => {
    const handle = createHandle(isPath);
    let closes = 0;
    const closed = new Promise<void>((resolve) => {
      handle.heldBy = {
        ...QUIET,
        handleClosed() {
          closes += 1;
          resolve();
        },
      };
    });
    closeHandle(handle);
    closeHandle(handle);
    assert.equal(closes, 0);
    await closed;
    assert.equal(closes, 1);
  });
}

test("resetHandle() does nothing where there is no reset", async () => {
  const handle = createHandle(true);
  assert.equal(resetHandle(handle), false);
  const closed = new Promise<void>((resolve) => {
    handle.heldBy = { ...QUIET, handleClosed: resolve };
  });
  closeHandle(handle);
  await closed;
});

test("connectHandle() gives the status of what cannot be tried", async () => {
  const handle = createHandle(false);
  const closed = new Promise<void>((resolve) => {
    handle.heldBy = { ...QUIET, handleClosed: resolve };
  });
  assert.equal(getSystemErrorName(connectHandle(handle, "no-address", 80)), "EINVAL");
  closeHandle(handle);
  await closed;
});

test("createWriteRequest() makes a new one each time", () => {
  assert.notEqual(createWriteRequest(), createWriteRequest());
});
