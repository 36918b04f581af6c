/**
 * `npm test [-- FILE…]`: installs the Debian packages that tests use, when it may, and runs the tests. Its exit code is
 * the runner's, whose summary is printed last. Without root or apt nothing is installed, and each test that lacks
 * its program skips itself by name.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { hasCommand, missingCommands } from "./packages.ts";

/** Files at a time. Most of them wait for sockets; more than two make the ones with real servers compete. */
const CONCURRENCY = 2;

/** No test may wait longer: a hang is a failure with a name. */
const TIMEOUT_MS = 600_000;

/** Debian asks this before a package starts its daemon; 101 means no (invoke-rc.d(8)). */
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY = "#!/bin/sh\nexit 101\n";

installMissing();
runTests(process.argv.slice(2));

function installMissing(): void {
  const missing = missingCommands();
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  if (process.getuid?.() !== 0 || !hasCommand("apt-get")) {
    console.error(`test: without ${packages.join(", ")} some tests are skipped`);
    return;
  }
  console.error(`test: installs ${packages.join(", ")}`);
  const ownPolicy = !existsSync(POLICY_FILE);
  if (ownPolicy) writeFileSync(POLICY_FILE, POLICY, { mode: 0o755 });
  try {
    aptGet(["update", "-q"]);
    aptGet(["install", "-q", "-y", "--no-install-recommends", ...packages]);
  } finally {
    if (ownPolicy) rmSync(POLICY_FILE, { force: true });
  }
}

/** Its output goes to stderr. A failure is not ours to judge: what is still missing then skips its tests. */
function aptGet(args: readonly string[]): void {
  const { status } = spawnSync("apt-get", args, {
    stdio: ["ignore", 2, 2],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
  if (status !== 0) console.error(`test: apt-get ${args[0] ?? ""} failed`);
}

function runTests(files: readonly string[]): void {
  const child = spawn(
    process.execPath,
    [
      "--test",
      `--test-concurrency=${CONCURRENCY}`,
      `--test-timeout=${TIMEOUT_MS}`,
      ...(files.length > 0 ? files : ["test/**/*.test.ts"]),
    ],
    { stdio: "inherit", cwd: dirname(import.meta.dirname) },
  );
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
