import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { parseClientHello } from "../../../src/core/tls/client-hello.ts";
import { computeJa4, joinHelloRecords } from "../../../src/core/tls/ja4.ts";
import { loadCorpus } from "../../corpus/hello/corpus.ts";
import { BYTES_MAX } from "../../corpus/hello/malformed.ts";
import {
  alpn,
  helloMessage,
  padding,
  record,
  records,
  serverNames,
  vector,
  type Extension,
  type HelloParts,
} from "./hello-builder.ts";
import { mutate } from "./mutate.ts";
import { seededRandom } from "./seeded-random.ts";

const CORPUS = loadCorpus();
const FORM = /^t(?:1[0-3]|s[23]|d[123]|00)[di]\d{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/;

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Numbers as the specification writes them: `1301,1302`. */
function hexList(text: string): Buffer {
  return Buffer.from(text.replaceAll(",", ""), "hex");
}

/** Extensions of these types, in this order, with what JA4 reads inside them. */
function extensionsOf(
  types: string,
  known: Readonly<Record<string, Buffer>>,
): readonly Extension[] {
  return types.split(",").map((type) => ({
    type: Number.parseInt(type, 16),
    data: known[type] ?? Buffer.alloc(0),
  }));
}

interface Recipe {
  readonly ciphers: string;
  readonly types: string;
  readonly algorithms: string;
  readonly versions: string;
}

function fingerprintOf({ ciphers, types, algorithms, versions }: Recipe): string | undefined {
  const extensions = extensionsOf(types, {
    "0000": serverNames("nginx.com").data,
    "0010": alpn("h2", "http/1.1").data,
    "000d": vector(2, hexList(algorithms)),
    "002b": vector(1, hexList(versions)),
  });
  return computeJa4(helloMessage({ cipherSuites: hexList(ciphers), extensions }), sha256Hex);
}

/** The example that the specification goes through. */
const EXAMPLE: Recipe = {
  ciphers: "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
  types: "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015",
  algorithms: "0403,0804,0401,0503,0805,0501,0806,0601",
  versions: "0304,0303",
};

/** FoxIO's sigalg-grease.pcapng: a Chrome whose signature algorithms have GREASE too. */
const WITH_GREASE: Recipe = {
  ciphers: `5a5a,${EXAMPLE.ciphers}`,
  types:
    "8a8a,fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,0012,fafa",
  algorithms: "1a1a,0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601",
  versions: "3a3a,0304,0303",
};

const EXAMPLE_JA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
const WITH_GREASE_JA4 = "t13d1517h2_8daaf6152771_cb7bf5808d99";

const PUBLISHED: Readonly<Record<string, readonly [recipe: Recipe, ja4: string]>> = {
  "the specification's example": [EXAMPLE, EXAMPLE_JA4],
  "the specification's example without signature algorithms": [
    { ...EXAMPLE, algorithms: "" },
    "t13d1516h2_8daaf6152771_6d807ffa2a79",
  ],
  "Chrome with GREASE in every list": [WITH_GREASE, WITH_GREASE_JA4],
  "Chrome 143 as tls.browserleaks.com saw it": [
    {
      ...EXAMPLE,
      types: "002d,0033,0010,fe0d,0017,44cd,0000,000b,000a,002b,ff01,0023,0012,0005,000d,001b",
    },
    "t13d1516h2_8daaf6152771_d8a2da3f94cd",
  ],
};

describe("computeJa4() gives the published fingerprint", () => {
  for (const [name, [recipe, ja4]] of Object.entries(PUBLISHED)) {
    test(name, () => assert.equal(fingerprintOf(recipe), ja4));
  }
});

/** Those of Chromium, Firefox, curl, Node's fetch and Deno are on public record for these programs. */
const CAPTURED: Readonly<Record<string, string>> = {
  "openssl-tls13.hex": "t13d3111h2_e8f1e7e78f70_1f22a2ca17c4",
  "openssl-tls12.hex": "t12d280700_d943125447b4_e7e480e5a997",
  "openssl-tls10.hex": "t10d230600_44099cda8a52_195413a0cc0f",
  "openssl-no-sni.hex": "t13i3110h2_e8f1e7e78f70_1f22a2ca17c4",
  "openssl-ip-sni.hex": "t13d311000_e8f1e7e78f70_1f22a2ca17c4",
  "openssl-ipv6-sni.hex": "t13d311000_e8f1e7e78f70_1f22a2ca17c4",
  "openssl-upper-case-dot.hex": "t13d311000_e8f1e7e78f70_1f22a2ca17c4",
  "openssl-acme.hex": "t13d3111a1_e8f1e7e78f70_1f22a2ca17c4",
  "openssl-several-records.hex": "t13d3111aa_e8f1e7e78f70_1f22a2ca17c4",
  "openssl-early-data.hex": "t13d3113h2_e8f1e7e78f70_87f12a3f655c",
  "curl-h2.hex": "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6",
  "curl-http1.hex": "t13d3112h1_e8f1e7e78f70_b26ce05bbdd6",
  "git.hex": "t13d2912h2_723694b0fccc_288f874c93d6",
  "wget.hex": "t13d291300_723694b0fccc_899037bd0b8c",
  "gnutls-tls13.hex": "t13d2914h2_723694b0fccc_2cc26d266019",
  "gnutls-tls12.hex": "t12d251000_7415a186c913_577ffa9d9a5c",
  "node24.hex": "t13d5212h2_b262b3658495_8e6e362c5eac",
  "node24-fetch.hex": "t13d5212h1_b262b3658495_8e6e362c5eac",
  "node20.hex": "t13d591000_a33745022dd6_1f22a2ca17c4",
  "deno.hex": "t13d1011h2_61a7ad8aa9b6_f9531d972513",
  "bun.hex": "t13d1713h1_5b57614c22b0_7f527383e249",
  "python.hex": "t13d1812h2_85036bcba153_d41ae481755e",
  "perl.hex": "t13d3112h1_e8f1e7e78f70_d41ae481755e",
  "java17.hex": "t13d3713h2_db35923f8641_7c76daad20ec",
  "java25.hex": "t13d3113h2_1d947a95fc68_7e1102d2036b",
  "go.hex": "t13d1910h2_9dc949149365_97f8aa674fd9",
  "chromium.hex": WITH_GREASE_JA4,
  "firefox.hex": "t13d1617h2_86a278354501_3cbfd9057e0d",
};

describe("computeJa4() of captured hellos", () => {
  for (const { file, bytes, message, alpn: protocols, serverName } of CORPUS) {
    test(file, () => {
      const joined = joinHelloRecords(bytes);
      assert.ok(joined !== undefined);
      assert.deepEqual(Buffer.from(joined), message);
      const ja4 = computeJa4(joined, sha256Hex);
      assert.match(ja4 ?? "", FORM);
      if (serverName !== undefined) assert.equal(ja4?.charAt(3), "d");
      if (protocols.length === 0) assert.equal(ja4?.slice(8, 10), "00");
      // A capture that is new has its fingerprint put down here once it has been looked at.
      assert.equal(ja4, CAPTURED[file]);
    });
  }
});

test("computeJa4() does not depend on GREASE values and the order of extensions and ciphers", () => {
  const random = seededRandom(8701);
  const shuffled = (text: string): string => {
    const items = text.split(",");
    for (let i = items.length - 1; i > 0; i -= 1) {
      const j = random(i + 1);
      [items[i], items[j]] = [items[j] ?? "", items[i] ?? ""];
    }
    return items.join(",");
  };
  const grease = (text: string): string => {
    const replaced = text.split(",").filter((item) => !/^([0-9a-f]a)\1$/.test(item));
    const first = random(16);
    for (const value of [first, (first + 1 + random(15)) % 16]) {
      const byte = `${value.toString(16)}a`;
      replaced.splice(random(replaced.length + 1), 0, byte + byte);
    }
    return replaced.join(",");
  };
  for (let i = 0; i < 500; i += 1) {
    const recipe: Recipe = {
      ciphers: grease(shuffled(WITH_GREASE.ciphers)),
      types: grease(shuffled(WITH_GREASE.types)),
      algorithms: grease(WITH_GREASE.algorithms),
      versions: grease(shuffled(WITH_GREASE.versions)),
    };
    assert.equal(fingerprintOf(recipe), WITH_GREASE_JA4, JSON.stringify(recipe));
  }
});

test("computeJa4() depends on the order of signature algorithms", () => {
  const algorithms = "0804,0403,0401,0503,0805,0501,0806,0601";
  const ja4 = fingerprintOf({ ...EXAMPLE, algorithms });
  assert.match(ja4 ?? "", FORM);
  assert.notEqual(ja4, EXAMPLE_JA4);
});

test("computeJa4() counts what only looks like GREASE", () => {
  const ja4 = fingerprintOf({
    ...EXAMPLE,
    ciphers: `${EXAMPLE.ciphers},0a1a,1a0a,00ff,5600`,
    types: `${EXAMPLE.types},1a2a`,
  });
  assert.equal(ja4?.slice(0, 10), "t13d1917h2");
});

function ja4Of(parts: HelloParts): string | undefined {
  return computeJa4(helloMessage(parts), sha256Hex);
}

function factsOf(parts: HelloParts): string | undefined {
  return ja4Of(parts)?.slice(0, 10);
}

const ALPNS: readonly (readonly [protocols: readonly string[], characters: string])[] = [
  [["h2"], "h2"],
  [["http/1.1", "h2"], "h1"],
  [["x"], "xx"],
  [["Z9-A"], "ZA"],
  [["acme-tls/1"], "a1"],
  // The five of the specification.
  [["\u00ab"], "ab"],
  [["\u00ab\u00cd"], "ad"],
  [["0\u00ab"], "3b"],
  [["01\u00ab\u00cd"], "3d"],
  [["0\u00ab\u00cd1"], "01"],
  // GREASE (RFC 8701) is two equal bytes, here 0x0A and 0x5A.
  [["\n\n"], "0a"],
  [["ZZ"], "ZZ"],
  [["\0a"], "01"],
  [["a/"], "6f"],
  [["h2\n"], "6a"],
];

describe("computeJa4() writes the first and last character of", () => {
  for (const [protocols, characters] of ALPNS) {
    test(JSON.stringify(protocols), () => {
      assert.equal(factsOf({ extensions: [alpn(...protocols)] })?.slice(8), characters);
    });
  }
  test("no protocol as 00", () => {
    assert.equal(factsOf({ extensions: [] })?.slice(8), "00");
    assert.equal(factsOf({ extensions: [alpn()] })?.slice(8), "00");
    assert.equal(factsOf({ extensions: [alpn("", "h2")] })?.slice(8), "00");
  });
});

const VERSIONS: readonly (readonly [legacy: number, supported: string | null, text: string])[] = [
  [0x0303, "0304,0303", "13"],
  [0x0303, "0303,0304", "13"],
  [0x0303, "fafa,0302,0303", "12"],
  [0x0304, "0301", "10"],
  [0x0303, "fafa", "00"],
  [0x0303, "7f1c,0303", "00"],
  [0x0304, null, "13"],
  [0x0303, null, "12"],
  [0x0302, null, "11"],
  [0x0301, null, "10"],
  [0x0300, null, "s3"],
  [0x0002, null, "s2"],
  [0x0305, null, "00"],
  [0xfefd, null, "d2"],
];

describe("computeJa4() writes the version", () => {
  for (const [legacyVersion, supported, text] of VERSIONS) {
    test(`${legacyVersion.toString(16)} with supported versions ${supported} as ${text}`, () => {
      const extensions =
        supported === null ? [] : extensionsOf("002b", { "002b": vector(1, hexList(supported)) });
      assert.equal(factsOf({ legacyVersion, extensions })?.slice(1, 3), text);
    });
  }
});

test("computeJa4() writes zeros for lists with nothing in them", () => {
  const cipherSuites = hexList("1a1a");
  const none = "000000000000";
  assert.equal(ja4Of({ cipherSuites, extensions: null }), `t12i000000_${none}_${none}`);
  assert.equal(ja4Of({ cipherSuites, extensions: [] }), `t12i000000_${none}_${none}`);
  const listedElsewhere = [serverNames("nginx.com"), alpn("h2")];
  assert.equal(ja4Of({ cipherSuites, extensions: listedElsewhere }), `t12d0002h2_${none}_${none}`);
});

test("computeJa4() caps counts at 99", () => {
  const types = Array.from({ length: 120 }, (_, i) => (0x3000 + i).toString(16));
  const ciphers = (count: number): Buffer => hexList(types.slice(0, count).join(","));
  const extensions = (count: number): readonly Extension[] =>
    extensionsOf(types.slice(0, count).join(","), {});
  const facts = (count: number): string | undefined =>
    factsOf({ cipherSuites: ciphers(count), extensions: extensions(count) });
  assert.equal(facts(9), "t12i090900");
  assert.equal(facts(99), "t12i999900");
  assert.equal(facts(100), "t12i999900");
  assert.equal(facts(120), "t12i999900");
});

test("computeJa4() gives nothing for every proper prefix, and for what is no hello", () => {
  const message = helloMessage({ extensions: [serverNames("nginx.com"), alpn("h2")] });
  assert.match(computeJa4(message, sha256Hex) ?? "", FORM);
  for (let end = 0; end < message.length; end += 1) {
    assert.equal(computeJa4(message.subarray(0, end), sha256Hex), undefined, `${end} bytes`);
  }
  const serverHello = Buffer.from(message);
  serverHello[0] = 2;
  assert.equal(computeJa4(serverHello, sha256Hex), undefined);
  const odd = { extensions: extensionsOf("000d", { "000d": vector(2, Buffer.alloc(3)) }) };
  assert.equal(computeJa4(helloMessage(odd), sha256Hex), undefined);
});

test("joinHelloRecords() gives the message out of records of any size, and nothing for a part", () => {
  const message = helloMessage({ extensions: [serverNames("nginx.com"), padding(3000)] });
  const earlyData = record(Buffer.alloc(20, 1), { type: 23 });
  for (const size of [1, 2, 3, 4, 5, 7, 100, 2 ** 14]) {
    const wire = records(message, size);
    const joined = joinHelloRecords(Buffer.concat([wire, earlyData]));
    assert.deepEqual(joined === undefined ? undefined : Buffer.from(joined), message);
    const step = size === 1 ? 7 : 1;
    for (let end = 0; end < wire.length; end += step) {
      assert.equal(joinHelloRecords(wire.subarray(0, end)), undefined, `${end} of ${size}`);
    }
  }
});

test("joinHelloRecords() does not copy a hello in one record", () => {
  const wire = record(helloMessage());
  const joined = joinHelloRecords(wire);
  assert.equal(joined?.buffer, wire.buffer);
  assert.equal(joined?.byteOffset, wire.byteOffset + 5);
});

test("computeJa4() withstands 20,000 mutated hellos", () => {
  const random = seededRandom(4);
  const counts = { accepted: 0, fingerprints: 0 };
  for (let i = 0; i < 20_000; i += 1) {
    const capture = CORPUS[i % CORPUS.length];
    assert.ok(capture !== undefined);
    const message = mutate(capture.message, random);
    if (message.length >= 4 && random(4) > 0) message.writeUIntBE(message.length - 4, 1, 3);
    const wire = random(4) > 0 ? records(message, 2 ** 14) : mutate(capture.bytes, random);
    const joined = joinHelloRecords(wire);
    const ja4 = joined === undefined ? undefined : computeJa4(joined, sha256Hex);
    if (ja4 !== undefined) {
      counts.fingerprints += 1;
      assert.match(ja4, FORM);
    }
    const result = parseClientHello(wire, BYTES_MAX);
    if (result.kind !== "hello") continue;
    counts.accepted += 1;
    const { serverName, alpn: protocols } = result.hello;
    if (ja4 === undefined) continue;
    if (serverName !== undefined) assert.equal(ja4.charAt(3), "d");
    if (protocols.length === 0) assert.equal(ja4.slice(8, 10), "00");
  }
  for (const count of Object.values(counts)) assert.ok(count > 500, JSON.stringify(counts));
});
