/** How findings are printed, the same for `check`, `run` and `reload`. */
import { type Finding, formatFinding } from "../config/finding.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";

const COLOURS = { error: "\x1b[31m", warning: "\x1b[33m" } as const;
const RESET = "\x1b[0m";

/** `FILE:LINE:COL: error: PATH: message` and a line feed for each; the severity in colour if asked. Pure. */
export function formatFindings(findings: readonly Finding[], colour: boolean): string {
  return findings.map((finding) => `${formatOne(finding, colour)}\n`).join("");
}

/** `2 errors, 1 warning`, `1 warning`, `no errors`. Pure. */
export function summarise(findings: readonly Finding[]): string {
  const errors = countErrors(findings);
  const warnings = findings.length - errors;
  const parts = [errors === 0 ? "" : count(errors, "error")];
  if (warnings > 0) parts.push(count(warnings, "warning"));
  return parts.filter((part) => part !== "").join(", ") || "no errors";
}

/** How many of them are errors. Pure. */
export function countErrors(findings: readonly Finding[]): number {
  return findings.filter(({ severity }) => severity === "error").length;
}

/** `1 route`, `2 routes`. Pure. */
export function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? "" : "s"}`;
}

function formatOne(finding: Finding, colour: boolean): string {
  const line = escapeUnsafe(formatFinding(finding));
  if (!colour) return line;
  const { severity } = finding;
  return line.replace(`: ${severity}: `, `: ${COLOURS[severity]}${severity}${RESET}: `);
}
