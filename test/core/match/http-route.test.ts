import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type HttpRequestFacts,
  buildHttpConditions,
  failedHttpCondition,
} from "../../../src/core/match/http-route.ts";
import { buildPathPredicate } from "../../../src/core/match/path.ts";
import { request } from "../../routing/fixtures.ts";
import type { HttpMatch, PathMatch } from "../../../src/core/model.ts";

function matchPath(match: PathMatch, path: string): boolean {
  return buildPathPredicate(match, false)(path);
}

function matchHttp(match: HttpMatch, facts: HttpRequestFacts): boolean {
  return failedHttpCondition(buildHttpConditions(match), facts) === undefined;
}

describe("buildPathPredicate()", () => {
  type Row = readonly [kind: PathMatch["kind"], value: string, takes: string, leaves: string];
  /** Paths separated by spaces. The first rows are the examples of the configuration's page. */
  const ROWS: readonly Row[] = [
    ["prefix", "/foo", "/foo /foobar /foo/ /foo/bar", "/ /fo /FOO /x/foo"],
    ["prefix", "/foo/", "/foo/ /foo/bar", "/foo /foobar"],
    ["segment", "/foo", "/foo /foo/ /foo/bar /foo//", "/foobar /fo / /foo.txt /foo%2Fbar"],
    ["segment", "/", "/ /a //", "*"],
    ["segment", "/a/b", "/a/b /a/b/c", "/a /a/bc /a/b.c"],
    ["exact", "/foo", "/foo", "/foo/ /foobar / /Foo"],
    ["exact", "/", "/", "// /a"],
    ["prefix", "/", "/ /a //", "*"],
    ["exact", "*", "*", "/"],
    ["exact", "/a/:id", "/a/:id", "/a/1"],
    ["segment", "/a*", "/a* /a*/b", "/ab /a"],
  ];
  for (const [kind, value, takes, leaves] of ROWS) {
    test(`${kind} ${value}`, () => {
      for (const path of takes.split(" ")) assert.ok(matchPath({ kind, value }, path), path);
      for (const path of leaves.split(" ")) assert.ok(!matchPath({ kind, value }, path), path);
    });
  }
});

describe("failedHttpCondition()", () => {
  const facts = request("GET /a/b");
  const full: HttpMatch = {
    path: { kind: "segment", value: "/a" },
    methods: ["POST", "GET"],
    gateways: ["other", "web"],
    port: 80,
  };

  test("without conditions takes everything", () => assert.ok(matchHttp({}, facts)));

  test("takes what fulfils all conditions", () => assert.ok(matchHttp(full, facts)));

  const BROKEN: readonly (readonly [string, HttpMatch])[] = [
    ["path", { ...full, path: { kind: "exact", value: "/a" } }],
    ["method", { ...full, methods: ["POST"] }],
    ["method in other case", { ...full, methods: ["get"] }],
    ["gateway", { ...full, gateways: ["other"] }],
    ["port", { ...full, port: 8080 }],
  ];
  for (const [name, match] of BROKEN) {
    test(`leaves what breaks the ${name} alone`, () => assert.ok(!matchHttp(match, facts)));
  }

  test("an empty list of methods or gateways takes nothing", () => {
    assert.ok(!matchHttp({ methods: [] }, facts));
    assert.ok(!matchHttp({ gateways: [] }, facts));
  });

  test("HEAD is not GET", () => {
    assert.ok(!matchHttp({ methods: ["GET"] }, request("HEAD /a/b")));
  });
});
