import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { filterTrailers } from "../../../src/core/http1/trailers.ts";

describe("filterTrailers()", () => {
  test("writes the lines anew, in order and case as sent", () => {
    assert.equal(filterTrailers("X-B:  1 \r\nx-A:2\r\n\r\n"), "X-B: 1\r\nx-A: 2\r\n");
    assert.equal(filterTrailers(""), "");
  });

  /** Fields that would mislead whoever merges trailers into the head (RFC 9110 §6.5.1). */
  const UNWANTED = [
    "Host Transfer-Encoding Connection Keep-Alive TE Trailer Upgrade Expect Range Pragma Vary Age",
    "Authorization WWW-Authenticate Proxy-Authorization Cookie Set-Cookie Cache-Control",
    "Content-Type Content-Encoding Content-Range Content-Security-Policy If-Match If-None-Match",
    "X-Forwarded-For X-Forwarded-Proto Forwarded X-Real-IP X-Request-Id Via CDN-Loop",
    "User-Agent Referer Date Expires Location Retry-After",
  ].flatMap((line) => line.split(" "));
  for (const name of UNWANTED) {
    test(`drops ${name} in any case`, () => {
      const value = name === "Transfer-Encoding" ? "chunked" : "y";
      for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
        assert.equal(filterTrailers(`${spelled}: ${value}\r\nX: 1\r\n\r\n`), "X: 1\r\n");
      }
    });
  }

  test("drops what Connection names, and all of a section that breaks the rules", () => {
    assert.equal(filterTrailers("Connection: X\r\nX: 1\r\nY: 2\r\n\r\n"), "Y: 2\r\n");
    assert.equal(filterTrailers("X : 1\r\nY: 2\r\n\r\n"), "");
    assert.equal(filterTrailers("Content_Length: 1\r\nY: 2\r\n\r\n"), "");
  });
});
