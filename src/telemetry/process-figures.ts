/** What the operating system says about this process, read only when asked. */
import { readdirSync, readFileSync } from "node:fs";

/** Figures of the whole process, all threads. Undefined where the platform does not say. */
export interface ProcessFigures {
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  readonly residentBytes: number;
  readonly startTimeSeconds: number;
  readonly openDescriptors: number | undefined;
  readonly maxDescriptors: number | undefined;
}

/** Reads them; `now` in milliseconds since the epoch. Never throws. */
export function readProcessFigures(now: number): ProcessFigures {
  const cpu = process.cpuUsage();
  return {
    cpuUserSeconds: cpu.user / 1e6,
    cpuSystemSeconds: cpu.system / 1e6,
    residentBytes: process.memoryUsage.rss(),
    startTimeSeconds: now / 1000 - process.uptime(),
    openDescriptors: countOpenDescriptors(),
    maxDescriptors: readDescriptorLimit(),
  };
}

function countOpenDescriptors(): number | undefined {
  try {
    // One of them is the descriptor that reads the directory.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}

function readDescriptorLimit(): number | undefined {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}
