import assert from "node:assert/strict";
import { isIPv4 } from "node:net";
import { test } from "node:test";
import {
  HelloReader,
  parseClientHello,
  type HelloResult,
} from "../../../src/core/tls/client-hello.ts";
import { loadCorpus } from "../../corpus/hello/corpus.ts";
import { BYTES_MAX } from "../../corpus/hello/malformed.ts";
import { helloMessage, record, records } from "./hello-builder.ts";
import { mutate } from "./mutate.ts";
import { seededRandom } from "./seeded-random.ts";

/** The rules of a name, written a second time: one to 253 bytes, labels of one to 63. */
const NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

const CORPUS = loadCorpus();

/** The mutated message in right records, so that the mutation reaches the message and not only the framing. */
function reframe(message: Buffer): Buffer {
  if (message.length < 4) return record(message);
  message.writeUIntBE(Math.min(message.length - 4, 0xffffff), 1, 3);
  return records(message, 2 ** 14);
}

function feedAtRandom(bytes: Buffer, random: (below: number) => number): HelloResult {
  const reader = new HelloReader(BYTES_MAX);
  let result: HelloResult = reader.push(Buffer.alloc(0));
  for (let at = 0; at < bytes.length && result.kind === "incomplete";) {
    const end = at + 1 + random(random(2) === 0 ? 8 : 800);
    result = reader.push(bytes.subarray(at, end));
    at = end;
  }
  return result;
}

test("parseClientHello() withstands 20,000 mutated hellos", () => {
  const random = seededRandom(20_000);
  const kinds = { incomplete: 0, hello: 0, refused: 0 };
  for (let i = 0; i < 20_000; i += 1) {
    const capture = CORPUS[i % CORPUS.length];
    assert.ok(capture !== undefined);
    const { bytes, message } = capture;
    const mutated = random(2) === 0 ? mutate(bytes, random) : reframe(mutate(message, random));
    const result = parseClientHello(mutated, BYTES_MAX);
    kinds[result.kind] += 1;
    assert.deepEqual(feedAtRandom(mutated, random), result, mutated.toString("hex"));
    if (result.kind !== "hello") continue;
    const { serverName, alpn } = result.hello;
    if (serverName !== undefined) {
      assert.match(serverName, NAME);
      assert.ok(!isIPv4(serverName));
    }
    for (const protocol of alpn) assert.ok(protocol.length >= 1 && protocol.length <= 255);
  }
  // The mutations are worth something only if all three outcomes are common.
  for (const count of Object.values(kinds)) assert.ok(count > 500, JSON.stringify(kinds));
});

test("parseClientHello() withstands 20,000 random inputs that begin like a hello", () => {
  const random = seededRandom(1);
  const beginning = helloMessage();
  for (let i = 0; i < 20_000; i += 1) {
    const noise = Buffer.from(Array.from({ length: random(60) }, () => random(256)));
    const message = Buffer.concat([beginning.subarray(0, random(beginning.length)), noise]);
    const wire = random(4) === 0 ? noise : reframe(message);
    const result = parseClientHello(wire, BYTES_MAX);
    if (result.kind === "hello" && result.hello.serverName !== undefined) {
      assert.match(result.hello.serverName, NAME);
    }
  }
});
