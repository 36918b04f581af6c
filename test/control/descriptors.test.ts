import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionsThatDescriptorsAllow } from "../../src/control/descriptors.ts";

function limits(soft: string): string {
  return `Limit Soft Hard Units\nMax open files            ${soft}               524288  files\n`;
}

test("connectionsThatDescriptorsAllow() takes two for each, with some in reserve", () => {
  assert.equal(connectionsThatDescriptorsAllow(limits("1024")), 384);
  assert.equal(connectionsThatDescriptorsAllow(limits("100")), 1);
  assert.equal(connectionsThatDescriptorsAllow(limits("unlimited")), Number.POSITIVE_INFINITY);
  assert.equal(connectionsThatDescriptorsAllow(""), Number.POSITIVE_INFINITY);
  assert.ok(connectionsThatDescriptorsAllow() > 0);
});
