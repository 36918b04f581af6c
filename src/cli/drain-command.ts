/** `gatehouse drain`. */
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { askAdmin, refusalText } from "./admin-client.ts";
import { findAdminPlace } from "./admin-place.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FAILED, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";
import { formatDuration } from "../core/duration.ts";

const TIMEOUT_MS = 5000;

/** Asks the box to drain and stop; returns as soon as that has begun. */
export async function drainCommand(given: Arguments, io: CliIo): Promise<number> {
  const place = findAdminPlace(given, io);
  if (!place.ok) return complain(place.error, io, EXIT_WRONG);
  const answer = await askAdmin(place.value, {
    method: "POST",
    path: "/drain",
    timeoutMs: TIMEOUT_MS,
  });
  if (!answer.ok) return complain(answer.error, io, EXIT_FAILED);
  const { value, text } = answer.value;
  if (value["draining"] !== true) {
    return complain(`The box refuses: ${refusalText(answer.value)}`, io, EXIT_FAILED);
  }
  if (given.flags.has("json")) io.stdout(text);
  else io.stderr(describe(value));
  return EXIT_FINE;
}

function describe(value: Readonly<Record<string, unknown>>): string {
  const [requests, tunnels] = [value["requests_ms"], value["tunnels_ms"]].map(durationText);
  return `The box drains: requests have ${requests}, tunnels ${tunnels}, then it stops.\n`;
}

function durationText(ms: unknown): string {
  return typeof ms === "number" ? formatDuration(ms) : "as long as it is configured";
}

function complain(why: string, io: CliIo, code: number): number {
  io.stderr(`gatehouse drain: ${escapeUnsafe(why)}\n`);
  return code;
}
