import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BODY_CHUNKED, BODY_NONE, BODY_UNTIL_CLOSE } from "../../../src/core/http1/framing.ts";
import {
  type ResponseHead,
  isBodiless,
  parseResponseHead,
} from "../../../src/core/http1/response-head.ts";
import { SCAN_FORBIDDEN, SCAN_INCOMPLETE, scanHead } from "../../../src/core/http1/scan.ts";
import { REFUSED } from "../../corpus/request/refused.ts";
import { COUNT_MAX } from "./request-stream.ts";

function parse(text: string, method = "GET"): ResponseHead {
  const parsed = parseResponseHead(text, method, COUNT_MAX);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

const answer = (lines: string, start = "HTTP/1.1 200 OK"): string => `${start}\r\n${lines}\r\n`;

const keeps = (lines: string, start?: string): boolean => parse(answer(lines, start)).keepAlive;

/** Refused before it is text, or when it is read. */
function isRefused(text: string): boolean {
  const bytes = Buffer.from(text, "latin1");
  const end = scanHead(bytes, 0, bytes.length);
  if (end === SCAN_FORBIDDEN) return true;
  if (end === SCAN_INCOMPLETE) return false;
  const parsed = parseResponseHead(bytes.toString("latin1", 0, end), "GET", COUNT_MAX);
  if (!parsed.ok) assert.equal(parsed.error.kind, "response-malformed");
  return !parsed.ok;
}

/** Rules for fields are the same both ways: the head fields of refused requests, as an answer's. */
const SHARED = new Set(["§2.2", "§5.1", "§5.2", "§5.5", "§6.1", "§6.3"]);

const STATUS_LINES: readonly string[] = [
  "HTTP/1.1  200 OK",
  "HTTP/1.1 200OK",
  "HTTP/1.1 20 OK",
  "HTTP/1.1 2000 OK",
  "HTTP/1.1 099 OK",
  "HTTP/1.1 000 OK",
  "HTTP/1.1 +20 OK",
  "HTTP/1.1 2e2 OK",
  "HTTP/1.1 OK 200",
  "HTTP/1.1\t200 OK",
  "HTTP/1.1 200\tOK",
  "HTTP/1.1",
  "HTTP/1.2 200 OK",
  "HTTP/2.0 200 OK",
  "HTTP/2 200",
  "HTTP/0.9 200 OK",
  "http/1.1 200 OK",
  " HTTP/1.1 200 OK",
  "ICY 200 OK",
  "200 OK",
  "GET / HTTP/1.1",
  "<html>",
  "",
];

describe("parseResponseHead() refuses", () => {
  for (const line of STATUS_LINES) {
    test(`the status line ${JSON.stringify(line)} (RFC 9112 §4)`, () => {
      assert.ok(isRefused(answer("Content-Length: 0\r\n", line)));
    });
  }

  for (const { name, source, bytes } of REFUSED) {
    const rule = source.split(" ").at(-1) ?? "";
    const fields = bytes.startsWith("POST / HTTP/1.1\r\n") ? bytes.slice(17) : undefined;
    if (fields === undefined || !SHARED.has(rule)) continue;
    test(`${name} (${source})`, () => assert.ok(isRefused(`HTTP/1.1 200 OK\r\n${fields}`)));
  }

  test("Transfer-Encoding in HTTP/1.0 (RFC 9112 §6.1)", () => {
    assert.ok(isRefused(answer("Transfer-Encoding: chunked\r\n", "HTTP/1.0 200 OK")));
  });

  test("an interim answer that announces a body (RFC 9112 §6.1, RFC 9110 §8.6)", () => {
    for (const status of ["100 Continue", "101 Switching Protocols", "103 Early Hints"]) {
      const start = `HTTP/1.1 ${status}`;
      assert.ok(isRefused(answer("Content-Length: 1\r\n", start)));
      assert.ok(isRefused(answer("Transfer-Encoding: chunked\r\n", start)));
      assert.ok(!isRefused(answer("Content-Length: 0\r\n", start)));
    }
  });

  test("more fields than it is told", () => {
    const text = answer("A: 1\r\nB: 2\r\n");
    assert.ok(parseResponseHead(text, "GET", 2).ok);
    const refused = parseResponseHead(text, "GET", 1);
    assert.ok(!refused.ok);
    assert.equal(refused.error.kind, "response-malformed");
  });
});

describe("parseResponseHead() reads", () => {
  test("status, reason, version", () => {
    const { status, reason, minor } = parse(answer("", "HTTP/1.1 404 Not Found"));
    assert.deepEqual([status, reason, minor], [404, "Not Found", 1]);
    assert.equal(parse(answer("", "HTTP/1.0 200 OK")).minor, 0);
    assert.equal(parse(answer("", "HTTP/1.1 200 ")).reason, "");
    assert.equal(parse(answer("", "HTTP/1.1 200")).reason, "");
    assert.equal(parse(answer("", "HTTP/1.1 200 \xe4 \t x")).reason, "\xe4 \t x");
    assert.equal(parse(answer("", "HTTP/1.1 999 ?")).status, 999);
  });

  /** Fields → body, for GET and 200. */
  const FRAMINGS: Readonly<Record<string, number>> = {
    "": BODY_UNTIL_CLOSE,
    "Content-Length: 0\r\n": 0,
    "Content-Length: 20\r\n": 20,
    "Transfer-Encoding: chunked\r\n": BODY_CHUNKED,
    "transfer-encoding: CHUNKED\r\nContent-Type: x\r\n": BODY_CHUNKED,
  };
  for (const [fields, body] of Object.entries(FRAMINGS)) {
    test(`the framing of ${JSON.stringify(fields)} (RFC 9112 §6.3)`, () => {
      assert.equal(parse(answer(fields)).body, body);
      for (const [method, status] of [
        ["HEAD", 200],
        ["GET", 204],
        ["GET", 304],
      ] as const) {
        assert.equal(parse(answer(fields, `HTTP/1.1 ${status} x`), method).body, BODY_NONE);
        assert.ok(isBodiless(status, method));
      }
    });
  }

  test("whether the connection can be used again (RFC 9112 §9.3)", () => {
    assert.equal(keeps("Content-Length: 1\r\n"), true);
    assert.equal(keeps("Content-Length: 1\r\nConnection: close\r\n"), false);
    assert.equal(keeps("Content-Length: 1\r\nConnection: foo, Close\r\n"), false);
    assert.equal(keeps(""), false);
    assert.equal(keeps("Content-Length: 1\r\n", "HTTP/1.0 200 OK"), false);
    assert.equal(keeps("Content-Length: 1\r\nConnection: keep-alive\r\n", "HTTP/1.0 200 OK"), true);
    assert.equal(keeps("", "HTTP/1.1 304 x"), true);
    assert.equal(keeps("Content-Length: 9\r\n", "HTTP/1.1 304 x"), true);
  });

  test("a 204 that announces a body, after which nobody knows where the next answer begins", () => {
    const start = "HTTP/1.1 204 x";
    assert.equal(keeps("", start), true);
    assert.equal(keeps("Content-Length: 0\r\n", start), true);
    assert.equal(keeps("Content-Length: 1\r\n", start), false);
    assert.equal(keeps("Transfer-Encoding: chunked\r\n", start), false);
  });

  test("fields as sent, without those of the connection", () => {
    const text = answer(
      "Server: x\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nKeep-Alive: timeout=5\r\n" +
        "Connection: X-Hop\r\nX-Hop: 1\r\nTrailer: X-Sum\r\nUpgrade: h2\r\nContent-Length: 2\r\n",
    );
    const { section } = parse(text);
    assert.deepEqual(section.lines.list, ["Server", "x", "Set-Cookie", "a=1", "set-cookie", "b=2"]);
    assert.equal(section.trailer, "X-Sum");
    assert.equal(section.upgrade, "h2");
  });

  test("what steers requests as ordinary fields of an answer", () => {
    const text = answer(
      "X-Request-Id: 1\r\nHost: a\r\nHost: b\r\nX-Forwarded-For: c\r\nExpect: d\r\n",
    );
    const fields = parse(text).section.lines.list;
    assert.equal(fields.join("|"), "X-Request-Id|1|Host|a|Host|b|X-Forwarded-For|c|Expect|d");
  });

  test("nothing of any proper prefix", () => {
    const bytes = Buffer.from(answer("Server: x\r\nContent-Length: 2\r\n"));
    for (let end = 0; end < bytes.length; end += 1) {
      assert.equal(scanHead(bytes, 0, end), SCAN_INCOMPLETE);
    }
  });
});
