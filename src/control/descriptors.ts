/** How many connections the descriptors of this process allow. */
import { readFileSync } from "node:fs";

/** Listeners, files, the admin API, DNS, health checks and what the runtime has open. */
const RESERVED = 256;
/** One from the client, one to the endpoint. */
const PER_CONNECTION = 2;
const LIMIT = /^Max open files\s+(\d+|unlimited)/m;

/**
 * Connections of all listeners together; Infinity where there is no limit or none can be read. Reads /proc. libuv accepts
 * and closes without a word when descriptors run out, so that must not come about.
 */
export function connectionsThatDescriptorsAllow(limits = readLimits()): number {
  const soft = Number(LIMIT.exec(limits)?.[1] ?? "unlimited");
  if (!Number.isFinite(soft)) return Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor((soft - RESERVED) / PER_CONNECTION));
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return "";
  }
}
