/** A response head (RFC 9112 §4), from text to what forwarding needs. */
import { type Result, failed, success } from "../result.ts";
import { type FieldSection, type HeadRefusal, parseAnswerFields, parseDigits } from "./fields.ts";
import { BODY_CHUNKED, BODY_NONE, BODY_UNTIL_CLOSE } from "./framing.ts";
import { keepsAlive } from "./request-head.ts";

/** One answer of an endpoint. */
export interface ResponseHead {
  readonly status: number;
  /** The reason phrase as sent; may be empty. */
  readonly reason: string;
  readonly minor: number;
  /** ≥ 0: that many bytes; BODY_CHUNKED; BODY_UNTIL_CLOSE. */
  readonly body: number;
  /** The endpoint would keep the connection open after it, and both agree where the answer ends. */
  readonly keepAlive: boolean;
  readonly section: FieldSection;
}

const SPACE = 0x20;
/** "HTTP/1.1 " and the three digits after it. */
const VERSION_END = 9;
const STATUS_MIN = 100;
const STATUS_END = 12;

/**
 * Reads one response head to a request with `method`. Pure, never throws. `text` is latin1, ends with
 * CRLF CRLF and has passed `scanHead`. Every refusal is response-malformed: the same rules as for requests
 * (RFC 9112 §6.3), and no body in an interim answer (RFC 9112 §6.1, RFC 9110 §8.6).
 */
export function parseResponseHead(
  text: string,
  method: string,
  countMax: number,
): Result<ResponseHead, HeadRefusal> {
  const lineEnd = text.indexOf("\r");
  const status = parseStatus(text, lineEnd);
  if (status < 0) return refuse("malformed status line (RFC 9112 §4)");
  const fields = parseAnswerFields(text, lineEnd + 2, countMax);
  if (!fields.ok) return refuse(fields.error.detail);
  const section = fields.value;
  const minor = text.startsWith("HTTP/1.1") ? 1 : 0;
  if (section.chunked && section.contentLength >= 0)
    return refuse("Content-Length with Transfer-Encoding");
  if (section.chunked && minor === 0) return refuse("Transfer-Encoding in HTTP/1.0");
  const announced = section.chunked || section.contentLength > 0;
  if (announced && status < 200) return refuse("interim answer with a body");
  const body = bodyOf(section, status, method);
  const keepAlive =
    body !== BODY_UNTIL_CLOSE &&
    !(announced && status === 204) &&
    keepsAlive(section.connection, minor);
  const reason = text.slice(STATUS_END + 1, lineEnd);
  return success({ status, reason, minor, body, keepAlive, section });
}

/** Whether an answer with this status has a body by definition none (RFC 9112 §6.3 (1)). Pure. */
export function isBodiless(status: number, method: string): boolean {
  return method === "HEAD" || status < 200 || status === 204 || status === 304;
}

/** The status, or -1. A missing space before an empty reason is common and unambiguous. */
function parseStatus(text: string, lineEnd: number): number {
  if (!text.startsWith("HTTP/1.1 ") && !text.startsWith("HTTP/1.0 ")) return -1;
  if (lineEnd !== STATUS_END && text.charCodeAt(STATUS_END) !== SPACE) return -1;
  const status = parseDigits(text.slice(VERSION_END, STATUS_END));
  return status >= STATUS_MIN ? status : -1;
}

function refuse(detail: string): Result<never, HeadRefusal> {
  return failed({ kind: "response-malformed", detail });
}

function bodyOf(section: FieldSection, status: number, method: string): number {
  if (isBodiless(status, method)) return BODY_NONE;
  if (section.chunked) return BODY_CHUNKED;
  return section.contentLength >= 0 ? section.contentLength : BODY_UNTIL_CLOSE;
}
