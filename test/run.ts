/**
 * `npm test [-- FILE…]`: installs the Debian packages that tests use, when it may, and runs the tests. Its exit code is
 * the runner's, whose summary is printed last. Without root or apt nothing is installed, and each test that lacks
 * its program skips itself by name.
 */
import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { installPackages } from "./install-packages.ts";
import { missingCommands } from "./packages.ts";

/** Files at a time. Most of them wait for sockets; more than two make the ones with real servers compete. */
const CONCURRENCY = 2;

/** No test may wait longer: a hang is a failure with a name. */
const TIMEOUT_MS = 600_000;

installMissing();
runTests(process.argv.slice(2));

function installMissing(): void {
  const missing = missingCommands();
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  console.error(`test: installs ${packages.join(", ")}`);
  if (installPackages(packages)) return;
  console.error(`test: cannot: without ${packages.join(", ")} some tests are skipped`);
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
