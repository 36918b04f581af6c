import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type RequestHead, parseRequestHead } from "../../../src/core/http1/request-head.ts";
import { type ResponseHead, parseResponseHead } from "../../../src/core/http1/response-head.ts";
import {
  isSwitching,
  serialiseInterim,
  serialiseRequest,
  serialiseResponse,
  serialiseSwitching,
} from "../../../src/core/http1/serialise.ts";
import { COUNT_MAX } from "./request-stream.ts";

function request(lines: readonly string[]): RequestHead {
  const parsed = parseRequestHead([...lines, "", ""].join("\r\n"), COUNT_MAX);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

function response(lines: readonly string[], method = "GET"): ResponseHead {
  const parsed = parseResponseHead([...lines, "", ""].join("\r\n"), method, COUNT_MAX);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value;
}

/** The lines after Host that are written for a request with these fields. */
const framing = (...fields: string[]): readonly string[] =>
  lines(forward(request(["POST / HTTP/1.1", "Host: a", ...fields]), "a", "")).slice(2, -2);

const forward = (head: RequestHead, authority: string, edgeFields: string): string =>
  serialiseRequest(head, { authority, edgeFields, upgrade: undefined });

/** The lines after Host for a request that may switch to WebSocket. */
const switching = (...fields: string[]): readonly string[] => {
  const head = request(["GET / HTTP/1.1", "Host: a", ...fields]);
  const forwarding = { authority: "a", edgeFields: "X-Edge: 1\r\n", upgrade: "websocket" };
  return lines(serialiseRequest(head, forwarding)).slice(2, -2);
};

const switches = (start: string, connection: string): boolean =>
  isSwitching(response([start, `Connection: ${connection}`, "Upgrade: websocket"]));

const lines = (text: string): readonly string[] => text.split("\r\n");

describe("serialiseRequest()", () => {
  test("writes the normal form, Host first, fields in order and case as sent", () => {
    const head = request(["GET /a/../b?c HTTP/1.0", "x-B: 1", "HOST: h", "X-a:\t2 ", "Cookie: c"]);
    assert.equal(
      forward(head, "other:81", ""),
      "GET /b?c HTTP/1.1\r\nHost: other:81\r\nx-B: 1\r\nX-a: 2\r\nCookie: c\r\n\r\n",
    );
  });

  test("writes an absolute form as path (RFC 9112 §3.2.1)", () => {
    const head = request(["GET http://b/x HTTP/1.1", "Host: a"]);
    assert.equal(forward(head, head.authority, ""), "GET /x HTTP/1.1\r\nHost: b\r\n\r\n");
    const options = request(["OPTIONS http://b HTTP/1.1", "Host: a"]);
    assert.match(forward(options, "b", ""), /^OPTIONS \* HTTP\/1\.1\r\n/);
  });

  test("makes the framing anew (RFC 9112 §6)", () => {
    assert.deepEqual(framing(), []);
    assert.deepEqual(framing("content-length:  007"), ["Content-Length: 7"]);
    assert.deepEqual(framing("Content-Length: 0"), ["Content-Length: 0"]);
    assert.deepEqual(framing("transfer-encoding: CHUNKED"), ["Transfer-Encoding: chunked"]);
    assert.deepEqual(framing("Content-Length: 999999999999999"), [
      "Content-Length: 999999999999999",
    ]);
  });

  test("drops what is meant for this connection, and says anew what goes on", () => {
    const head = request([
      "POST / HTTP/1.1",
      "Host: a",
      "Connection: close, X-Hop, TE",
      "Keep-Alive: 5",
      "X-Hop: 1",
      "TE: trailers, gzip",
      "Expect: 100-Continue",
      "Upgrade: h2c",
      "HTTP2-Settings: x",
    ]);
    assert.deepEqual(lines(forward(head, "a", "")), [
      "POST / HTTP/1.1",
      "Host: a",
      "Expect: 100-continue",
      "TE: trailers",
      "Connection: TE",
      "",
      "",
    ]);
  });

  test("adds what the edge says, which nothing of the client's can replace", () => {
    const head = request([
      "GET / HTTP/1.1",
      "Host: a",
      "Connection: X-Forwarded-For",
      "X-Forwarded-For: 1.1.1.1",
      "X-Request-Id: x",
    ]);
    assert.equal(
      forward(head, "a", "X-Forwarded-For: 2.2.2.2\r\n"),
      "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 2.2.2.2\r\n\r\n",
    );
  });

  test("says Trailer again where trailers can come (RFC 9110 §6.6.2)", () => {
    const coding = "Transfer-Encoding: chunked";
    assert.deepEqual(framing("Trailer: A", coding, "trailer: B"), [coding, "Trailer: A, B"]);
    assert.deepEqual(framing("Trailer: A", "Content-Length: 0"), ["Content-Length: 0"]);
  });

  test("asks for the protocol that the edge lets pass (RFC 9110 §7.8)", () => {
    assert.deepEqual(switching("Connection: keep-alive, Upgrade", "Upgrade: h2c, websocket"), [
      "Upgrade: websocket",
      "Connection: upgrade",
      "X-Edge: 1",
    ]);
    assert.deepEqual(switching("Connection: TE, upgrade", "Upgrade: websocket", "TE: trailers"), [
      "TE: trailers",
      "Upgrade: websocket",
      "Connection: TE, upgrade",
      "X-Edge: 1",
    ]);
  });
});

const FRAMING = { clientMinor: 1, keepAlive: true, chunked: false };

describe("serialiseResponse()", () => {
  test("writes HTTP/1.1 whatever the endpoint spoke (RFC 9110 §2.5)", () => {
    const head = response(["HTTP/1.0 404 Not \xe4", "x-B: 1", "Content-Length: 02", "X-a:2"]);
    assert.equal(
      serialiseResponse(head, FRAMING),
      "HTTP/1.1 404 Not \xe4\r\nx-B: 1\r\nX-a: 2\r\nContent-Length: 2\r\n\r\n",
    );
    assert.match(serialiseResponse(response(["HTTP/1.1 200"]), FRAMING), /^HTTP\/1\.1 200 \r\n/);
  });

  test("makes the framing anew", () => {
    const chunked = response(["HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"]);
    const field = "Transfer-Encoding: chunked\r\n";
    assert.ok(serialiseResponse(chunked, { ...FRAMING, chunked: true }).includes(field));
    // To HTTP/1.0 the end of the connection ends the body (RFC 9112 §6.1).
    assert.equal(
      serialiseResponse(chunked, { ...FRAMING, clientMinor: 0, keepAlive: false }),
      "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    );
    const untilClose = response(["HTTP/1.1 200 OK"]);
    assert.ok(serialiseResponse(untilClose, { ...FRAMING, chunked: true }).includes(field));
  });

  test("keeps the length that an answer without body announces, but not of 204 (RFC 9110 §8.6)", () => {
    const length = (start: string, method = "GET"): readonly string[] =>
      lines(serialiseResponse(response([start, "Content-Length: 7"], method), FRAMING)).slice(
        1,
        -2,
      );
    assert.deepEqual(length("HTTP/1.1 200 OK", "HEAD"), ["Content-Length: 7"]);
    assert.deepEqual(length("HTTP/1.1 304 Not Modified"), ["Content-Length: 7"]);
    assert.deepEqual(length("HTTP/1.1 204 No Content"), []);
    const zero = response(["HTTP/1.1 200 OK", "Content-Length: 0"]);
    assert.ok(serialiseResponse(zero, FRAMING).includes("\r\nContent-Length: 0\r\n"));
    const none = response(["HTTP/1.1 304 Not Modified", "ETag: x"]);
    assert.equal(serialiseResponse(none, FRAMING), "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n");
  });

  test("says what becomes of the connection (RFC 9112 §9.3)", () => {
    const head = response(["HTTP/1.1 200 OK", "Connection: close", "Content-Length: 1"]);
    const connection = (clientMinor: number, keepAlive: boolean): string =>
      lines(serialiseResponse(head, { ...FRAMING, clientMinor, keepAlive }))[2] ?? "";
    assert.equal(connection(1, true), "");
    assert.equal(connection(1, false), "Connection: close");
    assert.equal(connection(0, true), "Connection: keep-alive");
    assert.equal(connection(0, false), "Connection: close");
  });
});

test("serialiseResponse() says Trailer again with chunks only (RFC 9110 §6.6.2)", () => {
  const head = response(["HTTP/1.1 200 OK", "Trailer: X-Sum", "Transfer-Encoding: chunked"]);
  const text = serialiseResponse(head, { ...FRAMING, chunked: true });
  assert.ok(text.endsWith("Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"), text);
  const old = serialiseResponse(head, { ...FRAMING, clientMinor: 0, keepAlive: false });
  assert.doesNotMatch(old, /Trailer/);
});

test("serialiseSwitching() names the protocol and no framing (RFC 9110 §15.2.2)", () => {
  const fields = ["Upgrade: websocket", "Connection: Upgrade, X-Hop", "X-Hop: 1", "X-End: 2"];
  const head = response(["HTTP/1.1 101 Switching Protocols", ...fields, "Content-Length: 0"]);
  assert.equal(
    serialiseSwitching(head),
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-End: 2\r\n\r\n",
  );
});

describe("serialiseInterim()", () => {
  test("writes status and fields without framing (RFC 9110 §15.2)", () => {
    const hints = response(["HTTP/1.1 103 Early Hints", "Link: </a>", "Content-Length: 0"]);
    assert.equal(serialiseInterim(hints), "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  });
});

test("isSwitching() needs 101 and Connection: upgrade (RFC 9110 §15.2.2)", () => {
  assert.equal(switches("HTTP/1.1 101 Switching Protocols", "Upgrade"), true);
  assert.equal(switches("HTTP/1.1 101 Switching Protocols", "close"), false);
  assert.equal(switches("HTTP/1.1 200 OK", "Upgrade"), false);
});
