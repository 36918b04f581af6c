/** What is wrong or doubtful in a configuration file, and how it is printed. */

/** An error keeps the file from being used; a warning does not. */
export type Severity = "error" | "warning";

/** One thing to say about one place of the file. */
export interface Finding {
  /** As given by the user. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 code units, as editors count. */
  readonly column: number;
  readonly severity: Severity;
  /** `gateway[0].tls.mode`; empty where the file as a whole or its syntax is meant. */
  readonly path: string;
  /** One line that says what was expected or what to do. */
  readonly message: string;
}

/** `FILE:LINE:COL: error: PATH: message`, the form that editors and CI read. Pure. */
export function formatFinding(finding: Finding): string {
  const { file, line, column, severity, path, message } = finding;
  const where = path === "" ? "" : `${path}: `;
  return `${file}:${line}:${column}: ${severity}: ${where}${message}`;
}

/** In the order of the file; errors before warnings at the same place. Pure, stable. */
export function sortFindings(findings: readonly Finding[]): Finding[] {
  return findings.toSorted(
    (a, b) => a.line - b.line || a.column - b.column || rank(a.severity) - rank(b.severity),
  );
}

function rank(severity: Severity): number {
  return severity === "error" ? 0 : 1;
}
