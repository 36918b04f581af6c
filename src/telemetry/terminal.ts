/** Whether somebody looks at a descriptor. */
import { fstatSync } from "node:fs";

/** Linux: /dev/null, /dev/full, /dev/kmsg … */
const MEMORY_DEVICES = 1;

/**
 * Colour only on a terminal, and not where `NO_COLOR` is set (no-color.org). Asks the descriptor itself:
 * `process.stderr` would make a pipe non-blocking, for every other process that has it too. Never throws.
 */
export function hasColour(
  fd: number,
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return (environment["NO_COLOR"] ?? "") === "" && isTerminal(fd);
}

/** A character device that is no mere memory device. Never throws. */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isCharacterDevice() && majorOf(stat.rdev) !== MEMORY_DEVICES;
  } catch {
    return false;
  }
}

/** As Linux' makedev() puts it together. */
function majorOf(device: number): number {
  return Math.floor(device / 256) % 4096;
}
