import assert from "node:assert/strict";
import { test } from "node:test";
import { hasLabels } from "../../src/core/subset.ts";

test("hasLabels() wants every label with its value, and nothing besides", () => {
  const labels = { version: "v1", zone: "a" };
  const rows: readonly (readonly [Record<string, string>, boolean])[] = [
    [{}, true],
    [{ version: "v1" }, true],
    [{ zone: "a", version: "v1" }, true],
    [{ version: "v2" }, false],
    [{ version: "v1", zone: "b" }, false],
    [{ version: "v1", tier: "x" }, false],
    [{ Version: "v1" }, false],
  ];
  for (const [wanted, expected] of rows) {
    assert.equal(hasLabels({ labels }, wanted), expected, JSON.stringify(wanted));
  }
  assert.equal(hasLabels({}, {}), true);
  assert.equal(hasLabels({}, { version: "v1" }), false);
  // What objects inherit is no label.
  assert.equal(hasLabels({ labels }, { constructor: "x" }), false);
});
