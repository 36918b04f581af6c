/** When an endpoint is used before or after others. Pure. */
import { BACKUP_PRIORITY } from "../core/service.ts";

/** `zone eu`, `backup` or the priority of its SRV record; empty for what is like all others. */
export function levelWords(endpoint: {
  readonly zone?: string;
  readonly priority?: number;
}): readonly string[] {
  const { zone, priority = 0 } = endpoint;
  const words = zone === undefined ? [] : [`zone ${zone}`];
  if (priority === BACKUP_PRIORITY) return [...words, "backup"];
  return priority === 0 ? words : [...words, `priority ${priority}`];
}
