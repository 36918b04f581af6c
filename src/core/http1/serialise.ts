/** Heads written anew from what was parsed; nothing is ever copied through. */
import { CONNECTION_UPGRADE } from "./fields.ts";
import { BODY_CHUNKED } from "./framing.ts";
import type { RequestHead } from "./request-head.ts";
import type { ResponseHead } from "./response-head.ts";

/** What the edge decides of a request's head. */
export interface RequestForwarding {
  /** The Host to send. */
  readonly authority: string;
  /** Complete lines with CRLF that the edge adds; Connection cannot remove them, since it was applied before. */
  readonly edgeFields: string;
  /** The Upgrade token that passes; undefined = none. */
  readonly upgrade: string | undefined;
}

/**
 * The head that goes to the endpoint, in HTTP/1.1, with the CRLF CRLF. Pure. Framing is re-made from `head.body`
 * (RFC 9112 §6), Connection from what passes (RFC 9110 §7.6.1).
 */
export function serialiseRequest(head: RequestHead, forwarding: RequestForwarding): string {
  const { lines, trailer } = head.section;
  let text =
    `${head.method} ${head.path}${head.query} HTTP/1.1\r\nHost: ${forwarding.authority}\r\n` +
    lines.text;
  if (head.body === BODY_CHUNKED) {
    text += "Transfer-Encoding: chunked\r\n";
    if (trailer !== undefined) text += `Trailer: ${trailer}\r\n`;
  } else if (head.section.contentLength >= 0) text += `Content-Length: ${head.body}\r\n`;
  if (head.expectContinue) text += "Expect: 100-continue\r\n";
  return `${text}${connectionLines(head, forwarding.upgrade)}${forwarding.edgeFields}\r\n`;
}

function connectionLines(head: RequestHead, upgrade: string | undefined): string {
  const { teTrailers } = head.section;
  if (upgrade === undefined) return teTrailers ? "TE: trailers\r\nConnection: TE\r\n" : "";
  const te = teTrailers ? "TE: trailers\r\n" : "";
  return `${te}Upgrade: ${upgrade}\r\nConnection: ${teTrailers ? "TE, upgrade" : "upgrade"}\r\n`;
}

/** How an answer is framed and what is said about the connection after it. */
export interface ResponseFraming {
  /** The client's minor version: 1.0 knows neither chunks nor keep-alive by default. */
  readonly clientMinor: number;
  /** The connection to the client stays open. */
  readonly keepAlive: boolean;
  /** The body as the endpoint sends it is re-framed into chunks. */
  readonly chunked: boolean;
}

/** The head that goes to the client, always HTTP/1.1 (RFC 9110 §2.5), with the CRLF CRLF. Pure. */
export function serialiseResponse(head: ResponseHead, framing: ResponseFraming): string {
  const { section, status } = head;
  let text = `HTTP/1.1 ${status} ${head.reason}\r\n${section.lines.text}`;
  if (framing.chunked) {
    text += "Transfer-Encoding: chunked\r\n";
    if (section.trailer !== undefined) text += `Trailer: ${section.trailer}\r\n`;
  } else text += lengthField(head);
  return `${text}${connectionField(framing)}\r\n`;
}

/** The head of an interim answer, 100 to 199 but 101 (RFC 9110 §15.2). Pure. */
export function serialiseInterim(head: ResponseHead): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.section.lines.text}\r\n`;
}

/** The head of a switch of protocols (RFC 9110 §15.2.2), with the CRLF CRLF. Pure. */
export function serialiseSwitching(head: ResponseHead): string {
  const { lines, upgrade } = head.section;
  return (
    `HTTP/1.1 101 ${head.reason}\r\nConnection: upgrade\r\nUpgrade: ${upgrade ?? ""}\r\n` +
    `${lines.text}\r\n`
  );
}

/** Whether `head` announces that it switches protocols (RFC 9110 §15.2.2). Pure. */
export function isSwitching(head: ResponseHead): boolean {
  return head.status === 101 && (head.section.connection & CONNECTION_UPGRADE) !== 0;
}

/** A 204 must not have Content-Length; answers to HEAD and 304 keep what they say (RFC 9110 §8.6). */
function lengthField({ section, status }: ResponseHead): string {
  const { contentLength } = section;
  return status === 204 || contentLength < 0 ? "" : `Content-Length: ${contentLength}\r\n`;
}

function connectionField(framing: ResponseFraming): string {
  if (!framing.keepAlive) return "Connection: close\r\n";
  return framing.clientMinor === 0 ? "Connection: keep-alive\r\n" : "";
}
