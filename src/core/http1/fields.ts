/**
 * A field section (RFC 9112 §5): the lines between the start line and the empty line, and trailers.
 * Read strictly: what two parsers might read in two ways is refused.
 */
import { type Result, failed, success } from "../result.ts";
import {
  CDN_LOOP,
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  FORWARDING,
  HOP,
  HOST,
  INVALID,
  LOOKALIKE,
  ORDINARY,
  REFERER,
  REQUEST_ID,
  TE,
  TRAILER,
  TRANSFER_ENCODING,
  UPGRADE,
  USER_AGENT,
  classifyFieldName,
} from "./field-names.ts";
import type { FailureKind } from "../failure.ts";
import { FieldLines } from "./field-lines.ts";

/** Bits of `FieldSection.connection`. */
export const CONNECTION_CLOSE = 1;
export const CONNECTION_KEEP_ALIVE = 2;
export const CONNECTION_UPGRADE = 4;

/** Why a head is refused: the failure it is, and the rule that it breaks in words. */
export interface HeadRefusal {
  readonly kind: FailureKind;
  readonly detail: string;
}

/** What a section says to a proxy, and the rest in order and case as sent. */
export interface FieldSection {
  /** End-to-end fields, without what the other members hold. */
  lines: FieldLines;
  /** -1 = none. */
  contentLength: number;
  chunked: boolean;
  host: string | undefined;
  /** CONNECTION_… bits. */
  connection: number;
  upgrade: string | undefined;
  expect: string | undefined;
  /** The `TE` field lists `trailers`. */
  teTrailers: boolean;
  trailer: string | undefined;
  /** X-Forwarded-… and Forwarded as sent: name, value … */
  forwarding: string[];
  requestId: string | undefined;
  userAgent: string | undefined;
  referer: string | undefined;
  /** All CDN-Loop values, joined by commas. */
  loop: string | undefined;
}

/** 15 digits stay exact in a double and are more than any body. */
const CONTENT_LENGTH_DIGITS_MAX = 15;
const DIGIT_0 = 0x30;
const SPACE = 0x20;
const TAB = 0x09;

/**
 * Reads the field lines of a request in `text` from `start` to the empty line that ends it. Pure.
 * `text` is latin1, ends with CRLF CRLF and has passed `scanHead`.
 * Refusals: bad-request, head-too-large (more than `countMax` lines). RFC 9112 §5, §6; RFC 9110 §5.5.
 */
export function parseFields(
  text: string,
  start: number,
  countMax: number,
): Result<FieldSection, HeadRefusal> {
  return readSection(text, start, countMax, false);
}

/** The same for an answer, in which the fields that steer requests mean nothing and pass through. Pure. */
export function parseAnswerFields(
  text: string,
  start: number,
  countMax: number,
): Result<FieldSection, HeadRefusal> {
  return readSection(text, start, countMax, true);
}

// oxlint-disable-next-line max-params -- the hot path's one loop: no object for its settings
function readSection(
  text: string,
  start: number,
  countMax: number,
  isAnswer: boolean,
): Result<FieldSection, HeadRefusal> {
  const section = emptySection();
  const end = text.length - 2;
  let named: string | undefined;
  let count = 0;
  let position = start;
  // Lines that pass and stand there as they are written anew: all that follow one another are taken in one piece.
  let lines = "";
  let runStart = start;
  while (position < end) {
    const lineEnd = text.indexOf("\r", position);
    count += 1;
    if (count > countMax) return refuse("head-too-large", `more than ${countMax} header fields`);
    if (isBlank(text.charCodeAt(position)))
      return refuse("bad-request", "folded line (RFC 9112 §5.2)");
    const colon = text.indexOf(":", position);
    if (colon < 0 || colon >= lineEnd) return refuse("bad-request", "header line without a colon");
    const kind = classifyFieldName(text, position, colon);
    const isOrdinary = kind === ORDINARY || (isAnswer && isForRequests(kind));
    const passes = isOrdinary || isPassing(kind);
    const isExact = passes && isWrittenExactly(text, colon, lineEnd);
    if (!isOrdinary || !isExact) {
      const name = text.slice(position, colon);
      const value = trimmed(text, colon + 1, lineEnd);
      const problem = isOrdinary ? undefined : takeSpecial(section, kind, name, value);
      if (problem !== undefined) return refuse("bad-request", problem);
      if (kind === CONNECTION) named = named === undefined ? value : `${named},${value}`;
      if (!isExact) {
        lines += text.slice(runStart, position);
        if (passes) lines += `${name}: ${value}\r\n`;
        runStart = lineEnd + 2;
      }
    }
    position = lineEnd + 2;
  }
  section.lines = new FieldLines(lines + text.slice(runStart, position));
  if (named !== undefined) applyConnection(section, named);
  return success(section);
}

/** Whether a name says something in a request only (RFC 9110 §7.2, §10.1). */
function isForRequests(kind: number): boolean {
  return kind === HOST || kind === EXPECT || kind === FORWARDING || kind === REQUEST_ID;
}

/** Whether a field passes through, though it says something. */
function isPassing(kind: number): boolean {
  return kind === USER_AGENT || kind === REFERER || kind === CDN_LOOP;
}

/** One space before the value and none behind it: the line as it would be written. */
function isWrittenExactly(text: string, colon: number, lineEnd: number): boolean {
  if (text.charCodeAt(colon + 1) !== SPACE) return false;
  return (
    colon + 2 === lineEnd ||
    (!isBlank(text.charCodeAt(colon + 2)) && !isBlank(text.charCodeAt(lineEnd - 1)))
  );
}

const NO_LINES = new FieldLines("");

function emptySection(): FieldSection {
  return {
    lines: NO_LINES,
    contentLength: -1,
    chunked: false,
    host: undefined,
    connection: 0,
    upgrade: undefined,
    expect: undefined,
    teTrailers: false,
    trailer: undefined,
    forwarding: [],
    requestId: undefined,
    userAgent: undefined,
    referer: undefined,
    loop: undefined,
  };
}

function refuse(kind: FailureKind, detail: string): Result<never, HeadRefusal> {
  return failed({ kind, detail });
}

/**
 * text[from, to) without the optional white space around it (RFC 9110 §5.5). Steps instead of a pattern: `[\t ]+$`
 * takes quadratic time on a long run of spaces inside a value.
 */
function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Stores one special field; returns what is wrong with it, if anything. */
// oxlint-disable-next-line max-params -- called once a field on the hot path: no object for it
function takeSpecial(
  section: FieldSection,
  kind: number,
  name: string,
  value: string,
): string | undefined {
  switch (kind) {
    case INVALID:
      return "invalid header name (RFC 9110 §5.1)";
    case LOOKALIKE:
      return `header name ${name} can be mistaken for a framing or forwarding field`;
    case HOST:
      if (section.host !== undefined) return "more than one Host (RFC 9112 §3.2)";
      section.host = value;
      return undefined;
    case CONTENT_LENGTH:
      return takeContentLength(section, value);
    case TRANSFER_ENCODING:
      return takeTransferEncoding(section, value);
    case USER_AGENT:
      section.userAgent ??= value;
      return undefined;
    case REFERER:
      section.referer ??= value;
      return undefined;
    case CDN_LOOP:
      section.loop = joined(section.loop, value);
      return undefined;
    case HOP:
    case CONNECTION:
      return undefined;
    default:
      takeRare(section, kind, name, value);
      return undefined;
  }
}

// oxlint-disable-next-line max-params -- see takeSpecial
function takeRare(section: FieldSection, kind: number, name: string, value: string): void {
  if (kind === TE) section.teTrailers ||= /(?:^|[\s,])trailers(?:$|[\s,;])/i.test(value);
  else if (kind === TRAILER) section.trailer = joined(section.trailer, value);
  else if (kind === UPGRADE) section.upgrade = joined(section.upgrade, value);
  else if (kind === EXPECT) section.expect = joined(section.expect, value);
  else if (kind === REQUEST_ID) section.requestId ??= value;
  else if (kind === FORWARDING) section.forwarding.push(name, value);
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

/** RFC 9112 §6.3 (5): one value of digits only; a repeated field is refused even when equal. */
function takeContentLength(section: FieldSection, value: string): string | undefined {
  if (section.contentLength >= 0) return "more than one Content-Length (RFC 9112 §6.3)";
  const length = value.length > CONTENT_LENGTH_DIGITS_MAX ? -1 : parseDigits(value);
  if (length < 0) return "invalid Content-Length (RFC 9112 §6.3)";
  section.contentLength = length;
  return undefined;
}

/** A number written in digits alone, at least one of them; -1 for anything else. Pure. */
export function parseDigits(text: string): number {
  let number = text === "" ? -1 : 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - DIGIT_0;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** Only `chunked`, once: any other coding cannot be framed here (RFC 9112 §6.1, §7). */
function takeTransferEncoding(section: FieldSection, value: string): string | undefined {
  if (section.chunked) return "more than one Transfer-Encoding (RFC 9112 §6.1)";
  if (value.toLowerCase() !== "chunked")
    return "Transfer-Encoding other than chunked (RFC 9112 §6.1)";
  section.chunked = true;
  return undefined;
}

/** Sets the bits, and drops the fields that `Connection` names (RFC 9110 §7.6.1). */
function applyConnection(section: FieldSection, value: string): void {
  const folded = value.toLowerCase();
  if (folded === "keep-alive") section.connection = CONNECTION_KEEP_ALIVE;
  else if (folded === "close") section.connection = CONNECTION_CLOSE;
  else applyConnectionList(section, folded);
}

function applyConnectionList(section: FieldSection, folded: string): void {
  const names = new Set(folded.split(",").map((name) => trimmed(name, 0, name.length)));
  if (names.delete("close")) section.connection |= CONNECTION_CLOSE;
  if (names.delete("keep-alive")) section.connection |= CONNECTION_KEEP_ALIVE;
  if (names.delete("upgrade")) section.connection |= CONNECTION_UPGRADE;
  // It must not be removed, or a client could hide a loop (RFC 8586 §2).
  names.delete("cdn-loop");
  if (names.size === 0) return;
  const { list } = section.lines;
  section.lines = FieldLines.of(
    list.filter((_, i) => !names.has((list[i - (i % 2)] ?? "").toLowerCase())),
  );
}
