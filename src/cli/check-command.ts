/** `gatehouse check`. */
import { checkConfig } from "../config/check.ts";
import type { Finding } from "../config/finding.ts";
import { hashText } from "../config/hash.ts";
import { readConfigFile } from "../config/read.ts";
import { MetricLayout } from "../core/metric-layout.ts";
import type { Snapshot } from "../core/model.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";
import { configPath } from "./config-path.ts";
import { count, countErrors, formatFindings, summarise } from "./findings.ts";

/** What `--json` prints. */
interface CheckReport {
  readonly ok: boolean;
  readonly file: string;
  /** Why the file could not be read. */
  readonly error?: string;
  readonly findings: readonly Finding[];
}

/** Prints every finding and a summary; 2 if any is an error. */
export async function checkCommand(given: Arguments, io: CliIo): Promise<number> {
  const file = configPath(given, io);
  const read = readConfigFile(file);
  const checked = read.ok
    ? checkConfig({
        text: read.value.text,
        file,
        version: 1,
        now: new Date(io.now()).toISOString(),
        layout: new MetricLayout(),
        hash: hashText,
      })
    : { snapshot: undefined, findings: [] };
  const report = buildReport(file, checked, read.ok ? undefined : read.error);
  if (given.flags.has("json")) io.stdout(`${JSON.stringify(report, undefined, 2)}\n`);
  else io.stderr(describe(report, checked.snapshot, io.colour.stderr));
  return report.ok ? EXIT_FINE : EXIT_WRONG;
}

function buildReport(
  file: string,
  { findings }: { readonly findings: readonly Finding[] },
  error: string | undefined,
): CheckReport {
  return {
    ok: error === undefined && countErrors(findings) === 0,
    file,
    ...(error === undefined ? {} : { error }),
    findings,
  };
}

function describe(report: CheckReport, snapshot: Snapshot | undefined, colour: boolean): string {
  if (report.error !== undefined) return `gatehouse check: ${escapeUnsafe(report.error)}\n`;
  const findings = formatFindings(report.findings, colour);
  return `${findings}${escapeUnsafe(report.file)}: ${summary(report, snapshot)}\n`;
}

function summary(report: CheckReport, snapshot: Snapshot | undefined): string {
  if (snapshot === undefined) return summarise(report.findings);
  const { listeners, gateways, services } = snapshot;
  const what = [
    count(listeners.length, "listener"),
    count(gateways.length, "gateway"),
    count(services.length, "service"),
  ].join(", ");
  return `${summarise(report.findings)} (${what})`;
}
