import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
} from "../../../src/core/http1/fields.ts";
import { BODY_CHUNKED, BODY_NONE } from "../../../src/core/http1/framing.ts";
import {
  type RequestHead,
  keepsAlive,
  parseRequestHead,
} from "../../../src/core/http1/request-head.ts";
import { ACCEPTED } from "../../corpus/request/accepted.ts";
import { REFUSED } from "../../corpus/request/refused.ts";
import { COUNT_MAX, readRequests } from "./request-stream.ts";

function parse(text: string): RequestHead {
  const parsed = parseRequestHead(text, COUNT_MAX);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

/** The head of a sample. */
function sample(name: string): RequestHead {
  const text = ACCEPTED[name];
  assert.ok(text !== undefined, name);
  return parse(text.slice(0, text.indexOf("\r\n\r\n") + 4));
}

const head = (lines: string): RequestHead => parse(`GET / HTTP/1.1\r\nHost: a\r\n${lines}\r\n`);

const keepAlive = (minor: number, connection: string): boolean =>
  parse(`GET / HTTP/1.${minor}\r\nHost: a\r\n${connection}\r\n`).keepAlive;

const framing = (name: string): readonly unknown[] => {
  const { body, section } = sample(name);
  return [body, section.contentLength, section.chunked];
};

describe("parseRequestHead() refuses", () => {
  for (const { name, source, bytes, kind } of REFUSED) {
    test(`${name} (${source})`, () => {
      const outcome = readRequests(Buffer.from(bytes, "latin1"));
      assert.equal(outcome.end, kind);
      assert.equal(outcome.requests.length, 0);
    });
  }

  test("more fields than it is told, as head-too-large (RFC 6585 §5)", () => {
    const text = "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\n\r\n";
    assert.ok(parseRequestHead(text, 3).ok);
    const refused = parseRequestHead(text, 2);
    assert.ok(!refused.ok);
    assert.equal(refused.error.kind, "head-too-large");
  });
});

describe("parseRequestHead() takes", () => {
  for (const [name, text] of Object.entries(ACCEPTED)) {
    test(name, () => {
      const bytes = Buffer.from(text, "latin1");
      const { end, requests } = readRequests(bytes);
      assert.ok(end === "complete" || end === "closing", end);
      assert.ok(requests.length > 0);
    });
  }

  test("nothing of any proper prefix of a request", () => {
    for (const [name, text] of Object.entries(ACCEPTED)) {
      const bytes = Buffer.from(text.slice(0, 2000), "latin1");
      const first = readRequests(Buffer.from(text, "latin1"));
      const whole = first.requests.length === 1 ? first.used : 0;
      for (let end = 0; end < Math.min(whole, bytes.length); end += 1) {
        const outcome = readRequests(bytes.subarray(0, end));
        assert.equal(outcome.requests.length, 0, `${name}: ${end} bytes`);
        const empty = /^(?:\r\n)*$/.test(bytes.toString("latin1", 0, end));
        assert.equal(outcome.end, empty ? "complete" : "incomplete", `${name}: ${end} bytes`);
      }
    }
  });
});

describe("parseRequestHead() reads", () => {
  test("method, target, version, Host", () => {
    const read = parse("PATCH /a/../b?c HTTP/1.0\r\nHost: A.Example.:81\r\n\r\n");
    const { method, minor, path, query, authority, host } = read;
    assert.deepEqual(
      { method, minor, path, query, authority, host },
      {
        method: "PATCH",
        minor: 0,
        path: "/b",
        query: "?c",
        authority: "A.Example.:81",
        host: "a.example",
      },
    );
  });

  test("the authority of an absolute form instead of Host (RFC 9112 §3.2.2)", () => {
    const { authority, host, path, query } = sample("absolute form");
    assert.deepEqual([authority, host, path, query], ["b.example:81", "b.example", "/x", "?y"]);
    assert.equal(sample("absolute form in HTTP/1.0").authority, "b.example");
  });

  test("no authority from HTTP/1.0 without Host", () => {
    const { authority, host, minor } = sample("HTTP/1.0");
    assert.deepEqual([authority, host, minor], ["", "", 0]);
  });

  test("fields in order and case as sent, without white space around values (RFC 9110 §5.5)", () => {
    assert.deepEqual(sample("white space around values").section.lines.list, [
      "X-A",
      "1",
      "X-B",
      "2",
      "X-C",
      "3",
      "X-D",
      "a \t b",
    ]);
    assert.deepEqual(sample("empty values").section.lines.list, ["X-A", "", "X-B", "", "X-C", ""]);
    assert.deepEqual(sample("the same field often").section.lines.list, [
      "Accept",
      "a",
      "Accept",
      "b",
      "Cookie",
      "a=1",
      "Cookie",
      "b=2",
    ]);
    assert.deepEqual(sample("values of obs-text").section.lines.list, [
      "X-A",
      "\xe4\xf6\xfc",
      "X-B",
      "\x80\xff",
    ]);
  });

  test("a long run of white space inside a value in linear time", () => {
    const value = `a${" ".repeat(1_000_000)}b`;
    assert.equal(head(`X:  ${value}\t\r\n`).section.lines.list[1], value);
  });

  test("one framing: none, a length, chunked (RFC 9112 §6.3)", () => {
    assert.deepEqual(framing("the shortest"), [BODY_NONE, -1, false]);
    assert.deepEqual(framing("POST without length"), [BODY_NONE, -1, false]);
    assert.deepEqual(framing("POST of nothing"), [0, 0, false]);
    assert.deepEqual(framing("PUT of a body"), [5, 5, false]);
    assert.deepEqual(framing("a length with zeros before it"), [3, 3, false]);
    assert.deepEqual(framing("chunked"), [BODY_CHUNKED, -1, true]);
    assert.deepEqual(framing("chunked in odd case"), [BODY_CHUNKED, -1, true]);
    const most = head("Content-Length: 999999999999999\r\n");
    assert.equal(most.body, 999_999_999_999_999);
  });

  test("what Connection says, and drops what it names (RFC 9110 §7.6.1)", () => {
    const both = head("Connection: close , X-A,x-b\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\n");
    assert.deepEqual(both.section.lines.list, ["X-C", "3"]);
    assert.equal(both.section.connection, CONNECTION_CLOSE);
    const split = head("Connection: X-A\r\nX-A: 1\r\nX-C: 3\r\nConnection: Keep-Alive\r\n");
    assert.deepEqual(split.section.lines.list, ["X-C", "3"]);
    assert.equal(split.section.connection, CONNECTION_KEEP_ALIVE);
    assert.equal(head("Connection: UPGRADE\r\n").section.connection, CONNECTION_UPGRADE);
    assert.equal(head("Connection: ,close,\t\r\n").section.connection, CONNECTION_CLOSE);
    assert.equal(head("Connection: closed\r\n").section.connection, 0);
    assert.equal(head("Connection: \xa0close\r\n").section.connection, 0);
  });

  test("Connection cannot remove Host or framing", () => {
    const { section, body } = sample("Connection that names framing");
    assert.deepEqual([section.host, section.contentLength, body], ["a", 1, 1]);
    const chunked = head("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n");
    assert.equal(chunked.body, BODY_CHUNKED);
  });

  test("CDN-Loop, which Connection cannot remove (RFC 8586 §2)", () => {
    const { section } = head("Connection: cdn-loop, X\r\nX: 1\r\nCDN-Loop: a\r\ncdn-loop: b;c\r\n");
    assert.deepEqual(section.lines.list, ["CDN-Loop", "a", "cdn-loop", "b;c"]);
    assert.equal(section.loop, "a, b;c");
  });

  test("hop-by-hop fields as none of the rest (RFC 9110 §7.6.1)", () => {
    const names = ["Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Upgrade", "HTTP2-Settings"];
    const more = ["Proxy-Authorization", "Proxy-Authenticate", "proxy-connection", "KEEP-ALIVE"];
    for (const name of [...names, ...more]) {
      assert.deepEqual(head(`${name}: x\r\nX: 1\r\n`).section.lines.list, ["X", "1"], name);
    }
  });

  test("whether the client would go on (RFC 9112 §9.3)", () => {
    assert.equal(keepAlive(1, ""), true);
    assert.equal(keepAlive(1, "Connection: close\r\n"), false);
    assert.equal(keepAlive(1, "Connection: keep-alive, close\r\n"), false);
    assert.equal(keepAlive(0, ""), false);
    assert.equal(keepAlive(0, "Connection: Keep-Alive\r\n"), true);
    assert.equal(keepAlive(0, "Connection: keep-alive\r\nConnection: close\r\n"), false);
    assert.equal(keepsAlive(CONNECTION_UPGRADE, 1), true);
    assert.equal(keepsAlive(CONNECTION_UPGRADE, 0), false);
  });

  test("Expect: 100-continue of HTTP/1.1 only (RFC 9110 §10.1.1)", () => {
    assert.equal(sample("Expect: 100-continue").expectContinue, true);
    assert.equal(head("Expect: 100-Continue\r\n").expectContinue, true);
    assert.equal(head("").expectContinue, false);
    const old = parse("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n");
    assert.equal(old.expectContinue, false);
  });

  test("Upgrade only when Connection names it, in HTTP/1.1 (RFC 9110 §7.8)", () => {
    assert.equal(sample("a WebSocket").upgrade, "websocket");
    assert.equal(head("Upgrade: websocket\r\n").upgrade, undefined);
    assert.equal(head("Connection: upgrade\r\n").upgrade, undefined);
    const twice = head("Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n");
    assert.equal(twice.upgrade, "a, b");
    const old = parse("GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n");
    assert.equal(old.upgrade, undefined);
  });

  test("TE and Trailer (RFC 9110 §10.1.4, §6.6.2)", () => {
    assert.equal(sample("TE: trailers").section.teTrailers, true);
    assert.equal(head("TE: gzip;q=0.3 , Trailers\r\n").section.teTrailers, true);
    assert.equal(head("TE: xtrailers, gzip\r\n").section.teTrailers, false);
    assert.equal(sample("chunked with trailers").section.trailer, "X-Sum");
    assert.equal(head("Trailer: A\r\nTrailer: B\r\n").section.trailer, "A, B");
  });

  test("what proxies and logs want", () => {
    const { section } = sample("what a proxy adds");
    assert.deepEqual(section.forwarding, [
      "X-Forwarded-For",
      "192.0.2.1",
      "Forwarded",
      "for=192.0.2.1",
    ]);
    assert.equal(section.requestId, "17");
    assert.deepEqual(section.lines.list, ["Via", "1.1 p"]);
    const agent = head("User-Agent: x\r\nreferer: y\r\nUser-Agent: z\r\n").section;
    assert.deepEqual([agent.userAgent, agent.referer], ["x", "y"]);
    assert.deepEqual(agent.lines.list, ["User-Agent", "x", "referer", "y", "User-Agent", "z"]);
  });

  test("names that are properties of objects like any other", () => {
    const names = ["constructor", "__proto__", "toString", "hasOwnProperty"];
    for (const name of names) {
      assert.deepEqual(head(`${name}: x\r\n`).section.lines.list, [name, "x"]);
      assert.equal(parse(`${name} / HTTP/1.1\r\nHost: ${name}\r\n\r\n`).method, name);
    }
  });
});
