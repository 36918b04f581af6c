import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { buildRegex, checkRegex } from "../../../src/core/match/regex-subset.ts";

const ACCEPTED = [
  "", "/", "/v[0-9]+", "/api/v\\d{1,2}/.*", ".*\\.(?:jpg|png|gif)", "/a/.*/b/.*", "(a|b)*", "/[^/]+/[^/]+", "a{2,3}b",
  "/(?:en|de)(?:/.*)?", "^/x$", "[^/]+", ".*x.*", "(?:ab)*ac", "https://[a-z0-9-]+\\.example\\.com", "\\w+@\\w+",
  "[\\w.-]+", "a+?b", "x{3}", "/\\{id\\}", "(?:/[a-z])+", "[a-z]{20}[a-z]*",
] as const; // prettier-ignore

const REFUSED: readonly (readonly [pattern: string, why: RegExp])[] = [
  ["(a+)+", /repetition inside a repeated group/],
  ["(?:a*)*b", /repetition inside a repeated group/],
  ["(?:(?:ab))*", /group inside/],
  ["(?:a|ab)*c", /begin with the same character/],
  ["(?:[a-z]|x)+", /begin with the same character/],
  [".*a.*b.*", /trade the same characters/],
  ["[a-z]*[a-z]*x", /trade the same characters/],
  ["\\d+\\w+!", /trade the same characters/],
  ["a?a?a?a?a?a?a?a?b", /too many/],
  ["(?:a|a)(?:b|b)(?:c|c)(?:d|d)(?:e|e)(?:f|f)(?:g|g)x", /too many/],
  ["(?=a)", /look-around/],
  ["(?<!a)b", /look-around/],
  ["(?<n>a)", /look-around, named groups/],
  ["(a)\\1", /back-references/],
  ["\\bx", /not allowed/],
  ["a^b", /inside/],
  ["a**", /repetition of a repetition/],
  ["*", /repeats nothing/],
  ["(a", /not closed/],
  ["a)", /closes nothing/],
  ["[a", /not closed/],
  ["[]", /empty/],
  ["[z-a]", /backwards/],
  ["a{", /write "\\\{"/],
  ["é", /visible ASCII/],
  ["a".repeat(257), /at most 256/],
  ["(".repeat(20), /deeper/],
];

describe("checkRegex()", () => {
  for (const pattern of ACCEPTED) {
    test(`takes ${pattern}`, () =>
      assert.deepEqual(checkRegex(pattern), { ok: true, value: pattern }));
  }
  for (const [pattern, why] of REFUSED) {
    test(`refuses ${pattern.slice(0, 40)}`, () => {
      const checked = checkRegex(pattern);
      assert.ok(!checked.ok, "accepted");
      assert.match(checked.error, why);
    });
  }
});

describe("buildRegex()", () => {
  test("matches the whole text", () => {
    assert.ok(buildRegex("a|b").test("b"));
    assert.ok(!buildRegex("a|b").test("ab"));
    assert.ok(buildRegex("^a.c$").test("a\nc"));
    assert.ok(buildRegex("a\\$").test("a$"));
  });

  test("of every accepted pattern ends on 32 KiB made to be slow", () => {
    for (const pattern of ACCEPTED) {
      const regex = buildRegex(pattern);
      for (const piece of ["/", "a", "/a", "/b", "ab", "a/", "x", "1", "@", ".j"]) {
        const text = piece.repeat(Math.floor(32_768 / piece.length));
        regex.test(`/${text}!`);
        regex.test(`${text}\u0000`);
      }
    }
  });
});
