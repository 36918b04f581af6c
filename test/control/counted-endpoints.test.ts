import assert from "node:assert/strict";
import { test } from "node:test";
import { countedEndpoints } from "../../src/control/counted-endpoints.ts";
import { condition } from "../admin/fixtures/snapshot.ts";
import { endpointAt } from "../health/harness.ts";

test("countedEndpoints() has all of the file and at most 64 others", () => {
  const all = Array.from({ length: 300 }, (_, i) => endpointAt(i + 1));
  const conditions = all.map((endpoint) => condition(endpoint));
  const named = { kind: "name", host: "a.test", port: 1, weight: 1 } as const;
  const own = all.slice(200).map((endpoint) => ({ kind: "address", endpoint }) as const);
  const names = (sources: Parameters<typeof countedEndpoints>[0]["sources"]): readonly number[] =>
    countedEndpoints({ sources }, conditions).map(({ endpoint }) => endpoint.port);
  assert.equal(names([named]).length, 64);
  assert.deepEqual(names([named, ...own]), [
    ...all.slice(0, 64).map(({ port }) => port),
    ...all.slice(200).map(({ port }) => port),
  ]);
});
