/** `gatehouse explain`. */
import { checkConfig } from "../config/check.ts";
import { hashText } from "../config/crypto.ts";
import { readConfigFile } from "../config/read.ts";
import { MetricLayout } from "../core/metric-layout.ts";
import { type Result, failed, success } from "../core/result.ts";
import type { ExplainView } from "../core/views.ts";
import { type AskedQuestion, readQuestion } from "../routing/explain-question.ts";
import { explain } from "../routing/explain.ts";
import { escapeUnsafe } from "../telemetry/log-format.ts";
import { askAdmin, refusalText } from "./admin-client.ts";
import { findAdminPlace } from "./admin-place.ts";
import type { Arguments } from "./command-spec.ts";
import { type CliIo, EXIT_FAILED, EXIT_FINE, EXIT_WRONG } from "./cli-io.ts";
import { renderExplanation } from "./explain-tree.ts";
import { formatFindings } from "./findings.ts";

const TIMEOUT_MS = 5000;

/** Prints which way it goes and why; 1 when nothing takes it, 2 when the question or the file is wrong. */
export async function explainCommand(given: Arguments, io: CliIo): Promise<number> {
  const [url = ""] = given.operands;
  const asked: AskedQuestion = {
    url,
    method: given.texts["method"] ?? "GET",
    headers: given.lists["header"] ?? [],
    alpn: given.lists["alpn"]?.flatMap((names) => names.split(",")) ?? [],
    source: given.texts["source"] ?? "",
  };
  const question = readQuestion(asked);
  if (!question.ok) return complain(question.error, io, EXIT_WRONG);
  const file = given.texts["config"];
  const answer = file === undefined ? await askBox(given, asked, io) : askFile(file, asked, io);
  if (!answer.ok) return complain(answer.error.why, io, answer.error.code);
  const { value } = answer;
  io.stdout(
    given.flags.has("json")
      ? `${JSON.stringify(value, undefined, 2)}\n`
      : renderExplanation(value, io.colour.stdout),
  );
  return value.taken ? EXIT_FINE : EXIT_FAILED;
}

interface Problem {
  readonly why: string;
  readonly code: number;
}

function askFile(file: string, asked: AskedQuestion, io: CliIo): Result<ExplainView, Problem> {
  const read = readConfigFile(file);
  if (!read.ok) return failed({ why: read.error, code: EXIT_WRONG });
  const { snapshot, findings } = checkConfig({
    text: read.value.text,
    file,
    version: 1,
    now: new Date(io.now()).toISOString(),
    layout: new MetricLayout(),
    hash: hashText,
  });
  const question = readQuestion(asked);
  if (snapshot === undefined || !question.ok) {
    const errors = findings.filter(({ severity }) => severity === "error");
    io.stderr(formatFindings(errors, io.colour.stderr));
    return failed({ why: `${file} is not valid`, code: EXIT_WRONG });
  }
  return success(explain(snapshot, question.value));
}

async function askBox(
  given: Arguments,
  asked: AskedQuestion,
  io: CliIo,
): Promise<Result<ExplainView, Problem>> {
  const place = findAdminPlace(given, io);
  if (!place.ok) return failed({ why: place.error, code: EXIT_WRONG });
  const query = new URLSearchParams({ url: asked.url, method: asked.method, source: asked.source });
  for (const header of asked.headers) query.append("header", header);
  for (const alpn of asked.alpn) query.append("alpn", alpn);
  const path = `/explain?${query.toString()}`;
  const answer = await askAdmin(place.value, { method: "GET", path, timeoutMs: TIMEOUT_MS });
  if (!answer.ok) return failed({ why: answer.error, code: EXIT_FAILED });
  const { status, value } = answer.value;
  if (status !== 200 || !isView(value)) {
    return failed({ why: `The box refuses: ${refusalText(answer.value)}`, code: EXIT_FAILED });
  }
  return success(value as unknown as ExplainView);
}

function isView(value: Readonly<Record<string, unknown>>): boolean {
  return typeof value["taken"] === "boolean" && Array.isArray(value["candidates"]);
}

function complain(why: string, io: CliIo, code: number): number {
  io.stderr(`gatehouse explain: ${escapeUnsafe(why)}\n`);
  return code;
}
