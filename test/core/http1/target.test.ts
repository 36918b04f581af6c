import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  foldAuthority,
  isAuthority,
  normalisePath,
  parseTarget,
} from "../../../src/core/http1/target.ts";
import { seededRandom } from "../tls/seeded-random.ts";

/** Sent → normal form; undefined = refused. */
const PATHS: Readonly<Record<string, string | undefined>> = {
  "/": "/",
  "/a/b": "/a/b",
  "/a/": "/a/",
  "//": "//",
  "//a//b//": "//a//b//",
  // Dot segments (RFC 3986 §5.2.4).
  "/.": "/",
  "/./": "/",
  "/a/.": "/a/",
  "/a/./b": "/a/b",
  "/a/..": "/",
  "/a/../": "/",
  "/a/../b": "/b",
  "/a/b/..": "/a/",
  "/a/b/../c": "/a/c",
  "/a/b/c/./../../g": "/a/g",
  "/a//../b": "/a/b",
  "/a//..": "/a/",
  "//..": "/",
  "/a/...": "/a/...",
  "/.a": "/.a",
  "/..a": "/..a",
  "/a./b..": "/a./b..",
  "/.well-known/acme-challenge/x": "/.well-known/acme-challenge/x",
  // Escapes (RFC 3986 §6.2.2.1, §6.2.2.2).
  "/%61": "/a",
  "/%41%5a%30%39%2D%2e%5F%7e": "/AZ09-._~",
  "/%7euser": "/~user",
  "/%20%3a%2f%3F%23": "/%20%3A%2F%3F%23",
  "/%e4%C3": "/%E4%C3",
  "/a%2Fb": "/a%2Fb",
  "/a%5cb": "/a%5Cb",
  "/%25": "/%25",
  "/%252e%252e/a": "/%252e%252e/a",
  "/%2e": "/",
  "/a/%2e%2E/b": "/b",
  "/a/%2e./b": "/b",
  "/a%2F.b": "/a%2F.b",
  "/a%2F..b": "/a%2F..b",
  "/a%2F...%2Fb": "/a%2F...%2Fb",
  "/a..;/b": "/a..;/b",
  "/...;/b": "/...;/b",
  "/%0a%7f": "/%0A%7F",
  // What is not safe.
  "/..": undefined,
  "/../": undefined,
  "/a/../..": undefined,
  "/a/../../b": undefined,
  "/%2e%2e": undefined,
  "/./..": undefined,
  "/%": undefined,
  "/%1": undefined,
  "/%zz": undefined,
  "/%1g": undefined,
  "/%+1": undefined,
  "/a%00": undefined,
  "/a\\b": undefined,
  "/a/..\\b": undefined,
  "/a/..%2f": undefined,
  "/a%2f..": undefined,
  "/a%2f../b": undefined,
  "/a%2f..%2fb": undefined,
  "/a%2F%2e%2E%2Fb": undefined,
  "/a/..%5Cb": undefined,
  "/a%5c..%5cb": undefined,
  "/a/.%2fb": undefined,
  "/a/..;": undefined,
  "/a/..;/b": undefined,
  "/a/..;x=%2f/b": undefined,
  "/a/.;/b": undefined,
};

/** Target → path, query, authority. */
const TARGETS: Readonly<Record<string, readonly [string, string, string | undefined]>> = {
  "/": ["/", "", undefined],
  "/?": ["/", "?", undefined],
  "/a?b=/../c?d": ["/a", "?b=/../c?d", undefined],
  "/a?%zz%00": ["/a", "?%zz%00", undefined],
  "/a/../b?..": ["/b", "?..", undefined],
  "//host/x": ["//host/x", "", undefined],
  "http://h": ["/", "", "h"],
  "http://h/": ["/", "", "h"],
  "HTTP://H:80/a?b": ["/a", "?b", "H:80"],
  "http://h?q/r": ["/", "?q/r", "h"],
  "http://h/x/../y": ["/y", "", "h"],
  "http://u@h/": ["/", "", "u@h"],
  "http://": ["/", "", ""],
};

describe("normalisePath()", () => {
  for (const [path, expected] of Object.entries(PATHS)) {
    test(`${path} → ${expected ?? "refused"}`, () => {
      assert.equal(normalisePath(path), expected);
    });
  }

  test("changes nothing the second time, for 20,000 random paths", () => {
    const random = seededRandom(3);
    const pieces = "/ / / . .. %2e %2F %5c %25 %61 %20 %e4 ; a b ~ %00 % \\".split(" ");
    let accepted = 0;
    for (let i = 0; i < 20_000; i += 1) {
      const length = 1 + random(8);
      const path = `/${Array.from({ length }, () => pieces[random(pieces.length)]).join("")}`;
      const once = normalisePath(path);
      if (once === undefined) continue;
      accepted += 1;
      assert.equal(normalisePath(once), once, path);
      assert.ok(once.startsWith("/"), path);
      assert.doesNotMatch(once, /\/\.{1,2}(?:\/|$)/, path);
    }
    assert.ok(accepted > 5000, String(accepted));
  });

  test("agrees with the URL parser of the platform where that one sees no dots in escapes", () => {
    for (const [path, expected] of Object.entries(PATHS)) {
      if (expected === undefined || path.includes("%")) continue;
      assert.equal(new URL(`http://h${path}`).pathname, expected);
    }
  });
});

describe("parseTarget()", () => {
  for (const [target, [path, query, authority]] of Object.entries(TARGETS)) {
    test(`${target} is path ${path}, query "${query}", authority ${authority}`, () => {
      assert.deepEqual(parseTarget(target, "GET"), { path, query, authority });
    });
  }

  test("* is for OPTIONS, and so is an absolute form without path (RFC 9112 §3.2.4)", () => {
    assert.equal(parseTarget("*", "GET"), undefined);
    assert.equal(parseTarget("*", "OPTIONS")?.path, "*");
    assert.deepEqual(parseTarget("http://h:1", "OPTIONS"), {
      path: "*",
      query: "",
      authority: "h:1",
    });
    assert.equal(parseTarget("http://h/", "OPTIONS")?.path, "/");
    assert.equal(parseTarget("http://h?", "OPTIONS")?.path, "/");
  });

  test("takes only visible ASCII without # and \\, in path and query", () => {
    for (let code = 0; code < 256; code += 1) {
      const character = String.fromCharCode(code);
      const visible = code > 0x20 && code < 0x7f && character !== "#" && character !== "\\";
      for (const target of [`/a${character}`, `/?a${character}`, `http://h/${character}`]) {
        // An escape needs two digits after it, which only a query does without.
        const expected = visible && (character !== "%" || target.startsWith("/?"));
        assert.equal(parseTarget(target, "GET") !== undefined, expected, JSON.stringify(target));
      }
    }
  });
});

describe("isAuthority()", () => {
  const VALID = [
    "a",
    "A.b-c_d.1",
    "a.",
    "127.0.0.1",
    "[::1]",
    "[::ffff:10.0.0.1]",
    "[2001:DB8::1]:443",
    "a:",
    "a:0",
    "a:0080",
    "a:59999",
    "a:65535",
  ];
  for (const text of VALID) test(`takes ${text}`, () => assert.ok(isAuthority(text)));

  const INVALID = ["", ":", ":80", "a:65536", "a:66000", "a:70000", "a:100000", "a:b", "a:1:2"];
  const MORE = ["u@a", "a b", "a%41", "a/", "[", "[]", "[:]", "[.]", "[g::]", "[::1", "[::1]]"];
  for (const text of [...INVALID, ...MORE, "a,b", "\u00e4", "a\n", "a\r"]) {
    test(`refuses ${JSON.stringify(text)}`, () => assert.ok(!isAuthority(text)));
  }

  test("needs linear time", () => {
    assert.ok(!isAuthority(`${"a.".repeat(100_000)}!`));
    assert.ok(!isAuthority(`[${":".repeat(100_000)}`));
    assert.ok(!isAuthority(`[${"a".repeat(100_000)}]`));
  });
});

describe("foldAuthority()", () => {
  const FOLDED: Readonly<Record<string, string>> = {
    "a.example": "a.example",
    "A.Example:8080": "a.example",
    "a.example.": "a.example",
    "a.example.:80": "a.example",
    "a.example..": "a.example.",
    "a:": "a",
    "[::1]": "[::1]",
    "[::1]:80": "[::1]",
    "[2001:DB8::A]:80": "[2001:db8::a]",
    "127.0.0.1:1": "127.0.0.1",
    ".": "",
    "": "",
  };
  for (const [authority, host] of Object.entries(FOLDED)) {
    test(`${JSON.stringify(authority)} is ${JSON.stringify(host)}`, () => {
      assert.equal(foldAuthority(authority), host);
    });
  }
});
