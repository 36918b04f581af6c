import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cookieValue, setsCookie, showSetCookie } from "../../src/core/cookie.ts";
import { parseRequestHead } from "../../src/core/http1/request-head.ts";

function valueIn(fields: readonly string[], name = "sid"): string | undefined {
  const text = ["GET / HTTP/1.1", "Host: a.test", ...fields, "", ""].join("\r\n");
  const parsed = parseRequestHead(text, 100);
  assert.ok(parsed.ok);
  return cookieValue(parsed.value, name);
}

describe("cookieValue()", () => {
  test("finds a cookie among others, in any line, whatever the case of the header", () => {
    assert.equal(valueIn(["Cookie: sid=a"]), "a");
    assert.equal(valueIn(["COOKIE: x=1; sid=a=b; y=2"]), "a=b");
    assert.equal(valueIn(["Cookie: x=1", "Cookie: sid=a"]), "a");
    assert.equal(valueIn(["Cookie:x=1;sid=a;y=2"]), "a");
    assert.equal(valueIn(['Cookie: sid="a b"']), "a b");
  });

  test("is undefined for another name, another case, no value and no cookie", () => {
    for (const fields of [
      [],
      ["Cookie: xsid=a; sidx=b; SID=c"],
      ["Cookie: sid"],
      ["Cookie: sid=; x=1"],
      ['Cookie: sid=""'],
      ["X-Cookie: sid=a"],
      ["Cookie: x=sid=a"],
      ["Cookie: ;;;=;"],
    ]) {
      assert.equal(valueIn(fields), undefined, fields.join());
    }
  });

  test("takes the first of several values that is not empty", () => {
    assert.equal(valueIn(["Cookie: sid=; sid=a; sid=b"]), "a");
  });
});

describe("showSetCookie()", () => {
  test("is for the whole host, not for scripts, and not for other sites", () => {
    const cookie = { name: "sid", value: "abc", maxAgeSeconds: 0, secure: false };
    assert.equal(showSetCookie(cookie), "sid=abc; Path=/; HttpOnly; SameSite=Lax");
  });

  test("says how long it lasts, and that it is for https alone", () => {
    const cookie = { name: "sid", value: "abc", maxAgeSeconds: 600, secure: true };
    assert.equal(
      showSetCookie(cookie),
      "sid=abc; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure",
    );
  });
});

describe("setsCookie()", () => {
  test("finds the name of a cookie that an answer sets, and no part of one", () => {
    const fields = [
      "Content-Type",
      "text/plain",
      "SET-COOKIE",
      "a=1; Path=/",
      "Set-Cookie",
      "sid = 2",
    ];
    assert.ok(setsCookie(fields, "a"));
    assert.ok(setsCookie(fields, "sid"));
    assert.ok(!setsCookie(fields, "si"));
    assert.ok(!setsCookie(fields, "Path"));
    assert.ok(!setsCookie(["Set-Cookie", "sid"], "sid"));
    assert.ok(!setsCookie([], "sid"));
  });
});
