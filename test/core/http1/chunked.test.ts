import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChunkedDecoder } from "../../../src/core/http1/chunked.ts";
import { REFUSED } from "../../corpus/request/refused.ts";
import { seededRandom } from "../tls/seeded-random.ts";
import { TRAILER_BYTES_MAX } from "./request-stream.ts";

/** What a decoder made of some bytes. */
interface Decoded {
  readonly body: string;
  readonly state: "open" | "done" | "broken";
  readonly trailer: string;
  /** Bytes that were not used. */
  readonly rest: string;
}

/** Decodes in reads that end at `cuts`, each at its place in one buffer, as a socket's reads are. */
function decode(text: string, cuts: readonly number[] = []): Decoded {
  const bytes = Buffer.from(text, "latin1");
  const decoder = new ChunkedDecoder(TRAILER_BYTES_MAX);
  let body = "";
  let start = 0;
  let used = 0;
  for (const end of [...cuts, bytes.length]) {
    const length = decoder.decode(bytes, start, end);
    body += bytes.toString("latin1", start, start + length);
    used = decoder.consumed;
    if (decoder.done || decoder.broken) break;
    assert.equal(used, end);
    start = end;
  }
  const state = decoder.done ? "done" : decoder.broken ? "broken" : "open";
  return { body, state, trailer: decoder.trailer, rest: text.slice(used) };
}

/** A trailer section of so many bytes. */
const filled = (length: number): string => `X:${"a".repeat(length - 6)}\r\n\r\n`;

const SAMPLES: Readonly<Record<string, { text: string; body: string; trailer?: string }>> = {
  empty: { text: "0\r\n\r\n", body: "" },
  "one chunk": { text: "5\r\nhello\r\n0\r\n\r\n", body: "hello" },
  "several chunks": {
    text: "1\r\na\r\n2\r\nbc\r\n00f\r\n0123456789ABCDE\r\n0\r\n\r\n",
    body: "abc0123456789ABCDE",
  },
  "hex digits in both cases": {
    text: `1a\r\n${"x".repeat(26)}\r\nA\r\n${"y".repeat(10)}\r\n0\r\n\r\n`,
    body: "x".repeat(26) + "y".repeat(10),
  },
  "13 digits": { text: "0000000000003\r\nabc\r\n0000000000000\r\n\r\n", body: "abc" },
  extensions: { text: '3;a\r\nabc\r\n3;b="\t;\xe4"\r\ndef\r\n0;c=d\r\n\r\n', body: "abcdef" },
  "the longest extension": { text: `3;${"a".repeat(1024)}\r\nabc\r\n0\r\n\r\n`, body: "abc" },
  "long extensions of two chunks": {
    text: `1;${"a".repeat(1000)}\r\na\r\n1;${"b".repeat(1000)}\r\nb\r\n0\r\n\r\n`,
    body: "ab",
  },
  "data that looks like framing": {
    text: "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n",
    body: "0\r\n\r\n\r\n",
  },
  trailers: {
    text: "3\r\nabc\r\n0\r\nX-A: 1\r\nx-b:\t\xe4\r\n\r\n",
    body: "abc",
    trailer: "X-A: 1\r\nx-b:\t\xe4\r\n\r\n",
  },
};

describe("ChunkedDecoder", () => {
  for (const [name, { text, body, trailer = "" }] of Object.entries(SAMPLES)) {
    test(`decodes ${name}, cut anywhere, and leaves what follows`, () => {
      const rest = "GET / HTTP/1.1\r\n";
      const expected = { body, state: "done", trailer, rest };
      for (let cut = 0; cut <= text.length; cut += 1) {
        assert.deepEqual(decode(text + rest, [cut]), expected, `cut at ${cut}`);
      }
      const every = Array.from({ length: text.length }, (_, i) => i + 1);
      assert.deepEqual(decode(text + rest, every), expected);
    });

    test(`is not done after any proper prefix of ${name}`, () => {
      for (let end = 0; end < text.length; end += 1) {
        const { state, rest } = decode(text.slice(0, end));
        assert.deepEqual([state, rest], ["open", ""], `prefix of ${end} bytes`);
      }
    });
  }

  for (const { name, source, bytes } of REFUSED.filter((sample) =>
    sample.source.includes("§7.1"),
  )) {
    test(`breaks at ${name}, cut anywhere (${source})`, () => {
      const body = bytes.slice(bytes.indexOf("\r\n\r\n") + 4);
      const whole = decode(body);
      assert.equal(whole.state, "broken");
      for (let cut = 0; cut < Math.min(body.length, 2000); cut += 1) {
        assert.deepEqual(decode(body, [cut]), whole, `cut at ${cut}`);
      }
    });
  }

  test("gives the same for 5,000 random bodies in random pieces", () => {
    const random = seededRandom(11);
    for (let i = 0; i < 5000; i += 1) {
      const chunks = Array.from({ length: random(6) }, () =>
        "abc\r\n0;".repeat(9).slice(0, 1 + random(60)),
      );
      const text = [
        ...chunks.map((data) => `${data.length.toString(16)}\r\n${data}\r\n`),
        "0\r\n\r\n",
      ].join("");
      const cuts = Array.from({ length: random(8) }, () => random(text.length)).toSorted(
        (a, b) => a - b,
      );
      const expected = { body: chunks.join(""), state: "done", trailer: "", rest: "" };
      assert.deepEqual(decode(text, cuts), expected, `${JSON.stringify(text)} @ ${cuts.join()}`);
    }
  });

  test("decode() moves the data to the start of the range and touches nothing outside it", () => {
    const bytes = Buffer.from("<<1\r\na\r\n2\r\nbc\r\n0\r\n\r\n>>", "latin1");
    const decoder = new ChunkedDecoder(TRAILER_BYTES_MAX);
    const end = bytes.length - 2;
    assert.equal(decoder.decode(bytes, 2, end), 3);
    assert.equal(bytes.toString("latin1", 0, 5), "<<abc");
    assert.equal(bytes.toString("latin1", end), ">>");
    assert.equal(decoder.consumed, end);
  });

  test("decode() takes nothing after the end or a violation", () => {
    for (const text of ["0\r\n\r\n", "x"]) {
      const decoder = new ChunkedDecoder(TRAILER_BYTES_MAX);
      decoder.decode(Buffer.from(text), 0, text.length);
      const more = Buffer.from("3\r\nabc\r\n");
      assert.equal(decoder.decode(more, 0, more.length), 0);
      assert.equal(decoder.consumed, 0);
      assert.equal(more.toString(), "3\r\nabc\r\n");
    }
  });

  test("a chunk may have 2^52 - 1 bytes", () => {
    const decoder = new ChunkedDecoder(TRAILER_BYTES_MAX);
    const text = Buffer.from("fffffffffffff\r\nabc");
    assert.equal(decoder.decode(text, 0, text.length), 3);
    assert.equal(decoder.broken, false);
  });

  test("bounds the trailer section by bytes and by lines", () => {
    const line = "X: 1\r\n";
    assert.equal(decode(`0\r\n${line.repeat(100)}\r\n`).state, "done");
    assert.equal(decode(`0\r\n${line.repeat(101)}\r\n`).state, "broken");
    assert.equal(decode(`0\r\n${filled(TRAILER_BYTES_MAX)}`).state, "done");
    assert.equal(decode(`0\r\n${filled(TRAILER_BYTES_MAX + 1)}`).state, "broken");
  });
});
