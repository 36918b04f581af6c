const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const STEP = 1024;

/** A number of bytes, roughly: `512B`, `1.5KiB`, `230MiB`. Pure. */
export function formatBytes(bytes: number): string {
  let unit = 0;
  let value = bytes;
  // What would be printed as 1024 belongs to the next unit.
  while (Math.round(value) >= STEP && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value));
  return `${digits}${UNITS[unit] ?? ""}`;
}
