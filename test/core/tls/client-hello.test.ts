import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  HelloReader,
  parseClientHello,
  type ClientHello,
  type HelloResult,
} from "../../../src/core/tls/client-hello.ts";
import { loadCorpus } from "../../corpus/hello/corpus.ts";
import { BYTES_MAX, MALFORMED } from "../../corpus/hello/malformed.ts";
import {
  alpn,
  GROUPS,
  hello,
  helloMessage,
  helloWith,
  padding,
  record,
  records,
  serverNames,
  uint,
  vector,
} from "./hello-builder.ts";

const CORPUS = loadCorpus();

function helloOf(result: HelloResult): ClientHello {
  assert.equal(result.kind, "hello", JSON.stringify(result));
  return (result as { hello: ClientHello }).hello;
}

const parse = (bytes: Uint8Array): ClientHello => helloOf(parseClientHello(bytes, BYTES_MAX));

/** The result, and how many bytes had to be given for it. */
interface Fed {
  readonly result: HelloResult;
  readonly taken: number;
}

/** Feeds pieces through one buffer that is overwritten after each push, as a socket's may be. */
function feed(bytes: Buffer, size: number, bytesMax = BYTES_MAX): Fed {
  const reader = new HelloReader(bytesMax);
  const shared = Buffer.alloc(size);
  let result: HelloResult = { kind: "incomplete" };
  let taken = 0;
  while (taken < bytes.length && result.kind === "incomplete") {
    const piece = bytes.subarray(taken, taken + size);
    shared.set(piece);
    result = reader.push(shared.subarray(0, piece.length));
    shared.fill(0xee);
    taken += piece.length;
  }
  return { result, taken };
}

/** A hello that takes exactly so many bytes in records of 2^14. */
function ofSize(bytes: number): Buffer {
  const headers = 5 * Math.ceil(bytes / (2 ** 14 + 5));
  const fixed = [...GROUPS, serverNames("nginx.com")];
  const room = bytes - headers - helloMessage({ extensions: fixed }).length;
  const wire = records(helloMessage({ extensions: [...fixed, padding(room)] }), 2 ** 14);
  assert.equal(wire.length, bytes);
  return wire;
}

describe("the hellos of real clients", () => {
  test("the corpus holds every kind of client", () => {
    const names = new Set(CORPUS.map(({ file }) => file.split(/[-.\d]/)[0]));
    const expected = ["openssl", "curl", "node", "gnutls", "go", "java", "chromium", "firefox"];
    assert.deepEqual(
      expected.filter((name) => !names.has(name)),
      [],
    );
  });

  for (const { file, bytes, message, helloBytes, ...expected } of CORPUS) {
    test(`parseClientHello() reads what the client asked for: ${file}`, () => {
      const parsed = parse(bytes);
      assert.equal(parsed.serverName, expected.serverName);
      assert.deepEqual(parsed.alpn, expected.alpn);
      assert.equal(parsed.ech, expected.ech);
      assert.equal(parsed.recordVersion, bytes.readUInt16BE(1));
      assert.equal(parsed.legacyVersion, message.readUInt16BE(4));
    });

    test(`parseClientHello() returns incomplete for every proper prefix: ${file}`, () => {
      for (let length = 0; length < helloBytes; length += 1) {
        const result = parseClientHello(bytes.subarray(0, length), BYTES_MAX);
        assert.deepEqual(result, { kind: "incomplete" }, `${length} bytes`);
      }
      parse(bytes.subarray(0, helloBytes));
    });

    test(`HelloReader.push() gives the same for any split: ${file}`, () => {
      const whole = parse(bytes);
      const isOneRecord = helloBytes === message.length + 5;
      for (const recordBytes of [1, 7, 100, 2 ** 14]) {
        const wire = records(message, recordBytes);
        const same = { ...whole, recordVersion: 0x0301 };
        assert.deepEqual(parse(wire), same);
        for (const size of [1, 2, 5, 1000]) {
          const { result, taken } = feed(wire, size);
          assert.deepEqual(helloOf(result), same, `records ${recordBytes}, segments ${size}`);
          assert.ok(taken >= wire.length, "no earlier than at the last byte");
        }
      }
      for (const size of [1, 3, 64]) assert.deepEqual(helloOf(feed(bytes, size).result), whole);
      assert.ok(isOneRecord || file === "openssl-several-records.hex");
    });
  }
});

describe("refused hellos", () => {
  test("the names of the list differ", () => {
    assert.equal(new Set(MALFORMED.map(({ name }) => name)).size, MALFORMED.length);
  });

  for (const { name, bytes, failure, alert, protocol } of MALFORMED) {
    test(`parseClientHello() refuses as ${failure}, alert ${alert}: ${name}`, () => {
      const result = parseClientHello(bytes, BYTES_MAX);
      assert.equal(result.kind, "refused", JSON.stringify(result));
      if (result.kind !== "refused") return;
      assert.deepEqual([result.failure, result.alert, result.protocol], [failure, alert, protocol]);
      assert.match(result.detail, /^[\x20-\x7e]{10,80}$/);
      assert.doesNotMatch(result.detail, /nginx|example/);
      for (const size of [1, 2, 3, 1000]) assert.deepEqual(feed(bytes, size).result, result);
    });
  }

  test("HelloReader.push() refuses as soon as the bytes prove it", () => {
    const cases: readonly (readonly [Buffer, number])[] = [
      [Buffer.from("?"), 1],
      [Buffer.from("GET / HTTP/1.1\r\n"), 4],
      [record(Buffer.alloc(10), { version: 0x0200 }), 2],
      [record(Buffer.alloc(10), { length: 0 }), 5],
      [record(Buffer.alloc(10), { length: 2 ** 14 + 1 }), 5],
      [record(Buffer.from("02000010", "hex")), 9],
      [record(helloMessage({}, BYTES_MAX)), 9],
      [record(Buffer.concat([helloMessage(), Buffer.alloc(1)])), 9],
    ];
    for (const [bytes, enough] of cases) assert.equal(feed(bytes, 1).taken, enough);
  });

  test("HelloReader.push() stays with its verdict", () => {
    const refusing = new HelloReader(BYTES_MAX);
    const refused = refusing.push(Buffer.from("?"));
    assert.equal(refusing.push(hello()), refused);
    const reading = new HelloReader(BYTES_MAX);
    const read = reading.push(helloWith(serverNames("nginx.com")));
    assert.equal(reading.push(Buffer.from("?")), read);
    assert.equal(helloOf(read).serverName, "nginx.com");
  });
});

describe("what is legal", () => {
  test("parseClientHello() reads a hello without extensions: no server name, no ALPN", () => {
    for (const extensions of [null, []]) {
      assert.deepEqual(parse(hello({ extensions })), {
        recordVersion: 0x0301,
        legacyVersion: 0x0303,
        serverName: undefined,
        alpn: [],
        ech: false,
        supportedVersions: [],
      });
    }
  });

  test("parseClientHello() takes every record version and any legacy version", () => {
    for (const version of [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x03ff]) {
      const parsed = parse(record(helloMessage({ legacyVersion: version }), { version }));
      assert.equal(parsed.recordVersion, version);
      assert.equal(parsed.legacyVersion, version);
    }
  });

  test("parseClientHello() keeps the record version of the first record", () => {
    const message = helloMessage();
    const wire = [
      record(message.subarray(0, 9), { version: 0x0301 }),
      record(message.subarray(9), { version: 0x0303 }),
    ];
    assert.equal(parse(Buffer.concat(wire)).recordVersion, 0x0301);
  });

  test("parseClientHello() gives supported versions in the client's order, GREASE too", () => {
    const data = vector(1, Buffer.from("8a8a03040303", "hex"));
    const { supportedVersions } = parse(helloWith({ type: 43, data }));
    assert.deepEqual(supportedVersions, [0x8a8a, 0x0304, 0x0303]);
  });

  test("parseClientHello() gives ALPN one character a byte, duplicates and GREASE too", () => {
    const parsed = parse(helloWith(alpn("\x0a\x0a", "h2", "h2", "a\u00ff", "x".repeat(255))));
    assert.deepEqual(parsed.alpn, ["\n\n", "h2", "h2", "a\u00ff", "x".repeat(255)]);
  });

  test("parseClientHello() says ech for any contents of encrypted_client_hello", () => {
    for (const hex of ["", "00", "01", "ffffffff", "0000010001aa0000ffff"]) {
      const ech = { type: 0xfe0d, data: Buffer.from(hex, "hex") };
      const parsed = parse(helloWith(ech, serverNames("outer.example")));
      assert.equal(parsed.ech, true);
      assert.equal(parsed.serverName, "outer.example");
    }
  });

  test("parseClientHello() does not look at what it does not know", () => {
    const types = [1, 5, 10, 11, 13, 18, 21, 23, 28, 35, 41, 45, 51, 0x0a0a, 0xfafa, 0xff01];
    const extensions = types.map((type) => ({ type, data: uint(3, type) }));
    const parsed = parse(hello({ extensions: [...extensions, serverNames("nginx.com")] }));
    assert.equal(parsed.serverName, "nginx.com");
  });

  test("parseClientHello() takes 16,000 different extensions", () => {
    const extensions = Array.from({ length: 16_000 }, (_, i) => ({
      type: i + 1000,
      data: Buffer.alloc(0),
    }));
    parse(records(helloMessage({ extensions }), 2 ** 14));
  });

  test("HelloReader.push() does not look at what stands behind the last record", () => {
    const bytes = helloWith(serverNames("nginx.com"));
    const behind = [
      Buffer.from("?"),
      record(Buffer.alloc(1), { type: 20 }),
      record(helloMessage()),
      record(Buffer.alloc(0)),
    ];
    for (const more of behind) {
      assert.equal(parse(Buffer.concat([bytes, more])).serverName, "nginx.com");
    }
  });

  test("HelloReader.push() takes empty chunks anywhere", () => {
    const reader = new HelloReader(BYTES_MAX);
    for (const byte of helloWith(serverNames("nginx.com")).subarray(0, -1)) {
      assert.equal(reader.push(Buffer.alloc(0)).kind, "incomplete");
      assert.equal(reader.push(Uint8Array.of(byte)).kind, "incomplete");
    }
    assert.equal(reader.push(Buffer.alloc(0)).kind, "incomplete");
  });
});

describe("the bound", () => {
  test("HelloReader.push() takes a hello of exactly bytesMax and refuses one byte more", () => {
    for (const bytesMax of [200, 2 ** 14, 2 ** 14 + 20, 40_000, BYTES_MAX]) {
      for (const size of [1, bytesMax + 1]) {
        const fits = feed(ofSize(bytesMax), size, bytesMax);
        assert.equal(helloOf(fits.result).serverName, "nginx.com");
        const tooLarge = feed(ofSize(bytesMax + 1), size, bytesMax);
        assert.deepEqual(tooLarge.result, {
          kind: "refused",
          failure: "hello-too-large",
          alert: 50,
          protocol: "tls",
          detail: `the hello takes more than ${bytesMax} bytes`,
        });
      }
    }
  });

  test("HelloReader.push() never takes more than bytesMax, whatever comes", () => {
    const bytesMax = 500;
    const message = helloMessage({ extensions: [padding(200)] });
    const { result, taken } = feed(records(message, 1), 1, bytesMax);
    assert.equal(result.kind === "refused" && result.failure, "hello-too-large");
    assert.ok(taken <= bytesMax);
    assert.equal(feed(hello(), 1, 5).taken, 5);
  });
});
