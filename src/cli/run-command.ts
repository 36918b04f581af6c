/** `gatehouse run`. */
import { configFile } from "../control/config-source.ts";
import { runBox } from "../control/run.ts";
import { readWorkerSource } from "../control/worker-source.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import type { Arguments } from "./command-spec.ts";
import { BUILD_INFO } from "./build-info.ts";
import type { CliIo } from "./cli-io.ts";
import { configPath } from "./config-path.ts";
import { countErrors, formatFindings, summarise } from "./findings.ts";

/** A worker that does not end, or a stdout that nobody reads, must not keep a stopped box alive. */
const END_MS = 2000;

/** Runs the box of the given file until it is stopped. */
export function runCommand(given: Arguments, io: CliIo): Promise<number> {
  return runFile(configPath(given, io), io);
}

/** Runs the box of one file; 2 when its configuration is wrong, 1 when it cannot listen, and then nothing listens. */
export async function runFile(path: string, io: CliIo): Promise<number> {
  const code = await runBox({
    config: configFile(path),
    buildInfo: BUILD_INFO,
    workerSource: readWorkerSource(),
    report: (findings, error) => {
      if (error !== undefined) io.stderr(`gatehouse run: ${escapeUnsafe(error)}\n`);
      io.stderr(formatFindings(findings, io.colour.stderr));
      if (countErrors(findings) === 0) return;
      io.stderr(`${escapeUnsafe(path)}: ${summarise(findings)}; nothing was started\n`);
    },
  });
  io.endWithin(END_MS);
  return code;
}
