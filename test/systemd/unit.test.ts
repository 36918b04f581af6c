import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

const FOLDER = join(import.meta.dirname, "../../build/systemd");
const UNIT = join(FOLDER, "gatehouse.service");
const EXPOSURE_MAX = 2.0;
const skip = skipWithout("systemd-analyze");

test("gatehouse.service is clean for systemd-analyze verify", { skip }, (t) => {
  const root = createRoot(t);
  assert.deepEqual(verify(root), { status: 0, output: "" });
});

test("gatehouse.service with a wrong key would be found", { skip }, (t) => {
  const root = createRoot(t);
  const wrong = readFileSync(UNIT, "utf8").replace("ProtectClock=", "ProtectClok=");
  writeFileSync(join(root, "etc/systemd/system/gatehouse.service"), wrong);
  assert.match(verify(root).output, /Unknown key.* 'ProtectClok'/);
});

test(`gatehouse.service has an exposure of at most ${EXPOSURE_MAX}`, { skip }, (t) => {
  const args = ["security", "--offline=true", "--no-pager", UNIT];
  const { stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
  const exposure = Number(/Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout)?.[1]);
  t.diagnostic(`exposure ${exposure}`);
  assert.ok(exposure <= EXPOSURE_MAX, stdout);
});

test(
  "gatehouse.sysusers makes the account of the unit",
  { skip: skipWithout("systemd-sysusers") },
  (t) => {
    const root = createRoot(t);
    const args = [`--root=${root}`, join(FOLDER, "gatehouse.sysusers")];
    const { status } = spawnSync("systemd-sysusers", args);
    assert.equal(status, 0);
    const [user] = /^User=(.*)$/m.exec(readFileSync(UNIT, "utf8"))?.slice(1) ?? [];
    const [group] = /^Group=(.*)$/m.exec(readFileSync(UNIT, "utf8"))?.slice(1) ?? [];
    assert.match(
      readFileSync(join(root, "etc/passwd"), "utf8"),
      new RegExp(`^${user}:.*/nologin$`, "m"),
    );
    assert.match(readFileSync(join(root, "etc/group"), "utf8"), new RegExp(`^${group}:`, "m"));
  },
);

function skipWithout(program: string): string | false {
  return spawnSync(program, ["--version"]).status === 0 ? false : `${program} is not installed`;
}

/** A root with the unit and something executable where the unit says the program is. */
function createRoot(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "gatehouse-unit-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "etc/systemd/system"), { recursive: true });
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  cpSync(UNIT, join(root, "etc/systemd/system/gatehouse.service"));
  writeFileSync(join(root, "usr/local/bin/gatehouse"), "#!/bin/sh\n", { mode: 0o755 });
  return root;
}

function verify(root: string): { status: number | null; output: string } {
  // Units that ours only refers to are not in this root; what is wrong with ours is still an error.
  const args = ["verify", `--root=${root}`, "--recursive-errors=no", "gatehouse.service"];
  const { status, stdout, stderr } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
  return { status, output: stdout + stderr };
}
