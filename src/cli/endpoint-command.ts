/** `gatehouse endpoint`. */
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { askAdmin, refusalText } from "./admin-client.ts";
import { findAdminPlace } from "./admin-place.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FAILED, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";

const TIMEOUT_MS = 5000;

/** Takes one endpoint out of service or puts it back; 1 when the box does not know it or cannot be asked. */
export async function endpointCommand(given: Arguments, io: CliIo): Promise<number> {
  const [way = "", service = "", address = ""] = given.operands;
  if (way !== "out" && way !== "in") {
    return complain(`expected out or in, found '${way}'`, io, EXIT_WRONG);
  }
  const place = findAdminPlace(given, io);
  if (!place.ok) return complain(place.error, io, EXIT_WRONG);
  const path = `/endpoints/${way}?${new URLSearchParams({ service, address }).toString()}`;
  const answer = await askAdmin(place.value, { method: "POST", path, timeoutMs: TIMEOUT_MS });
  if (!answer.ok) return complain(answer.error, io, EXIT_FAILED);
  const { value, text, status } = answer.value;
  if (status !== 200) {
    return complain(`The box refuses: ${refusalText(answer.value)}`, io, EXIT_FAILED);
  }
  if (given.flags.has("json")) io.stdout(text);
  else io.stderr(escapeLines(describe({ way, service, address }, value)));
  return EXIT_FINE;
}

interface Asked {
  readonly way: "out" | "in";
  readonly service: string;
  readonly address: string;
}

/** A line each: what is different, and what follows from it. */
function describe(
  { way, service, address }: Asked,
  report: Readonly<Record<string, unknown>>,
): readonly string[] {
  const already = report["changed"] === false ? " already" : "";
  const what = `${address} of ${service}`;
  if (way === "in") {
    const { state } = report;
    const but = typeof state === "string" && state !== "healthy" ? `, but it is ${state}` : "";
    return [`${what} is in service${already || " again"}${but}.`];
  }
  const lines = [`${what} is out of service${already}. What it is doing it may finish.`];
  if (report["left"] === 0) {
    lines.push(`It was the last one: ${service} has no endpoint now, its requests are refused.`);
  }
  return lines;
}

function escapeLines(lines: readonly string[]): string {
  return lines.map((line) => `${escapeUnsafe(line)}\n`).join("");
}

function complain(why: string, io: CliIo, code: number): number {
  io.stderr(`gatehouse endpoint: ${escapeUnsafe(why)}\n`);
  return code;
}
