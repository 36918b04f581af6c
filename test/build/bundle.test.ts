import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inProject } from "../../build/project.ts";

for (const name of ["main.cjs", "worker.cjs"]) {
  const text = readFileSync(inProject("dist", "bundle", name), "latin1");

  test(`dist/bundle/${name} is ASCII, so that V8 keeps one byte a character`, () => {
    assert.equal(/[^\u0000-\u007f]/.exec(text), null);
  });

  test(`dist/bundle/${name} keeps lines that a stack trace can point to`, () => {
    const lines = text.split("\n");
    assert.ok(text.length / lines.length < 200, `${lines.length} lines`);
  });
}

test("dist/bundle/worker.cjs has no schema, command line or admin API in it", () => {
  const worker = readFileSync(inProject("dist", "bundle", "worker.cjs"), "utf8");
  for (const word of ["valibot", "toml-eslint-parser", "prom-client", "node:sea"]) {
    assert.ok(!worker.includes(word), word);
  }
});
