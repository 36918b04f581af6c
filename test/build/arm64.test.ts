import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { inProject, readLockedPackage, ROOT } from "../../build/project.ts";

const foreign = process.arch === "arm64" ? "x64" : "arm64";
const machine = foreign === "arm64" ? 183 : 62;
const base = `node-linux-${foreign}`;
const skip = isBaseReachable() ? false : `the npm registry does not answer for ${base}`;

test(
  `npm run build -- --arch ${foreign} makes an executable for that machine`,
  { skip },
  async () => {
    const build = inProject("build", "build.ts");
    const running = promisify(execFile)(process.execPath, [build, "--arch", foreign], {
      cwd: ROOT,
    });
    const { pid } = running.child;
    await running;
    const made = readFileSync(inProject("dist", `gatehouse-${foreign}`));
    assert.equal(made.subarray(0, 4).toString("latin1"), "\x7fELF");
    assert.equal(made.readUInt16LE(18), machine);
    // The fuse says that there is a program inside; ":0" is Node as it comes.
    assert.ok(made.includes("NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1"));
    assert.ok(made.includes(readFileSync(inProject("dist", "bundle", "main.cjs"))));
    assert.ok(made.includes(readFileSync(inProject("dist", "bundle", "worker.cjs"))));
    assert.equal(existsSync(inProject("dist", `work-${pid ?? 0}`)), false);
  },
);

function isBaseReachable(): boolean {
  const { version } = readLockedPackage(base);
  if (existsSync(inProject("dist", "cache", `${base}-${version}.tgz`))) return true;
  try {
    const args = ["view", `${base}@${version}`, "dist.integrity", "--fetch-retries=0"];
    execFileSync("npm", args, { stdio: "ignore", timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
}
