/** A check by one request over HTTP/1.1, of which only the head of the answer is read. */
import { parseResponseHead } from "../core/http1/response-head.ts";
import { SCAN_FORBIDDEN, SCAN_INCOMPLETE, scanHead } from "../core/http1/scan.ts";
import type { CheckResult } from "../core/health-check.ts";
import {
  type CancelCheck,
  type CheckTask,
  failedCheck,
  failedDial,
  hostOf,
  type TakeResult,
} from "./check-task.ts";
import { dial, type LoadTls } from "./dial.ts";

/** Of the answer, interim heads included. */
const HEAD_BYTES_MAX = 16 * 1024;
const HEAD_COUNT_MAX = 200;

/** Effect: one connection with one request; the result is told as soon as the status is known. */
export function startHttpCheck(task: CheckTask, loadTls: LoadTls, done: TakeResult): CancelCheck {
  const answer = new AnswerHead(task.service.policy.expect);
  const context = { loadTls, alpn: "http/1.1" };
  return dial(task, context, {
    onReady: (socket) => {
      socket.on("data", (chunk: Buffer) => {
        const result = answer.take(chunk);
        if (result !== undefined) done(result);
      });
      socket.on("end", () => done(failedCheck("closed before the answer")));
      socket.write(requestOf(task), "latin1");
    },
    onFailed: (detail) => done(failedDial(detail)),
  });
}

/** Schema and names let no line breaks into it. */
function requestOf(task: CheckTask): string {
  return [
    `GET ${task.service.policy.path} HTTP/1.1`,
    `Host: ${hostOf(task)}`,
    "User-Agent: gatehouse-health-check",
    "Accept: */*",
    "Connection: close",
    "",
    "",
  ].join("\r\n");
}

/** Reads until the final status is known, and no further. */
class AnswerHead {
  readonly #expect: readonly number[];
  #bytes = Buffer.alloc(0);

  constructor(expect: readonly number[]) {
    this.#expect = expect;
  }

  /** Undefined = more is needed. */
  take(chunk: Buffer): CheckResult | undefined {
    const room = HEAD_BYTES_MAX - this.#bytes.length;
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, room)]);
    for (;;) {
      const end = scanHead(this.#bytes, 0, this.#bytes.length);
      if (end === SCAN_FORBIDDEN) return failedCheck("malformed answer");
      if (end === SCAN_INCOMPLETE) {
        return chunk.length < room ? undefined : failedCheck("the head of the answer is too large");
      }
      const head = parseResponseHead(this.#bytes.toString("latin1", 0, end), "GET", HEAD_COUNT_MAX);
      if (!head.ok) return failedCheck(head.error.detail);
      if (head.value.status >= 200) return this.#judge(head.value.status);
      this.#bytes = this.#bytes.subarray(end);
    }
  }

  #judge(status: number): CheckResult {
    return this.#expect.includes(status)
      ? { passed: true, detail: `status ${status}` }
      : failedCheck(`status ${status}, expected ${this.#expect.join(" or ")}`);
  }
}
