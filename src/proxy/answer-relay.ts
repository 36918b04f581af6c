/** The answer of an endpoint on its way to the client: parsed, framed anew, streamed. */
import type { Failure } from "../core/failure.ts";
import { ChunkedDecoder } from "../core/http1/chunked.ts";
import { BODY_CHUNKED, BODY_UNTIL_CLOSE } from "../core/http1/framing.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import { type ResponseHead, parseResponseHead } from "../core/http1/response-head.ts";
import { SCAN_FORBIDDEN, SCAN_INCOMPLETE, resumeScan, scanHead } from "../core/http1/scan.ts";
import {
  isSwitching,
  serialiseInterim,
  serialiseResponse,
  serialiseSwitching,
} from "../core/http1/serialise.ts";
import { filterTrailers } from "../core/http1/trailers.ts";
import { type BodyPart, writeChunked, writePlain } from "./body-writer.ts";
import type { ExchangeReport } from "./exchange-report.ts";
import type { HttpConnection } from "./http-connection.ts";

/** An answer's head, interim ones included: as nginx's largest usual setting. */
const HEAD_BYTES_MAX = 64 * 1024;
const HEAD_COUNT_MAX = 200;
const TRAILER_BYTES_MAX = 8 * 1024;
/** Interim answers to one request; more is a loop. */
const INTERIM_MAX = 16;

/** The request that is being answered. */
export interface RelayedRequest {
  readonly head: RequestHead;
  readonly report: ExchangeReport;
  readonly upgrade: string | undefined;
  readonly policy: AnswerPolicy;
}

/** What the route says of answers. */
export interface AnswerPolicy {
  /** The head as the client gets it. */
  readonly edit: (head: ResponseHead) => ResponseHead;
  /** The head of a switch of protocols, which is not edited: with the cookie that a new client gets. */
  readonly bind: (head: ResponseHead) => ResponseHead;
  /** True = an answer with this status is dropped, because the request is sent again. */
  readonly drops: (status: number) => boolean;
}

/** One attempt's answer. Owned by its Exchange; writes to the client's socket. */
export class AnswerRelay {
  readonly #connection: HttpConnection;
  readonly #report: ExchangeReport;
  readonly #request: RequestHead;
  readonly #upgrade: string | undefined;
  readonly #policy: AnswerPolicy;
  #partial: Buffer | undefined;
  #scanned = 0;
  #interims = 0;
  #head: ResponseHead | undefined;
  #left = 0;
  #decoder: ChunkedDecoder | undefined;
  #chunked = false;
  #excess = false;
  /** A byte of it has come. */
  answered = false;
  /** The final head has gone to the client. */
  started = false;
  /** Its status is one after which the request is sent again. */
  dropped: number | undefined;
  /** All of it has been handed to the client's socket. */
  done = false;
  /** The endpoint switches protocols (101): what it has sent behind the head; the head has gone to the client. */
  switched: Buffer | undefined;
  /** The connection to the client may go on after it. */
  keepAlive = false;
  /** Set when the answer is not HTTP as we know it. */
  failure: Failure | undefined;

  /** `upgrade`: the token that was passed on; a switch to anything else is refused. */
  constructor(connection: HttpConnection, request: RelayedRequest) {
    this.#connection = connection;
    this.#report = request.report;
    this.#request = request.head;
    this.#upgrade = request.upgrade;
    this.#policy = request.policy;
  }

  /** The connection to the endpoint can take another request. */
  get reusable(): boolean {
    return this.done && !this.#excess && (this.#head?.keepAlive ?? false);
  }

  /** Takes bytes from the endpoint; `requestDone` = the request has been sent whole. */
  take(bytes: Buffer, requestDone: boolean): void {
    this.answered = true;
    if (this.started) this.#takeBody(bytes, 0, "");
    else this.#takeHead(bytes, requestDone);
  }

  /** The endpoint has sent its FIN: that ends an answer without length, and cuts off any other. */
  end(): void {
    if (this.#head?.body !== BODY_UNTIL_CLOSE || this.done) return;
    this.#write("", { bytes: EMPTY, start: 0, length: 0, trailers: "" });
    this.done = true;
  }

  get #isHeadOver(): boolean {
    return this.started || (this.failure ?? this.switched ?? this.dropped) !== undefined;
  }

  #takeHead(bytes: Buffer, requestDone: boolean): void {
    const data = this.#partial === undefined ? bytes : Buffer.concat([this.#partial, bytes]);
    let start = 0;
    let scanned = this.#scanned;
    while (!this.#isHeadOver) {
      const end = scanHead(data, start + scanned, data.length);
      if (end === SCAN_FORBIDDEN) return this.#refuse("forbidden character or bare CR or LF");
      if (end === SCAN_INCOMPLETE) {
        if (data.length - start > HEAD_BYTES_MAX) return this.#refuse("head too large");
        this.#partial = Buffer.from(data.subarray(start));
        this.#scanned = resumeScan(data, start, data.length) - start;
        return;
      }
      const parsed = parseResponseHead(
        data.toString("latin1", start, end),
        this.#request.method,
        HEAD_COUNT_MAX,
      );
      if (!parsed.ok) return this.#refuse(parsed.error.detail);
      start = end;
      scanned = 0;
      if (parsed.value.status === 101) this.#switch(parsed.value, data.subarray(start));
      else if (parsed.value.status < 200) this.#takeInterim(parsed.value);
      else this.#begin(parsed.value, requestDone, { data, start });
    }
  }

  /** 100 goes only to who asked for it, none to HTTP/1.0 (RFC 9110 §15.2). */
  #takeInterim(head: ResponseHead): void {
    this.#interims += 1;
    if (this.#interims > INTERIM_MAX) return this.#refuse("too many interim answers");
    if (this.#request.minor === 0 || (head.status === 100 && !this.#request.expectContinue)) return;
    const text = serialiseInterim(head);
    this.#report.bytesOut += text.length;
    this.#connection.socket.write(text);
  }

  /** Only to what was asked for (RFC 9110 §7.8). */
  #switch(head: ResponseHead, rest: Buffer): void {
    const wanted = this.#upgrade?.toLowerCase();
    if (
      wanted === undefined ||
      !isSwitching(head) ||
      head.section.upgrade?.toLowerCase() !== wanted
    ) {
      return this.#refuse("101 without a request for it (RFC 9110 §7.8)");
    }
    const text = serialiseSwitching(this.#policy.bind(head));
    this.switched = Buffer.from(rest);
    this.#report.status = head.status;
    this.#report.markFirstByte();
    this.#report.bytesOut += text.length;
    this.#connection.socket.write(text);
  }

  #begin(given: ResponseHead, requestDone: boolean, rest: { data: Buffer; start: number }): void {
    if (this.#policy.drops(given.status)) {
      this.dropped = given.status;
      return;
    }
    const request = this.#request;
    const head = this.#policy.edit(given);
    this.#head = head;
    this.#partial = undefined;
    this.started = true;
    this.#left = head.body;
    if (head.body === BODY_CHUNKED) this.#decoder = new ChunkedDecoder(TRAILER_BYTES_MAX);
    this.#chunked = head.body < 0 && request.minor === 1;
    const closesByEnd = head.body < 0 && request.minor === 0;
    this.keepAlive =
      request.keepAlive && requestDone && !closesByEnd && this.#connection.mayContinue;
    this.#report.status = head.status;
    this.#report.markFirstByte();
    const text = serialiseResponse(head, {
      clientMinor: request.minor,
      keepAlive: this.keepAlive,
      chunked: this.#chunked,
    });
    this.#takeBody(rest.data, rest.start, text);
  }

  /** Writes the body bytes in bytes[start…], after `head` when that is not empty. */
  #takeBody(bytes: Buffer, start: number, head: string): void {
    const decoder = this.#decoder;
    const available = bytes.length - start;
    let length = available;
    if (decoder !== undefined) {
      length = decoder.decode(bytes, start, bytes.length);
      if (decoder.broken) return this.#refuse("malformed chunk (RFC 9112 §7.1)");
      this.done = decoder.done;
      this.#excess = decoder.done && decoder.consumed < bytes.length;
    } else if (this.#left >= 0) {
      length = Math.min(this.#left, available);
      this.#left -= length;
      this.done = this.#left === 0;
      this.#excess = length < available;
    }
    const trailers = this.done ? this.#trailers() : undefined;
    this.#write(head, { bytes, start, length, trailers });
  }

  /** Passed on to who asked for trailers or heard of them (RFC 9110 §6.5.1). */
  #trailers(): string {
    const section = this.#decoder?.trailer ?? "";
    const wanted = this.#request.section.teTrailers || this.#head?.section.trailer !== undefined;
    return section !== "" && wanted ? filterTrailers(section) : "";
  }

  #write(head: string, part: BodyPart): void {
    const { socket } = this.#connection;
    const write = this.#chunked ? writeChunked : writePlain;
    this.#report.bytesOut += write(socket, head, part);
  }

  #refuse(detail: string): void {
    this.failure = { kind: "response-malformed", detail };
  }
}

const EMPTY = Buffer.alloc(0);
