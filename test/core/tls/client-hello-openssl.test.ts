/** A second opinion: Node's own TLS server (OpenSSL) on the same bytes. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { connect, isIP, type AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { createServer, type Server } from "node:tls";
import { parseClientHello, type ClientHello } from "../../../src/core/tls/client-hello.ts";
import { loadCorpus } from "../../corpus/hello/corpus.ts";
import { BYTES_MAX } from "../../corpus/hello/malformed.ts";
import {
  alpn,
  GROUPS,
  hello,
  helloMessage,
  helloWith,
  padding,
  records,
  serverNames,
  type Extension,
} from "./hello-builder.ts";
import { mutate } from "./mutate.ts";
import { seededRandom } from "./seeded-random.ts";

/** What the server's callbacks were told; `answer` is the content type of its first record. */
interface Seen {
  serverName: string | undefined;
  alpn: readonly string[] | undefined;
  answer: number | undefined;
}

const CONTENT_TYPE_HANDSHAKE = 22;
const CORPUS = loadCorpus();

let server: Server;
let seen: Seen;

before(async () => {
  const key = ["-newkey", "rsa:2048", "-nodes"];
  const output = ["-subj", "/CN=nginx.com", "-keyout", "-"];
  const stdio = ["ignore", "pipe", "ignore"] as const;
  const pem = execFileSync("openssl", ["req", "-x509", ...key, ...output], { stdio: [...stdio] });
  server = createServer({
    key: pem,
    cert: pem,
    minVersion: "TLSv1",
    ciphers: "ALL:@SECLEVEL=0",
    SNICallback: (name, done) => {
      seen.serverName = name;
      done(null);
    },
    ALPNCallback: ({ protocols }) => {
      seen.alpn = protocols;
      return protocols[0];
    },
  });
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => server.close());

/** Sends the bytes and waits for the server's first answer, which comes after its callbacks, or for its hanging up. */
async function ask(bytes: Buffer): Promise<Seen> {
  seen = { serverName: undefined, alpn: undefined, answer: undefined };
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<number | undefined>();
  client.on("error", () => {});
  client.on("data", (data) => resolve(data[0]));
  client.on("close", () => resolve(undefined));
  client.end(bytes);
  seen.answer = await promise;
  client.destroy();
  return seen;
}

/** The server's findings as the rules of routing put them. */
function folded({ serverName, alpn = [] }: Seen): Pick<ClientHello, "serverName" | "alpn"> {
  const isAddress = serverName !== undefined && isIP(serverName.replace(/\.$/, "")) !== 0;
  if (isAddress) return { serverName: undefined, alpn };
  return { serverName: serverName?.toLowerCase().replace(/\.$/, ""), alpn };
}

/** Node reads the names of protocols as ASCII and drops the top bit of each byte. */
function asNodeReads({ serverName, alpn }: ClientHello): Pick<ClientHello, "serverName" | "alpn"> {
  const ascii = alpn.map((protocol) => Buffer.from(protocol, "latin1").toString("ascii"));
  return { serverName, alpn: ascii };
}

const WITH_NAME = [...GROUPS, serverNames("nginx.com")];
const PADDED: readonly Extension[] = [...WITH_NAME, alpn("h2"), padding(20_000)];

/** RSA with AES128-SHA: what a server takes without any extension. */
const TLS_10 = { legacyVersion: 0x0301, cipherSuites: Buffer.from("002f", "hex") };

const BUILT: Readonly<Record<string, Buffer>> = {
  "no extensions": hello({ ...TLS_10, extensions: null }),
  "an empty block of extensions": hello({ ...TLS_10, extensions: [] }),
  "a name with capitals": helloWith(serverNames("NGINX.Com")),
  "a name with a trailing dot": helloWith(serverNames("nginx.com.")),
  "a name with underscores": helloWith(serverNames("_a._b.example")),
  "a name of 253 bytes": helloWith(serverNames(`${"a.".repeat(126)}a`)),
  "ALPN that is not text": helloWith(alpn("\n\n", "a\u007f", "h2")),
  "32 bytes of session id": hello({ sessionId: Buffer.alloc(32, 7), extensions: WITH_NAME }),
  "two compression methods": hello({
    compressionMethods: Buffer.from("0100", "hex"),
    extensions: WITH_NAME,
  }),
  "more than one record by size": records(helloMessage({ extensions: PADDED }), 2 ** 14),
  "records of 100 bytes": records(helloMessage({ extensions: WITH_NAME }), 100),
};

const WELL_FORMED = [
  ...CORPUS.map(({ file, bytes }) => [file, bytes] as const),
  ...Object.entries(BUILT),
];

for (const [name, bytes] of WELL_FORMED) {
  test(`parseClientHello() agrees with Node's TLS server: ${name}`, async () => {
    const result = parseClientHello(bytes, BYTES_MAX);
    assert.equal(result.kind, "hello");
    if (result.kind !== "hello") return;
    const theirs = await ask(bytes);
    assert.equal(theirs.answer, CONTENT_TYPE_HANDSHAKE, "the server takes the hello");
    assert.deepEqual(asNodeReads(result.hello), folded(theirs));
  });
}

test("parseClientHello() never reads another server name or ALPN than Node's TLS server", async () => {
  const random = seededRandom(443);
  let compared = 0;
  for (let i = 0; i < 600; i += 1) {
    const { message } = CORPUS[i % CORPUS.length] ?? { message: Buffer.alloc(0) };
    const mutated = mutate(message, random);
    if (mutated.length < 4) continue;
    mutated.writeUIntBE(mutated.length - 4, 1, 3);
    const wire = records(mutated, 2 ** 14);
    const result = parseClientHello(wire, BYTES_MAX);
    if (result.kind !== "hello") continue;
    const theirs = await ask(wire);
    if (theirs.answer !== CONTENT_TYPE_HANDSHAKE) continue;
    compared += 1;
    assert.deepEqual(asNodeReads(result.hello), folded(theirs), wire.toString("hex"));
  }
  assert.ok(compared > 50, `only ${compared} were taken by both`);
});
