/** What idle connections cost a process in resident memory, over rounds of opening and closing them. */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { statusKiB } from "./peers.ts";

const BATCH = 200;
const SETTLE_MS = 3000;

export interface IdleRounds {
  readonly count: number;
  readonly rounds: number;
  /** Makes one that stays open. */
  readonly open: () => Promise<Socket>;
}

/** Prints a line for each round. */
export async function measureIdle(pid: number, { count, rounds, open }: IdleRounds): Promise<void> {
  const idle = statusKiB(pid, "VmRSS");
  console.log(`idle: ${(idle / 1024).toFixed(1)} MiB`);
  for (let round = 1; round <= rounds; round += 1) {
    const sockets: Socket[] = [];
    while (sockets.length < count) {
      const batch = Array.from({ length: Math.min(BATCH, count - sockets.length) }, open);
      sockets.push(...(await Promise.all(batch)));
    }
    await delay(SETTLE_MS);
    const held = statusKiB(pid, "VmRSS");
    const each = (held - idle) / count;
    for (const socket of sockets) socket.destroy();
    await delay(SETTLE_MS);
    const after = statusKiB(pid, "VmRSS");
    console.log(
      `round ${round}: ${(held / 1024).toFixed(1)} MiB with ${count} connections, ` +
        `${each.toFixed(1)} KiB each; ${(after / 1024).toFixed(1)} MiB after closing them`,
    );
  }
}
