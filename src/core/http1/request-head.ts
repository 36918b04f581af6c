/** A request head (RFC 9112 §3), from text to what routing and forwarding need. */
import { type Result, failed } from "../result.ts";
import { isToken } from "./field-names.ts";
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
  type FieldSection,
  type HeadRefusal,
  parseFields,
} from "./fields.ts";
import { BODY_CHUNKED, BODY_NONE } from "./framing.ts";
import { type Target, foldAuthority, isAuthority, parseTarget } from "./target.ts";

/** One request as it will be matched and forwarded. */
export interface RequestHead {
  readonly method: string;
  /** The 0 or 1 of HTTP/1.0 and HTTP/1.1. */
  readonly minor: number;
  /** Normalised; see `normalisePath`. */
  readonly path: string;
  /** With its "?", or empty. */
  readonly query: string;
  /** Host as sent, or of an absolute-form target; empty for HTTP/1.0 without one. */
  readonly authority: string;
  /** Folded for matching: lower-case, no port, no trailing dot. */
  readonly host: string;
  /** ≥ 0: that many bytes; BODY_CHUNKED. */
  readonly body: number;
  /** The client would keep the connection open. */
  readonly keepAlive: boolean;
  /** `Expect: 100-continue`. */
  readonly expectContinue: boolean;
  /** The Upgrade value, when `Connection` names it. */
  readonly upgrade: string | undefined;
  readonly section: FieldSection;
}

/** The frequent ones first. */
const METHODS: readonly string[] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"];
const VERSION = /^HTTP\/\d\.\d$/;
/** The `version` part is eight characters: "HTTP/1.1". */
const VERSION_LENGTH = 8;

/**
 * Reads one request head. Pure, never throws. `text` is latin1, from the start line through
 * the CRLF CRLF, and has passed `scanHead`.
 * Refusals: bad-request, head-too-large (more fields than `countMax`), version-not-supported,
 * method-not-allowed (CONNECT), expectation-failed (an Expect other than 100-continue).
 */
export function parseRequestHead(text: string, countMax: number): Result<RequestHead, HeadRefusal> {
  const lineEnd = text.indexOf("\r");
  const first = text.indexOf(" ");
  const versionStart = lineEnd - VERSION_LENGTH;
  if (first <= 0 || versionStart - 1 <= first || text.charCodeAt(versionStart - 1) !== 0x20) {
    return refuse("malformed request line (RFC 9112 §3)");
  }
  const method = parseMethod(text, first);
  if (method === undefined) return refuse("invalid method (RFC 9110 §9.1)");
  const minor = parseVersion(text, versionStart, lineEnd);
  if (minor === undefined) return refuse("malformed HTTP version (RFC 9112 §2.3)");
  if (minor < 0)
    return failed({ kind: "version-not-supported", detail: "not HTTP/1.0 or HTTP/1.1" });
  if (method === "CONNECT") return failed({ kind: "method-not-allowed", detail: "CONNECT" });
  const target = parseTarget(text.slice(first + 1, versionStart - 1), method);
  if (target === undefined) return refuse("invalid request target (RFC 9112 §3.2)");
  const fields = parseFields(text, lineEnd + 2, countMax);
  return fields.ok ? assemble(method, minor, target, fields.value) : fields;
}

function refuse(detail: string): Result<never, HeadRefusal> {
  return failed({ kind: "bad-request", detail });
}

/** The token in text[0, end); undefined when it is none. A common one is always the same string, which routers look up. */
function parseMethod(text: string, end: number): string | undefined {
  for (const method of METHODS) {
    if (method.length === end && text.startsWith(method)) return method;
  }
  const method = text.slice(0, end);
  return isToken(method) ? method : undefined;
}

/** The minor version of HTTP/1 in text[start, end), -1 for another major or minor, undefined for something else. */
function parseVersion(text: string, start: number, end: number): number | undefined {
  if (text.startsWith("HTTP/1.1", start)) return 1;
  if (text.startsWith("HTTP/1.0", start)) return 0;
  return VERSION.test(text.slice(start, end)) ? -1 : undefined;
}

// oxlint-disable-next-line max-params -- the hot path's one construction: no object for its parts
function assemble(
  method: string,
  minor: number,
  target: Target,
  section: FieldSection,
): Result<RequestHead, HeadRefusal> {
  const problem = framingProblem(section, minor) ?? hostProblem(section, target, minor);
  if (problem !== undefined) return refuse(problem);
  const { connection, expect } = section;
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    return failed({ kind: "expectation-failed", detail: "unknown Expect (RFC 9110 §10.1.1)" });
  }
  const authority = target.authority ?? section.host ?? "";
  const value: RequestHead = {
    method,
    minor,
    path: target.path,
    query: target.query,
    authority,
    host: foldAuthority(authority),
    body: section.chunked ? BODY_CHUNKED : Math.max(section.contentLength, BODY_NONE),
    keepAlive: keepsAlive(connection, minor),
    expectContinue: expect !== undefined && minor === 1,
    upgrade: (connection & CONNECTION_UPGRADE) !== 0 && minor === 1 ? section.upgrade : undefined,
    section,
  };
  return { ok: true, value };
}

/** Whether the sender of these Connection bits would go on (RFC 9112 §9.3). Pure. */
export function keepsAlive(connection: number, minor: number): boolean {
  if ((connection & CONNECTION_CLOSE) !== 0) return false;
  return minor === 1 || (connection & CONNECTION_KEEP_ALIVE) !== 0;
}

function framingProblem(section: FieldSection, minor: number): string | undefined {
  if (section.chunked && section.contentLength >= 0) {
    return "Content-Length with Transfer-Encoding (RFC 9112 §6.1)";
  }
  if (section.chunked && minor === 0) return "Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)";
  return undefined;
}

function hostProblem(section: FieldSection, target: Target, minor: number): string | undefined {
  if (section.host === undefined) {
    if (minor === 1) return "no Host (RFC 9112 §3.2)";
  } else if (!isAuthority(section.host)) return "invalid Host (RFC 9110 §7.2)";
  if (target.authority !== undefined && !isAuthority(target.authority)) {
    return "invalid authority in the request target (RFC 9112 §3.2.2)";
  }
  return undefined;
}
