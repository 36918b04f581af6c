/** Lengths of time as text. Pure. */

const UNITS = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
] as const;

/** As the configuration writes it: `0s`, `250ms`, `5s`, `10m`, `1h`; the largest unit that divides it. Pure. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  for (const [unit, size] of UNITS) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}
