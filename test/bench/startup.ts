/**
 * `node test/bench/startup.ts [RUNS] [EXECUTABLE…]`: how long dist/gatehouse takes from its start to the first
 * answer, and what it holds in memory when idle, with one and with two workers. Medians; the executables take
 * turns, so that what else the machine does falls on all of them alike.
 */
import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { inProject } from "../../build/project.ts";
import { startProxy } from "../build/proxy-process.ts";

/** Memory is read when the work of starting is over. */
const SETTLE_MS = 1000;
const KILOBYTES = 1024;

interface Sample {
  readonly startMs: number;
  /** Processor time of the whole process up to the first answer, in steps of 10 ms. */
  readonly cpuMs: number;
  readonly rssMiB: number;
  readonly pssMiB: number;
  readonly anonymousMiB: number;
}

const runs = Number(process.argv[2] ?? "11");
const executables =
  process.argv.length > 3 ? process.argv.slice(3) : [inProject("dist", "gatehouse")];
const samples = new Map<string, Sample[]>();

for (let i = 0; i < runs; i += 1) {
  for (const executable of executables) {
    for (const workers of [1, 2]) {
      const key = `${executable} workers=${workers}`;
      const list = samples.get(key) ?? [];
      samples.set(key, list);
      list.push(await measure(executable, workers));
    }
  }
}
for (const executable of executables) {
  console.log(`${executable}: ${(statSync(executable).size / 1e6).toFixed(1)} MB`);
}
for (const [key, list] of samples) {
  const figures = (["startMs", "cpuMs", "rssMiB", "pssMiB", "anonymousMiB"] as const).map(
    (name) => `${name} ${median(list.map((sample) => sample[name])).toFixed(1)}`,
  );
  const fastest = Math.min(...list.map(({ startMs }) => startMs)).toFixed(1);
  console.log(`${key}: ${figures.join("  ")}  fastest ${fastest}`);
}

async function measure(executable: string, workers: number): Promise<Sample> {
  const proxy = await startProxy({ workers, executable });
  try {
    const cpuMs = readCpuMs(proxy.pid);
    await delay(SETTLE_MS);
    const status = readFileSync(`/proc/${proxy.pid}/status`, "utf8");
    const rollup = readFileSync(`/proc/${proxy.pid}/smaps_rollup`, "utf8");
    return {
      startMs: proxy.startMs,
      cpuMs,
      rssMiB: readField(status, "VmRSS"),
      pssMiB: readField(rollup, "Pss"),
      anonymousMiB: readField(status, "RssAnon"),
    };
  } finally {
    await proxy.stop();
  }
}

/** Fields 14 and 15 of /proc/PID/stat, utime and stime, in ticks of 10 ms (proc(5)). */
function readCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function readField(text: string, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text);
  return Number(match?.[1]) / KILOBYTES;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
