/** Asks the admin API of the running box. */
import { request } from "node:http";
import { failed, type Result, success } from "../core/result.ts";
import type { AdminPlace } from "./admin-place.ts";

/** One question. */
export interface AdminQuestion {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly timeoutMs: number;
}

/** What was answered: the status and the JSON of the body. */
export interface AdminAnswer {
  readonly status: number;
  readonly value: Readonly<Record<string, unknown>>;
  /** The body as it came. */
  readonly text: string;
}

/** A snapshot of ten thousand routes has some MiB. */
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Resolves to the answer whatever its status, or to a sentence for people: what was tried, where the address came from
 * and what went wrong. Never rejects.
 */
export async function askAdmin(
  place: AdminPlace,
  question: AdminQuestion,
): Promise<Result<AdminAnswer, string>> {
  try {
    const { status, text } = await exchange(place, question);
    const value = parseObject(text);
    if (value === undefined) return failed(`What answers at ${named(place)} is not gatehouse.`);
    return success({ status, value, text });
  } catch (error) {
    return failed(`No box answers at ${named(place)}: ${reasonOf(error, question)}`);
  }
}

/** What the API itself gives as the reason of a refusal. Pure. */
export function refusalText(answer: AdminAnswer): string {
  const { error } = answer.value;
  return typeof error === "string" ? error : `it answered with status ${answer.status}`;
}

function named({ text, source }: AdminPlace): string {
  return `${text} (${source})`;
}

function exchange(
  place: AdminPlace,
  question: AdminQuestion,
): Promise<{ readonly status: number; readonly text: string }> {
  const { method, path, timeoutMs } = question;
  return new Promise((resolve, reject) => {
    // The API checks the Host against pages in browsers; whoever calls from a shell may name the box as they like.
    const headers = { Host: "localhost", "Content-Length": "0" };
    const sent = request({ ...place.address, method, path, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > ANSWER_BYTES_MAX) sent.destroy(new Error("the answer is too large"));
        else chunks.push(chunk);
      });
      answer.on("error", reject);
      answer.on("end", () => {
        clearTimeout(limit);
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
      });
    });
    const limit = setTimeout(() => sent.destroy(codeError("ETIMEDOUT")), timeoutMs);
    sent.on("error", (error) => {
      clearTimeout(limit);
      reject(error);
    });
    sent.end();
  });
}

function codeError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there. Is it running?",
  ENOENT: "there is no such socket. Is it running?",
  EACCES: "this user may not connect. Try it as root, or as the user that the box runs as.",
  ENOTFOUND: "there is no such host.",
  ECONNRESET: "the connection was cut.",
};

function reasonOf(error: unknown, { timeoutMs }: AdminQuestion): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ETIMEDOUT") return `nothing came within ${timeoutMs / 1000} s.`;
  return REASONS[code] ?? `${error instanceof Error ? error.message : String(error)}.`;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
