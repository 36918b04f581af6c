/** Durations and sizes as people write them; the program itself knows milliseconds and bytes. */
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** 12 digits of the smallest unit are more than any bound but that of bodies; up to each bound, values are exact. */
const QUANTITY = /^(\d{1,12})([A-Za-z]*)$/;

/** The widest bounds of a duration: a timer of the platform takes no more than 2^31 - 1 ms, 24.8 days. */
export const DURATION_MAX = "596h";

/** `"250ms"`, `"5s"`, `"10m"`, `"1h"` to milliseconds. Pure. The error says what was expected. */
export function parseDuration(text: string): Result<number, string> {
  return parseQuantity(
    text,
    MS_PER_UNIT,
    'expected a duration such as "250ms", "5s", "10m" or "1h"',
  );
}

/** `"512B"`, `"64KiB"`, `"1MiB"`, up to TiB, to bytes. Pure. The error says what was expected. */
export function parseSize(text: string): Result<number, string> {
  return parseQuantity(text, BYTES_PER_UNIT, 'expected a size such as "512B", "64KiB" or "1MiB"');
}

function parseQuantity(
  text: string,
  units: Readonly<Record<string, number>>,
  expected: string,
): Result<number, string> {
  const [, digits = "", unit = ""] = QUANTITY.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return factor === undefined ? failed(expected) : success(Number(digits) * factor);
}
