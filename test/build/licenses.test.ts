import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { packageFolders } from "../../build/licenses.ts";
import { inProject } from "../../build/project.ts";

test("packageFolders() names each package once, scoped and nested ones too", () => {
  assert.deepEqual(
    packageFolders([
      "src/main.ts",
      "node_modules/hono/dist/hono.js",
      "node_modules/hono/dist/context.js",
      "node_modules/@hono/node-server/dist/index.mjs",
      "node_modules/a/node_modules/@b/c/d.js",
    ]),
    ["node_modules/@hono/node-server", "node_modules/a/node_modules/@b/c", "node_modules/hono"],
  );
});

test("dist/THIRD-PARTY-LICENSES has the text of the runtime and of the router", () => {
  const text = readFileSync(inProject("dist", "THIRD-PARTY-LICENSES"), "utf8");
  assert.match(text, /^Node\.js \d+\.\d+\.\d+$/m);
  assert.match(text, /^hono \d+\.\d+\.\d+ \(MIT\)$/m);
  assert.match(text, /OpenSSL/);
});
