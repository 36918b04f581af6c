import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hashText } from "../../src/config/crypto.ts";
import { readConfigFile } from "../../src/config/read.ts";

const NOBODY = 65_534;
const folder = mkdtempSync(join(tmpdir(), "gatehouse-read-"));
after(() => rmSync(folder, { recursive: true }));

test("readConfigFile() gives the bytes and the first 12 hex digits of their SHA-256", () => {
  const path = join(folder, "fine.toml");
  writeFileSync(path, "abc");
  const read = readConfigFile(path);
  assert.ok(read.ok);
  assert.equal(new TextDecoder().decode(read.value.text), "abc");
  assert.equal(read.value.hash, "ba7816bf8f01");
  assert.equal(hashText("abc"), "ba7816bf8f01");
});

test("readConfigFile() says what to do about a file that is not there, a folder, and one too large", () => {
  const large = join(folder, "large.toml");
  writeFileSync(large, Buffer.alloc(16 * 1024 * 1024 + 1));
  const rows: [string, RegExp][] = [
    [join(folder, "absent.toml"), /absent\.toml does not exist: name the file with -c FILE/],
    [folder, /is a directory: name the file in it$/],
    [large, /is larger than 16 MiB: is this the right file\?$/],
    [join(folder, "large.toml", "x"), /does not exist/],
    ["a\0b", /cannot be read/],
  ];
  for (const [path, expected] of rows) {
    const read = readConfigFile(path);
    assert.ok(!read.ok);
    assert.match(read.error, expected);
  }
});

test("readConfigFile() names the permission that is missing", () => {
  const path = join(folder, "secret.toml");
  writeFileSync(path, "");
  chmodSync(path, 0);
  const isRoot = process.geteuid?.() === 0;
  // Root may read everything.
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    const read = readConfigFile(path);
    assert.match(read.ok ? "" : read.error, /may not be read: give this user permission/);
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test("readConfigFile() reads stdin for -, also when it comes in pieces", () => {
  const read = new URL("../../src/config/read.ts", import.meta.url).href;
  const script = `import { readConfigFile } from ${JSON.stringify(read)};
    const { value } = readConfigFile("-");
    process.stdout.write(value.hash + " " + value.text.length);`;
  const input = "x".repeat(300_000);
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { input });
  assert.equal(child.stdout.toString(), `${hashText(input)} 300000`);
});
