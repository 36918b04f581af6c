import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findCommand, hasCommand, missingCommands, TEST_COMMANDS } from "./packages.ts";

test("findCommand() finds what can be run on PATH, and nothing else", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-packages-"));
  const path = process.env["PATH"];
  t.after(() => {
    process.env["PATH"] = path;
    rmSync(folder, { recursive: true });
  });
  process.env["PATH"] = `:${folder}`;
  writeFileSync(join(folder, "gatehouse-program"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(folder, "gatehouse-text"), "", { mode: 0o644 });
  assert.equal(findCommand("gatehouse-program"), join(folder, "gatehouse-program"));
  assert.equal(findCommand("gatehouse-text"), undefined);
  assert.equal(hasCommand("gatehouse-nothing"), false);
});

test("missingCommands() is the part of the list that is not here", () => {
  const missing = new Set(missingCommands().map(({ command }) => command));
  for (const { command } of TEST_COMMANDS) assert.equal(missing.has(command), !hasCommand(command));
});
