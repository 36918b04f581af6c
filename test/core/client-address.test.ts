import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, unmapAddress } from "../../src/core/client-address.ts";

test("unmapAddress() writes v4 that came through a v6 socket as v4 (RFC 4291 §2.5.5.2)", () => {
  assert.equal(unmapAddress("::ffff:192.0.2.1"), "192.0.2.1");
  for (const address of ["192.0.2.1", "::1", "::ffff:1", "::ffff:c000:201", "2001:db8::1", ""]) {
    assert.equal(unmapAddress(address), address);
  }
});

test("formatAddress() puts v6 in brackets (RFC 3986 §3.2.2)", () => {
  assert.equal(formatAddress("192.0.2.1", 80), "192.0.2.1:80");
  assert.equal(formatAddress("2001:db8::1", 443), "[2001:db8::1]:443");
});
