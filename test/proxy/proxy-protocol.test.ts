import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { writeProxyV1, writeProxyV2 } from "../../src/core/proxy-protocol/write.ts";
import { alpn, helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig, answer, request } from "./harness.ts";
import { quiet } from "./peer.ts";

const CLIENT = { address: "192.0.2.7", port: 4711 };
const DESTINATION = { address: "198.51.100.1", port: 443 };
const V1 = Buffer.from(writeProxyV1(CLIENT, DESTINATION));
const V2 = Buffer.from(writeProxyV2(CLIENT, DESTINATION));
const HELLO = helloWith(serverNames(HOST), alpn("h2"));
const TRUSTED = 'proxy_protocol = { trusted = ["127.0.0.1"] }';

describe("a gateway with proxy_protocol", () => {
  for (const [version, header] of [
    [1, V1],
    [2, V2],
  ] as const) {
    test(`takes version ${version} in any split before a hello`, async (t) => {
      const rig = await Rig.create(t);
      const origin = await rig.origin();
      await rig.serve({ tls: [origin.address], gateway: TRUSTED });
      const client = await rig.tlsClient();
      await client.writeBytewise(Buffer.concat([header, HELLO]));
      const peer = await origin.peer();
      await peer.seeBytes(HELLO.length);
      assert.deepEqual(peer.bytes, HELLO);
      client.reset();
      const line = await rig.line();
      assert.deepEqual([line["client"], line["sni"]], ["192.0.2.7:4711", HOST]);
      await rig.close();
    });
  }

  test("tells HTTP endpoints of the client, and takes header and request in one piece", async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.httpOrigin((head) =>
      answer(/X-Forwarded-For: (.*)\r/.exec(head)?.[1] ?? ""),
    );
    await rig.serve({ http: [origin.address], gateway: TRUSTED });
    const client = await rig.client();
    client.write(Buffer.concat([V2, Buffer.from(request("GET", "/"))]));
    await client.see("\r\n\r\n192.0.2.7");
    client.write(request("GET", "/"));
    await client.see("\r\n\r\n192.0.2.7", 2);
    assert.deepEqual(
      (await rig.log(2)).map((line) => line["client"]),
      ["192.0.2.7:4711", "192.0.2.7:4711"],
    );
    await rig.close();
  });

  test("LOCAL means the connection itself", async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin();
    await rig.serve({ tls: [origin.address], gateway: TRUSTED });
    const client = await rig.tlsClient();
    const nobody = { address: "", port: 0 };
    client.write(Buffer.concat([Buffer.from(writeProxyV2(nobody, nobody)), HELLO]));
    await (await origin.peer()).seeBytes(HELLO.length);
    client.reset();
    assert.match(String((await rig.line())["client"]), /^127\.0\.0\.1:/);
    await rig.close();
  });

  const refusals: readonly (readonly [string, Buffer, string])[] = [
    ["nothing but a hello", HELLO, "proxy-header-missing"],
    ["a broken line", Buffer.from("PROXY TCP4 1.2.3.4\r\n"), "proxy-header-malformed"],
  ];
  for (const [what, sent, failure] of refusals) {
    test(`refuses ${what} without a word`, async (t) => {
      const rig = await Rig.open(t, { gateway: TRUSTED });
      for (const client of [await rig.tlsClient(), await rig.client()]) {
        client.write(sent);
        assert.equal(await client.seeEnd(), "");
      }
      const lines = await rig.log(2);
      assert.deepEqual(
        lines.map((line) => [line["kind"], line["failure"]]),
        [
          ["tls", failure],
          ["http", failure],
        ],
      );
      assert.deepEqual(rig.failureCounts, { [failure]: 2 });
      await rig.close();
    });
  }

  test("refuses an address that is not trusted at once, and one that says nothing in time", async (t) => {
    const rig = await Rig.open(t, { gateway: 'proxy_protocol = { trusted = ["10.0.0.0/8"] }' });
    const stranger = await rig.tlsClient();
    assert.equal(await stranger.seeEnd(), "");
    assert.equal((await rig.line())["failure"], "proxy-untrusted");
    await rig.serve({ gateway: TRUSTED });
    const silent = await rig.tlsClient();
    silent.write(V2.subarray(0, 5));
    await rig.log(1);
    await quiet(() => rig.connectionsActive);
    rig.skip(11_000);
    assert.equal(await silent.seeEnd(), "");
    assert.equal((await rig.log(2))[1]?.["failure"], "proxy-header-timeout");
    await rig.close();
  });
});

/** What an endpoint sees before the hello. */
async function headerOf(t: TestContext, version: string): Promise<Buffer> {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({
    tls: [origin.address],
    gateway: TRUSTED,
    service: `proxy_protocol = "${version}"`,
  });
  const client = await rig.tlsClient();
  client.write(Buffer.concat([V2, HELLO]));
  const peer = await origin.peer();
  await peer.see(HELLO.toString("latin1"));
  client.reset();
  await rig.close();
  const { bytes } = peer;
  assert.deepEqual(bytes.subarray(-HELLO.length), HELLO);
  return bytes.subarray(0, -HELLO.length);
}

describe("a service with proxy_protocol", () => {
  test("sends version 1", async (t) => {
    assert.equal(String(await headerOf(t, "v1")), String(V1));
  });

  test("sends version 2 with server name and protocol", async (t) => {
    const expected = writeProxyV2(CLIENT, DESTINATION, { authority: HOST, alpn: "h2" });
    assert.deepEqual(await headerOf(t, "v2"), Buffer.from(expected));
  });

  test("never uses an HTTP connection for another client", async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.httpOrigin((head) => answer(head.split("\r\n")[0] ?? ""));
    await rig.serve({ http: [origin.address], service: 'proxy_protocol = "v1"' });
    const ports: string[] = [];
    for (const index of [0, 1]) {
      const client = await rig.client();
      client.write(request("GET", "/"));
      await client.see("\r\n\r\nPROXY TCP4 127.0.0.1 127.0.0.1 ");
      const own = client.socket.localPort;
      assert.match(client.text, new RegExp(`127\\.0\\.0\\.1 ${own} ${rig.httpPort}$`));
      ports.push(String(own));
      client.destroy();
      await rig.log(index + 1);
    }
    assert.equal(origin.peers.length, ports.length);
    await rig.close();
  });
});
