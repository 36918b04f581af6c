import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndpointLoads, sumLoads } from "../../src/core/endpoint-loads.ts";

test("sumLoads() adds up what workers have of the same endpoint", () => {
  const one: EndpointLoads = new Map([["a", new Map([["1", 2]])]]);
  const two: EndpointLoads = new Map([
    [
      "a",
      new Map([
        ["1", 1],
        ["2", 1],
      ]),
    ],
    ["b", new Map([["1", 1]])],
  ]);
  assert.deepEqual(
    sumLoads([one, two, new Map()]),
    new Map([
      [
        "a",
        new Map([
          ["1", 3],
          ["2", 1],
        ]),
      ],
      ["b", new Map([["1", 1]])],
    ]),
  );
  assert.deepEqual(one, new Map([["a", new Map([["1", 2]])]]), "what was given stays");
});
