/** `gatehouse reload`. */
import type { FindingView, ReloadReport } from "../core/views.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { askAdmin, refusalText } from "./admin-client.ts";
import { findAdminPlace } from "./admin-place.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FAILED, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";
import { countErrors, formatFindings, summarise } from "./findings.ts";

/** The box may wait for the first answers of DNS. */
const TIMEOUT_MS = 30_000;

/** Asks for a reload and prints what is different now, or everything that is wrong and that nothing has changed. */
export async function reloadCommand(given: Arguments, io: CliIo): Promise<number> {
  const place = findAdminPlace(given, io);
  if (!place.ok) return complain(place.error, io, EXIT_WRONG);
  const answer = await askAdmin(place.value, {
    method: "POST",
    path: "/reload",
    timeoutMs: TIMEOUT_MS,
  });
  if (!answer.ok) return complain(answer.error, io, EXIT_FAILED);
  const report = readReport(answer.value.value);
  if (report === undefined) {
    return complain(`The box refuses: ${refusalText(answer.value)}`, io, EXIT_FAILED);
  }
  if (given.flags.has("json")) io.stdout(answer.value.text);
  else io.stderr(describe(report, io.colour.stderr));
  if (report.ok) return EXIT_FINE;
  return countErrors(report.findings) > 0 ? EXIT_WRONG : EXIT_FAILED;
}

/** Undefined when it is no report. */
function readReport(value: Readonly<Record<string, unknown>>): ReloadReport | undefined {
  const { ok, findings, changes } = value;
  if (!Array.isArray(findings) || typeof ok !== "boolean") return undefined;
  if (ok && !Array.isArray(changes)) return undefined;
  return value as unknown as ReloadReport;
}

function describe(report: ReloadReport, colour: boolean): string {
  const findings: readonly FindingView[] = report.findings;
  return formatFindings(findings, colour) + (report.ok ? success(report) : failure(report));
}

function success({ version, changes }: ReloadReport & { readonly ok: true }): string {
  if (changes.length === 0) return `Reloaded as version ${version}: nothing is different.\n`;
  const lines = changes.map((change) => `  ${escapeUnsafe(change)}\n`);
  return `Reloaded as version ${version}:\n${lines.join("")}`;
}

function failure({ version, findings, error }: ReloadReport & { readonly ok: false }): string {
  const why = error === undefined ? summarise(findings) : escapeUnsafe(error);
  return `Not reloaded: ${why}. Nothing has changed; version ${version} serves on.\n`;
}

function complain(why: string, io: CliIo, code: number): number {
  io.stderr(`gatehouse reload: ${escapeUnsafe(why)}\n`);
  return code;
}
