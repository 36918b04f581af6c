import assert from "node:assert/strict";
import { test } from "node:test";
import { isHandshakeOnly } from "../../../src/core/tls/flight.ts";
import { helloWith, serverNames } from "./hello-builder.ts";

const HELLO = helloWith(serverNames("a.test"));
const SWITCH = Buffer.of(20, 3, 3, 0, 1, 1);
const DATA = Buffer.of(23, 3, 3, 0, 2, 7, 7);

test("isHandshakeOnly() takes whole records of a handshake alone", () => {
  assert.equal(isHandshakeOnly(HELLO), true);
  assert.equal(isHandshakeOnly(Buffer.concat([HELLO, SWITCH])), true);
  assert.equal(isHandshakeOnly(Buffer.concat([HELLO, SWITCH, DATA])), false);
  assert.equal(isHandshakeOnly(Buffer.concat([HELLO, DATA])), false);
  assert.equal(isHandshakeOnly(Buffer.from("GET / HTTP/1.1\r\n\r\n")), false);
});

test("isHandshakeOnly() takes no part of a record, and not nothing", () => {
  for (let length = 0; length < HELLO.length; length += 1) {
    assert.equal(isHandshakeOnly(HELLO.subarray(0, length)), false, String(length));
  }
  for (let length = 1; length < SWITCH.length; length += 1) {
    assert.equal(isHandshakeOnly(Buffer.concat([HELLO, SWITCH.subarray(0, length)])), false);
  }
});
