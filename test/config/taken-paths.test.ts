import assert from "node:assert/strict";
import { test } from "node:test";
import { TakenPaths } from "../../src/config/taken-paths.ts";
import { failedHttpCondition, buildHttpConditions } from "../../src/core/match/http-route.ts";
import type { HttpMatch, PathMatch } from "../../src/core/model.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { request } from "../routing/fixtures.ts";

const PATHS = [
  "/",
  "/a",
  "/a/",
  "/a/b",
  "/ab",
  "/a/bb",
  "/b",
  "/b/a",
  "/ab/a",
  "/a/b/a",
  "/A",
  "/A/b",
];
const KINDS = ["exact", "prefix", "segment"] as const;
const VALUES = ["/a", "/a/b", "/ab", "/b", "/A"];

test("TakenPaths.taker() names only routes that take all that the match takes", () => {
  const random = seededRandom(20_260_306);
  let taken = 0;
  for (let i = 0; i < 4000; i += 1) {
    const [inner, outer] = [randomMatch(random), randomMatch(random)];
    const paths = new TakenPaths();
    paths.add(asConfig(outer), 7);
    if (paths.taker(asConfig(inner)) === undefined) continue;
    assert.equal(paths.taker(asConfig(inner)), 7);
    taken += 1;
    for (const line of PATHS.flatMap((path) => [`GET ${path}`, `PUT ${path}`])) {
      const says = `${JSON.stringify(outer)} takes ${line} as ${JSON.stringify(inner)} does`;
      assert.ok(!holds(inner, line) || holds(outer, line), says);
    }
  }
  assert.ok(taken > 200, `${taken} of 4000 were taken`);
});

test("TakenPaths.taker() is the first of several", () => {
  const paths = new TakenPaths();
  for (const [i, path] of [
    { exact: "/x" },
    { segment: "/a" },
    { prefix: "/a/" },
    { exact: "/a/b" },
  ].entries()) {
    paths.add({ path, ignore_case: false }, i);
  }
  assert.equal(paths.taker({ path: { exact: "/a/b" }, ignore_case: false }), 1);
  assert.equal(paths.taker({ path: { prefix: "/a/b" }, ignore_case: false }), 1);
  assert.equal(paths.taker({ path: { exact: "/y" }, ignore_case: false }), undefined);
});

function randomMatch(random: (below: number) => number): HttpMatch {
  const kind = KINDS[random(KINDS.length)] ?? "exact";
  const path: PathMatch = { kind, value: VALUES[random(VALUES.length)] ?? "/a" };
  return {
    path,
    ...(random(4) === 0 ? { ignoreCase: true } : {}),
    ...(random(3) === 0 ? { methods: ["GET"] } : {}),
  };
}

function asConfig({
  path,
  ignoreCase = false,
  methods,
}: HttpMatch): Parameters<TakenPaths["add"]>[0] {
  return {
    ...(path === undefined ? {} : { path: { [path.kind]: path.value } }),
    ignore_case: ignoreCase,
    ...(methods === undefined ? {} : { method: [...methods] }),
  };
}

function holds(match: HttpMatch, line: string): boolean {
  return failedHttpCondition(buildHttpConditions(match), request(line)) === undefined;
}
