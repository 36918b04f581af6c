/** Aligned columns for a terminal. Pure. */
import { escapeUnsafe } from "../telemetry/log-format.ts";

/** A table: what stands above each column, and the rows. */
export interface Table {
  readonly heads: readonly string[];
  /** `""` = nothing to say, shown as `-`. */
  readonly rows: readonly (readonly string[])[];
}

const ABSENT = "-";
const GAP = "  ";
const BOLD = "\x1b[1m";
const RESET = "\x1b[0m";

/** One line a row, nothing wrapped or cut, no control characters, heads in bold if asked. Ends with a line feed. */
export function renderTable({ heads, rows }: Table, colour: boolean): string {
  const cells = [heads, ...rows.map((row) => row.map(cellText))];
  const widths = heads.map((_, i) => Math.max(...cells.map((row) => (row[i] ?? "").length)));
  const lines = cells.map((row) => {
    return row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join(GAP)
      .trimEnd();
  });
  const [head = "", ...body] = lines;
  return `${[colour ? `${BOLD}${head}${RESET}` : head, ...body].join("\n")}\n`;
}

/** `a, b, c +4`: at most so many of them. Pure. */
export function shortList(items: readonly string[], most: number): string {
  const shown = items.slice(0, most).join(", ");
  return items.length > most ? `${shown} +${items.length - most}` : shown;
}

function cellText(text: string): string {
  return text === "" ? ABSENT : escapeUnsafe(text);
}
