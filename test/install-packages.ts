/** Installs the Debian packages of programs that tests and measurements run beside gatehouse. */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { hasCommand } from "./packages.ts";

/** Debian asks this before a package starts its daemon; 101 means no (invoke-rc.d(8)). */
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY = "#!/bin/sh\nexit 101\n";

/** Installs what is named, without starting any daemon. False, and nothing is done, without root or apt. */
export function installPackages(packages: readonly string[]): boolean {
  if (process.getuid?.() !== 0 || !hasCommand("apt-get")) return false;
  const ownPolicy = !existsSync(POLICY_FILE);
  if (ownPolicy) writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
  try {
    aptGet(["update", "-q"]);
    aptGet(["install", "-q", "-y", "--no-install-recommends", ...packages]);
  } finally {
    if (ownPolicy) rmSync(POLICY_FILE, { force: true });
  }
  return true;
}

/** Its output goes to stderr. A failure is not ours to judge: whoever misses the program does without it. */
function aptGet(args: readonly string[]): void {
  const { status } = spawnSync("apt-get", args, {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status !== 0) console.error(`apt-get ${args[0] ?? ""} failed`);
}
