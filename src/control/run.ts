/** `gatehouse run`: the box from its configuration to its end. */
import { availableParallelism } from "node:os";
import type { Finding } from "../config/finding.ts";
import { MetricLayout } from "../core/metric-layout.ts";
import type { Snapshot } from "../core/model.ts";
import { type Logger, createLogger } from "../telemetry/log.ts";
import { type LineOutput, createStdout } from "../telemetry/stdout.ts";
import { createAdminFunctions } from "./admin-functions.ts";
import { type AdminHandle, startAdmin } from "./admin-server.ts";
import { Box, type BuildInfo } from "./box.ts";
import { type ConfigOrigin, createConfigSource } from "./config-source.ts";
import { logFindings } from "./log-findings.ts";
import { removeRuntimeFile, writeRuntimeFile } from "./runtime-file.ts";
import { onSignals } from "./signals.ts";
import { createSystemdNotifier } from "./systemd.ts";

/** What `run` is given. */
export interface RunBoxOptions {
  readonly config: ConfigOrigin;
  readonly buildInfo: BuildInfo;
  /** The worker's bundle; see worker-source.ts. */
  readonly workerSource: string;
  /** Prints what is wrong, and nothing was started; `error` = the file could not be read. Warnings go to the log. */
  readonly report: (findings: readonly Finding[], error: string | undefined) => void;
  /** The box serves; for who runs it inside something else. */
  readonly ready?: () => void;
}

const EXIT_FINE = 0;
const EXIT_FAILED = 1;
const EXIT_WRONG_CONFIGURATION = 2;

/**
 * Runs until a signal or the admin API ends it. Resolves to the exit code: 0 after a drain, 1 when an address could not be
 * bound, 2 when the configuration is wrong; in both last cases nothing listens.
 */
export async function runBox(options: RunBoxOptions): Promise<number> {
  // Node calls the main thread MainThread, and so would `systemctl status`.
  process.title = "gatehouse";
  const layout = new MetricLayout();
  const source = createConfigSource(options.config, layout);
  const checked = await source.check(1);
  const { snapshot } = checked;
  if (snapshot === undefined) {
    options.report(checked.findings, checked.error);
    return EXIT_WRONG_CONFIGURATION;
  }
  const log = createLogger(snapshot.log);
  logFindings(checked.findings, log);
  const stdout = createStdout((code) => log.error("stdout cannot be written", { code }));
  const systemd = createSystemdNotifier({
    environment: process.env,
    monotonicUs: () => process.hrtime.bigint() / 1000n,
    failed: (reason) => log.warning("systemd was not notified", { reason }),
  });
  const { buildInfo, workerSource } = options;
  const workers = snapshot.workers === 0 ? availableParallelism() : snapshot.workers;
  const box = new Box(snapshot, workers, {
    source,
    buildInfo,
    workerSource,
    log,
    stdout,
    systemd,
    layout,
  });
  // Listened to from here on: SIGHUP and SIGUSR1 would otherwise end a box that is still starting.
  const stopped = untilStopped(box, log);
  const admin = await open(box, stdout, log);
  if (admin === "failed") {
    box.close();
    await box.supervisor.terminate();
    return EXIT_FAILED;
  }
  const runtimeFile = announce(box, admin, log);
  options.ready?.();
  await stopped;
  await admin?.close();
  if (runtimeFile !== undefined) removeRuntimeFile(runtimeFile, process.pid);
  await Promise.all([stdout.flush(), systemd.flush()]);
  log.info("stopped");
  return EXIT_FINE;
}

/** Binds all listeners and the admin API, or says why not. */
async function open(
  box: Box,
  stdout: LineOutput,
  log: Logger,
): Promise<AdminHandle | undefined | "failed"> {
  const problems = await box.open();
  for (const problem of problems) log.error(problem);
  if (problems.length > 0) return "failed";
  const { admin } = box.snapshot;
  if (admin.kind === "off") return undefined;
  try {
    return await startAdmin(admin, createAdminFunctions(box, stdout, log));
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error));
    return "failed";
  }
}

/** Says that the box serves. Returns the path of the runtime file. */
function announce(box: Box, admin: AdminHandle | undefined, log: Logger): string | undefined {
  const { snapshot } = box;
  log.info("serving", {
    version: box.buildInfo.version,
    config: snapshot.source,
    workers: box.supervisor.count,
    listeners: describeListeners(snapshot),
    admin: admin?.address ?? "off",
  });
  if (admin === undefined) return undefined;
  return writeRuntimeFile({
    pid: process.pid,
    admin: admin.address,
    configPath: snapshot.source,
    startedAt: box.startedAt,
  });
}

function describeListeners(snapshot: Snapshot): string {
  return snapshot.listeners.map(({ id, protocol }) => `${id} (${protocol})`).join(", ");
}

/** Resolves when a drain is over, or at once after a second stop signal. */
async function untilStopped(box: Box, log: Logger): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let stops = 0;
  void box.whenDrained.then(resolve);
  const release = onSignals({
    reload: () => void box.reload(),
    reopenLogs: () => {
      log.info("log files are reopened");
      box.supervisor.reopenLogs();
    },
    stop: (signal) => {
      stops += 1;
      log.info(stops === 1 ? "stopping" : "stopping at once", { signal });
      if (stops === 1) box.drain();
      else void box.supervisor.terminate().then(resolve);
    },
  });
  await promise;
  release();
}
