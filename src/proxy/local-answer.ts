/** Answers that gatehouse gives itself: failures, redirects, direct responses. */
import { FAILURES, type FailureKind } from "../core/failure.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import type { RedirectAction, RespondAction } from "../core/model.ts";

/** One answer with its whole body. */
export interface LocalAnswer {
  readonly status: number;
  /** Complete header lines with CRLF, without framing and connection fields. */
  readonly fields: string;
  readonly body: string;
}

/** How the answer is put on the wire. */
export interface LocalAnswerContext {
  readonly requestId: string;
  readonly date: string;
  readonly keepAlive: boolean;
  /** The client speaks HTTP/1.0. */
  readonly minor: number;
  readonly method: string;
}

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  410: "Gone",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  418: "I'm a teapot",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  508: "Loop Detected",
};

const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** The short answer to a failure: text, or JSON for who asks for it; carries the request id only. Pure. */
export function failureAnswer(kind: FailureKind, requestId: string, json: boolean): LocalAnswer {
  const { status, text } = FAILURES[kind];
  const body = json
    ? `${JSON.stringify({ status, error: text, request_id: requestId })}\n`
    : `${status} ${text}\nRequest id: ${requestId}\n`;
  const type = json ? "application/json" : "text/plain; charset=utf-8";
  const allow = status === 405 ? "Allow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n" : "";
  return { status, fields: `Content-Type: ${type}\r\n${allow}`, body };
}

/** Whether the client prefers a JSON answer. Pure. */
export function wantsJson(head: RequestHead | undefined): boolean {
  const fields = head?.section.lines.list ?? [];
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() === "accept") return fields[i + 1]?.includes("json") ?? false;
  }
  return false;
}

/** Where a redirect leads: parts that it does not name stay as requested (RFC 9110 §10.2.2). Pure. */
export function redirectAnswer(action: RedirectAction, head: RequestHead): LocalAnswer {
  const scheme = action.scheme ?? "http";
  const requested = /:(\d+)$/.exec(head.authority);
  const hostname = action.host ?? head.authority.replace(/:\d*$/, "");
  const stays = action.host === undefined && scheme === "http";
  const port = action.port ?? (stays && requested !== null ? Number(requested[1]) : undefined);
  const suffix = port === undefined || port === DEFAULT_PORTS[scheme] ? "" : `:${port}`;
  const path = action.path ?? `${head.path}${head.query}`;
  const fields = `Location: ${scheme}://${hostname}${suffix}${path}\r\n`;
  return { status: action.status, fields, body: "" };
}

/** To the same place by https, on its own port (RFC 9110 §4.2.2). Pure. */
export function httpsRedirectAnswer(head: RequestHead): LocalAnswer {
  const host = head.authority.replace(/:\d*$/, "");
  const path = head.path === "*" ? "/" : head.path;
  return { status: 301, fields: `Location: https://${host}${path}${head.query}\r\n`, body: "" };
}

/** An injected failure. Pure. */
export function faultAnswer(status: number): LocalAnswer {
  const body = status === 204 || status === 205 || status === 304 ? "" : "Fault injected\n";
  return { status, fields: "Content-Type: text/plain; charset=utf-8\r\n", body };
}

/** The answer that the file spells out. Pure. */
export function respondAnswer(action: RespondAction): LocalAnswer {
  let fields = "";
  for (let i = 0; i < action.headers.length; i += 2) {
    fields += `${action.headers[i]}: ${action.headers[i + 1]}\r\n`;
  }
  return { status: action.status, fields, body: action.body };
}

/** The bytes of an answer. Pure; body is sent as UTF-8. */
export function serialiseLocalAnswer(answer: LocalAnswer, context: LocalAnswerContext): Buffer {
  const { status } = answer;
  const body = Buffer.from(answer.body);
  const bodiless = status === 204 || status === 304 || context.method === "HEAD";
  const length = status === 204 || status === 304 ? "" : `Content-Length: ${body.length}\r\n`;
  const head =
    `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\nDate: ${context.date}\r\n${answer.fields}` +
    `X-Request-Id: ${context.requestId}\r\n${length}${connectionLine(context)}\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), bodiless ? Buffer.alloc(0) : body]);
}

function connectionLine(context: LocalAnswerContext): string {
  if (!context.keepAlive) return "Connection: close\r\n";
  return context.minor === 0 ? "Connection: keep-alive\r\n" : "";
}
