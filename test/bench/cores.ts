/** One core for the proxy that is measured, the other for the site and the load: neither can slow the other down. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

export const PROXY_CORE = "0";
export const OTHER_CORE = "1";

const run = promisify(execFile);

/** Moves all threads and children of a process to one core. */
export async function pin(pid: number, core: string): Promise<void> {
  await run("taskset", ["-a", "-c", "-p", core, String(pid)]);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
  for (const child of children.filter(Boolean)) {
    await run("taskset", ["-a", "-c", "-p", core, child]);
  }
}
