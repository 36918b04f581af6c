import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { alpn, helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig } from "./harness.ts";

const NAMELESS = helloWith(alpn("h2"));
const NAMED = helloWith(serverNames(HOST), alpn("h2"));
/** An encrypted_client_hello that nobody can read, as GREASE is (RFC 9849 §6.2). */
const WITH_ECH = helloWith(serverNames(HOST), { type: 0xfe0d, data: Buffer.alloc(16, 1) });
const MISSING_EXTENSION = "\x15\x03\x01\x00\x02\x02\x6d";

/** A worker with one TLS listener; `routes` in place of the route to the service `plain`. */
async function open(
  t: TestContext,
  parts: { readonly gateway?: string; readonly routes?: string; readonly head?: string },
) {
  const rig = await Rig.create(t);
  const plain = await rig.origin((peer) => peer.write("plain"));
  const other = await rig.origin((peer) => peer.write("other"));
  await rig.load(`
${parts.head ?? ""}
[[gateway]]
name = "tls"
listen = "127.0.0.1:${rig.tlsPort}"
protocol = "tls"
hosts = ["${HOST}"]
${parts.gateway ?? ""}
[[virtual_service]]
hosts = ["${HOST}"]
${parts.routes ?? '[[virtual_service.tls]]\nroute = "plain"'}
[service.plain]
endpoints = ["${plain.address}"]
[service.other]
endpoints = ["${other.address}"]
`);
  return rig;
}

/** A route to `other` with this match before the one to `plain`. */
function route(match: string): string {
  return `[[virtual_service.tls]]\nmatch = [${match}]\nroute = "other"\n[[virtual_service.tls]]\nroute = "plain"`;
}

/** What the endpoint says that this hello leads to. */
async function answerTo(rig: Rig, hello: Buffer): Promise<string> {
  const client = await rig.tlsClient();
  client.write(hello);
  await client.seeBytes(5);
  client.reset();
  return client.text;
}

describe("no_sni", () => {
  test('"reject" is the default: missing_extension, and the line says so', async (t) => {
    const rig = await open(t, {});
    const client = await rig.tlsClient();
    client.write(NAMELESS);
    assert.equal(await client.seeEnd(), MISSING_EXTENSION);
    const line = await rig.line();
    assert.equal(line["failure"], "missing-server-name");
    assert.deepEqual(line["alpn"], ["h2"]);
    await rig.close();
  });

  test("a service takes what has no name, and nothing else", async (t) => {
    const rig = await open(t, { gateway: 'no_sni = "other"' });
    assert.equal(await answerTo(rig, NAMELESS), "other");
    assert.equal(await answerTo(rig, NAMED), "plain");
    const stranger = await rig.tlsClient();
    stranger.write(helloWith(serverNames("b.test")));
    await stranger.seeEnd();
    const lines = await rig.log(3);
    assert.deepEqual(
      lines.map((line) => [line["gateway"], line["service"], line["failure"]]),
      [
        ["tls", "other", "client-closed"],
        ["tls", "plain", "client-closed"],
        [undefined, undefined, "unknown-server-name"],
      ],
    );
    assert.equal(rig.metric("gatehouse_tunnels_total"), 2);
    await rig.close();
  });

  test("a malformed server name is never no server name", async (t) => {
    const rig = await open(t, { gateway: 'no_sni = "other"' });
    const client = await rig.tlsClient();
    client.write(helloWith(serverNames("")));
    await client.seeEnd();
    assert.equal((await rig.line())["failure"], "hello-malformed");
    await rig.close();
  });
});

describe("match", () => {
  test("ech holds for a hello that offers it, and the line tells", async (t) => {
    const rig = await open(t, { routes: route("{ ech = true }") });
    assert.equal(await answerTo(rig, WITH_ECH), "other");
    assert.equal(await answerTo(rig, NAMED), "plain");
    assert.deepEqual(
      (await rig.log(2)).map((line) => line["ech"]),
      [true, undefined],
    );
    await rig.close();
  });

  test("ech = false holds for one that does not", async (t) => {
    const rig = await open(t, { routes: route("{ ech = false }") });
    assert.equal(await answerTo(rig, WITH_ECH), "plain");
    assert.equal(await answerTo(rig, NAMED), "other");
    await rig.close();
  });

  test("source is the client's network", async (t) => {
    const rig = await open(t, { routes: route('{ source = ["127.0.0.0/8"] }') });
    assert.equal(await answerTo(rig, NAMED), "other");
    await rig.close();
    const far = await open(t, { routes: route('{ source = ["192.0.2.0/24", "::/0"] }') });
    assert.equal(await answerTo(far, NAMED), "plain");
    await far.close();
  });
});

test("access_log.ja4 puts the fingerprint into the line, however the hello is cut", async (t) => {
  const rig = await open(t, { head: "access_log.ja4 = true" });
  await answerTo(rig, NAMED);
  const client = await rig.tlsClient();
  await client.writeBytewise(NAMED);
  await client.see("plain");
  client.reset();
  const [first, second] = (await rig.log(2)).map((line) => line["ja4"]);
  assert.match(String(first), /^t12d0204h2_[0-9a-f]{12}_[0-9a-f]{12}$/);
  assert.equal(second, first);
  await rig.close();
});
