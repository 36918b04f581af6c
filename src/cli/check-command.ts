/** `gatehouse check`. */
import { checkConfig } from "../config/check.ts";
import type { Finding } from "../config/finding.ts";
import { hashText } from "../config/crypto.ts";
import { readConfigFile } from "../config/read.ts";
import { diffSnapshots, fixedDifferences } from "../control/snapshot-diff.ts";
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
  /** What a reload from the older file would change, a sentence each. */
  readonly changes?: readonly string[];
}

/** Prints every finding and a summary, and with `--diff` what is different from an older file; 2 if any is an error. */
export async function checkCommand(given: Arguments, io: CliIo): Promise<number> {
  const file = configPath(given, io);
  const checked = checkFile(file, io);
  const oldFile = given.texts["diff"];
  const old = oldFile === undefined ? undefined : checkFile(oldFile, io);
  const changes = compare(old, checked);
  const report = buildReport(file, checked, changes);
  const isOldWrong = old !== undefined && old.snapshot === undefined;
  if (given.flags.has("json")) io.stdout(`${JSON.stringify(report, undefined, 2)}\n`);
  else io.stderr(describe(report, checked.snapshot, io.colour.stderr));
  if (isOldWrong) {
    const why = old.error ?? `${oldFile} has errors: check it alone to see them`;
    io.stderr(`gatehouse check: nothing to compare with: ${escapeUnsafe(why)}\n`);
  }
  return report.ok && !isOldWrong ? EXIT_FINE : EXIT_WRONG;
}

interface CheckedFile {
  readonly snapshot: Snapshot | undefined;
  readonly findings: readonly Finding[];
  /** Why it could not be read. */
  readonly error: string | undefined;
}

function checkFile(file: string, io: CliIo): CheckedFile {
  const read = readConfigFile(file);
  if (!read.ok) return { snapshot: undefined, findings: [], error: read.error };
  const checked = checkConfig({
    text: read.value.text,
    file,
    version: 1,
    now: new Date(io.now()).toISOString(),
    layout: new MetricLayout(),
    hash: hashText,
  });
  return { ...checked, error: undefined };
}

/** The same sentences as a reload has; undefined when there is nothing to compare. */
function compare(
  old: CheckedFile | undefined,
  checked: CheckedFile,
): readonly string[] | undefined {
  if (old?.snapshot === undefined || checked.snapshot === undefined) return undefined;
  const { snapshot } = checked;
  return [...diffSnapshots(old.snapshot, snapshot), ...fixedDifferences(old.snapshot, snapshot)];
}

function buildReport(
  file: string,
  { findings, error }: CheckedFile,
  changes: readonly string[] | undefined,
): CheckReport {
  return {
    ok: error === undefined && countErrors(findings) === 0,
    file,
    ...(error === undefined ? {} : { error }),
    findings,
    ...(changes === undefined ? {} : { changes }),
  };
}

function describe(report: CheckReport, snapshot: Snapshot | undefined, colour: boolean): string {
  if (report.error !== undefined) return `gatehouse check: ${escapeUnsafe(report.error)}\n`;
  const findings = formatFindings(report.findings, colour);
  const changes = (report.changes ?? []).map((change) => `  ${escapeUnsafe(change)}\n`);
  const same = report.changes?.length === 0 ? "  nothing would change\n" : "";
  return `${findings}${escapeUnsafe(report.file)}: ${summary(report, snapshot)}\n${changes.join("")}${same}`;
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
