/** What a check found, in the program's own log. */
import type { Finding } from "../config/finding.ts";
import type { Logger } from "../telemetry/log.ts";

/** One line each, at the finding's own level. */
export function logFindings(findings: readonly Finding[], log: Logger): void {
  for (const { file, line, column, severity, path, message } of findings) {
    log[severity](message, { file, line, column, ...(path === "" ? {} : { path }) });
  }
}
