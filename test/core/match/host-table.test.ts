import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hostPatternTakes, matchHost } from "../../../src/core/match/host-table.ts";
import type { HostTable } from "../../../src/core/model.ts";
import { seededRandom } from "../tls/seeded-random.ts";

/** A table in which every pattern leads to itself. */
function tableOf(patterns: readonly string[]): HostTable<string> {
  const exact = new Map<string, string>();
  const wildcard = new Map<string, string>();
  for (const pattern of patterns) {
    if (pattern.startsWith("*.")) wildcard.set(pattern.slice(2), pattern);
    else if (pattern !== "*") exact.set(pattern, pattern);
  }
  return { exact, wildcard, any: patterns.includes("*") ? "*" : undefined };
}

/** The rule in words: exact, else the longest wildcard, else any. */
function bruteForce(patterns: readonly string[], host: string): string | undefined {
  if (patterns.includes(host)) return host;
  return patterns
    .filter((pattern) => hostPatternTakes(pattern, host))
    .toSorted((a, b) => b.length - a.length)[0];
}

describe("matchHost()", () => {
  const table = tableOf(["example.com", "*.example.com", "*.b.example.com", "*.com", "*"]);
  const EXPECTED: Readonly<Record<string, string>> = {
    "example.com": "example.com",
    "a.example.com": "*.example.com",
    "x.y.example.com": "*.example.com",
    "b.example.com": "*.example.com",
    "a.b.example.com": "*.b.example.com",
    "x.a.b.example.com": "*.b.example.com",
    "anexample.com": "*.com",
    com: "*",
    "example.org": "*",
    ".example.com": "*.com",
    "..example.com": "*.example.com",
    "[::1]": "*",
    "": "*",
    ".": "*",
  };
  for (const [host, pattern] of Object.entries(EXPECTED)) {
    test(`${JSON.stringify(host)} is taken by ${pattern}`, () => {
      assert.equal(matchHost(table, host), pattern);
    });
  }

  test("gives undefined when nothing takes the name", () => {
    const narrow = tableOf(["example.com", "*.example.com"]);
    for (const host of ["example.org", "com", "", "example.com.", "EXAMPLE.com", ".example.com"]) {
      assert.equal(matchHost(narrow, host), undefined, host);
    }
    assert.equal(matchHost(tableOf([]), "a"), undefined);
  });

  test("values may be 0 and names properties of objects", () => {
    const numbers: HostTable<number> = {
      exact: new Map([["a", 0]]),
      wildcard: new Map([["b", 0]]),
      any: 1,
    };
    assert.equal(matchHost(numbers, "a"), 0);
    assert.equal(matchHost(numbers, "x.b"), 0);
    for (const host of ["constructor", "__proto__", "x.__proto__"]) {
      assert.equal(matchHost(numbers, host), 1);
    }
  });

  test("agrees with the rule in words for 20,000 random tables and names", () => {
    const random = seededRandom(5);
    const labels = ["a", "b", "c", "ab"];
    const name = (): string =>
      Array.from({ length: 1 + random(4) }, () => labels[random(labels.length)]).join(".");
    for (let i = 0; i < 20_000; i += 1) {
      const patterns = Array.from({ length: random(6) }, () => {
        const kind = random(8);
        return kind === 0 ? "*" : kind < 4 ? `*.${name()}` : name();
      });
      const host = name();
      assert.equal(
        matchHost(tableOf(patterns), host),
        bruteForce(patterns, host),
        `${patterns.join()} for ${host}`,
      );
    }
  });
});

describe("hostPatternTakes()", () => {
  const ROWS: readonly (readonly [pattern: string, host: string, taken: boolean])[] = [
    ["*", "a", true],
    ["*", "", true],
    ["a.b", "a.b", true],
    ["a.b", "x.a.b", false],
    ["*.b", "a.b", true],
    ["*.b", "x.a.b", true],
    ["*.b", "b", false],
    ["*.b", ".b", false],
    ["*.b", "ab", false],
    ["*.b", "a.b.c", false],
  ];
  for (const [pattern, host, taken] of ROWS) {
    test(`${pattern} ${taken ? "takes" : "leaves"} ${JSON.stringify(host)}`, () => {
      assert.equal(hostPatternTakes(pattern, host), taken);
    });
  }
});
