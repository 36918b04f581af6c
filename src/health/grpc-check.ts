/** A check by the health checking protocol of gRPC (grpc/grpc, doc/health-checking.md), over HTTP/2 in clear or TLS. */
import type { ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import type { Socket } from "node:net";
import { GRPC_HEALTH_PATH, decodeHealthAnswer, encodeHealthRequest } from "../core/grpc-health.ts";
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

/** One message of a few bytes is all that may come. */
const BODY_BYTES_MAX = 256;
const HEADER_PAIRS_MAX = 64;
const HEADER_LIST_BYTES_MAX = 16 * 1024;
/** In MB, the smallest that Node can be told: what one session may hold in memory. */
const SESSION_MEGABYTES_MAX = 1;

/** Effect: one connection with one call; the result is told as soon as it is known. */
export function startGrpcCheck(task: CheckTask, loadTls: LoadTls, done: TakeResult): CancelCheck {
  const call: Call = { task, done, over: false, close: () => undefined };
  const context = { loadTls, alpn: "h2" };
  const drop = dial(task, context, {
    onReady: (socket) => void converse(socket, call),
    onFailed: (detail) => done(failedDial(detail)),
  });
  return () => {
    call.over = true;
    call.close();
    drop();
  };
}

interface Call {
  readonly task: CheckTask;
  readonly done: TakeResult;
  over: boolean;
  /** Ends the session. */
  close: () => void;
}

async function converse(socket: Socket, call: Call): Promise<void> {
  try {
    // HTTP/2 is loaded by the first such check: it would cost every start some milliseconds.
    const { connect } = await import("node:http2");
    if (call.over) return;
    const session = connect("http://localhost", {
      createConnection: () => socket,
      maxHeaderListPairs: HEADER_PAIRS_MAX,
      maxSessionMemory: SESSION_MEGABYTES_MAX,
      settings: { enablePush: false, maxHeaderListSize: HEADER_LIST_BYTES_MAX },
    });
    call.close = () => session.destroy();
    // What ends the session ends the stream, which tells it.
    session.on("error", () => undefined);
    const stream = session.request(headersOf(call.task));
    follow(stream, call.done);
    stream.end(encodeHealthRequest(Buffer.from(call.task.service.policy.grpcService)));
  } catch (error) {
    call.done(failedCheck(String(error)));
  }
}

function headersOf(task: CheckTask): Readonly<Record<string, string>> {
  const { service } = task;
  return {
    ":method": "POST",
    ":path": GRPC_HEALTH_PATH,
    ":scheme": service.tls === undefined ? "http" : "https",
    ":authority": hostOf(task),
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": `${service.policy.timeoutMs}m`,
    "user-agent": "gatehouse-health-check",
  };
}

function follow(stream: ClientHttp2Stream, done: TakeResult): void {
  let body = Buffer.alloc(0);
  let refusal: string | undefined;
  const note = (headers: IncomingHttpHeaders): void => {
    refusal ??= refusalIn(headers);
  };
  stream.on("response", (headers) => {
    const status = headers[":status"];
    if (status !== undefined && status !== 200) done(failedCheck(`status ${status}`));
    // An answer that is nothing but trailers comes as the head.
    note(headers);
  });
  stream.on("trailers", note);
  stream.on("data", (chunk: Buffer) => {
    body = Buffer.concat([body, chunk.subarray(0, BODY_BYTES_MAX)]);
    if (body.length > BODY_BYTES_MAX) done(failedCheck("the answer is too large"));
  });
  stream.on("error", (error: Error) => done(failedCheck(error.message)));
  stream.on("close", () => done(refusal === undefined ? judge(body) : failedCheck(refusal)));
}

const STATUS_NAMES: Readonly<Record<string, string>> = {
  "5": "the service is not known there (NOT_FOUND)",
  "12": "health checks are not known there (UNIMPLEMENTED)",
};

/** Why a gRPC status is no success; undefined when it is one, or is not there. */
function refusalIn(headers: IncomingHttpHeaders): string | undefined {
  const status = headers["grpc-status"];
  if (status === undefined || status === "0") return undefined;
  const name = typeof status === "string" ? status : "?";
  return STATUS_NAMES[name] ?? `grpc-status ${name}`;
}

function judge(body: Buffer): CheckResult {
  const status = decodeHealthAnswer(body);
  if (status === "SERVING") return { passed: true, detail: status };
  return failedCheck(
    status ?? (body.length === 0 ? "closed before the answer" : "malformed answer"),
  );
}
