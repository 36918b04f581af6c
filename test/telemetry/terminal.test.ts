import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";
import { hasColour, isTerminal } from "../../src/telemetry/terminal.ts";

test("isTerminal() is false for files, memory devices and what is closed, true for a terminal", () => {
  for (const path of ["/dev/null", "/dev/full", import.meta.filename]) {
    const fd = openSync(path, "r");
    assert.equal(isTerminal(fd), false, path);
    closeSync(fd);
  }
  assert.equal(isTerminal(12_345), false);
  const terminal = openSync("/dev/ptmx", "r+");
  assert.equal(isTerminal(terminal), true);
  closeSync(terminal);
});

test("hasColour() obeys NO_COLOR unless it is empty", () => {
  const terminal = openSync("/dev/ptmx", "r+");
  assert.equal(hasColour(terminal, {}), true);
  assert.equal(hasColour(terminal, { NO_COLOR: "" }), true);
  assert.equal(hasColour(terminal, { NO_COLOR: "1" }), false);
  closeSync(terminal);
});
