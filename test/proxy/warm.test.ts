/** Tunnels on connections that were kept ready. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { alpn, helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig } from "./harness.ts";
import { type Origin, quiet, until } from "./peer.ts";

const HELLO = helloWith(serverNames(HOST), alpn("h2"));
const EARLY_DATA = Buffer.from("\x17\x03\x03\x00\x05early", "latin1");

/** A worker with an endpoint that waits for so many connections, once they are there. */
async function open(rig: Rig, warm: number, more = ""): Promise<Origin> {
  const origin = await rig.origin();
  const text = rig.toml({ tls: [origin.address] });
  await rig.load(`${text}pool.warm = ${warm}\n${more}`);
  return origin;
}

test("StreamConnection begins on a connection that was kept ready, which is replaced", async (t) => {
  const rig = await Rig.create(t);
  const origin = await open(rig, 2);
  await origin.peer(1);
  await until(() => rig.upstreamActive === 2, "two are ready");
  for (let i = 1; i <= 3; i += 1) {
    const client = await rig.tlsClient();
    client.write(HELLO);
    const took = (): number => origin.peers.filter(({ length }) => length > 0).length;
    await until(() => took() === i, "it is used");
    // The newest was taken, and another one is made in its place.
    await origin.peer(i + 1);
    const used = origin.peers.findLast(({ length }) => length > 0);
    assert.deepEqual(await used?.seeBytes(HELLO.length), HELLO);
    used?.write("hello back");
    await client.see("hello back");
    client.write("more");
    await used?.seeBytes(HELLO.length + 4);
    await until(() => rig.upstreamActive === i + 2, "it is replaced");
  }
  assert.deepEqual([rig.tunnelsActive, rig.metric("gatehouse_tunnels_total")], [3, 3]);
  await rig.close();
});

test("StreamConnection logs no time to connect for one that was ready", async (t) => {
  const rig = await Rig.create(t);
  const origin = await open(rig, 1);
  await until(() => rig.upstreamActive === 1 && origin.peers.length === 1, "one is ready");
  await quiet(() => rig.upstreamActive);
  const client = await rig.tlsClient();
  client.write(HELLO);
  const [peer] = origin.peers;
  await peer?.seeBytes(HELLO.length);
  peer?.write("back");
  await client.see("back");
  client.end();
  await peer?.seeEnd();
  peer?.end();
  const line = await rig.line();
  assert.deepEqual(
    [line["connect_ms"], line["endpoint"], line["bytes_in"], line["bytes_out"]],
    [undefined, origin.address, HELLO.length, 4],
  );
  await rig.close();
});

for (const [name, die] of [
  ["resets it", "reset"],
  ["closes it", "end"],
] as const) {
  test(`StreamConnection dials anew when the endpoint ${name} at the first bytes`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await open(rig, 1);
    const first = await origin.peer(0);
    await until(() => rig.upstreamActive === 1, "one is ready");
    await quiet(() => origin.peers.length);
    first.socket.once("data", () => first[die]());
    const client = await rig.tlsClient();
    client.write(HELLO);
    // Another warm one may come before or after the one for this client.
    const answered = (): boolean =>
      origin.peers.some((peer) => peer !== first && peer.length === HELLO.length);
    await until(answered, "the hello comes again");
    const second = origin.peers.find((peer) => peer !== first && peer.length > 0);
    assert.deepEqual(second?.bytes, HELLO);
    second?.write("hello back");
    await client.see("hello back");
    client.end();
    await second?.seeEnd();
    second?.end();
    const line = await rig.line();
    assert.deepEqual([line["failure"], line["bytes_in"]], [undefined, HELLO.length]);
    assert.equal(typeof line["connect_ms"], "number");
    assert.equal(rig.metric("gatehouse_tunnels_total"), 1);
    assert.equal(rig.metric("gatehouse_bytes_total", 0), HELLO.length);
    assert.deepEqual(rig.failureCounts, {});
    await rig.close();
  });
}

test("StreamConnection sends nothing twice that may have been acted on", async (t) => {
  const rig = await Rig.create(t);
  const origin = await open(rig, 1);
  const first = await origin.peer(0);
  await until(() => rig.upstreamActive === 1, "one is ready");
  await quiet(() => origin.peers.length);
  first.socket.once("data", () => first.reset());
  const client = await rig.tlsClient();
  client.write(Buffer.concat([HELLO, EARLY_DATA]));
  await client.seeClose();
  assert.equal(client.wasReset, true);
  assert.deepEqual(rig.failureCounts, { "upstream-reset": 1 });
  assert.ok(origin.peers.every((peer) => peer === first || peer.length === 0));
  await rig.close();
});

test("StreamConnection dials when none is ready", async (t) => {
  const rig = await Rig.create(t);
  const origin = await open(rig, 1);
  await until(() => rig.upstreamActive === 1, "one is ready");
  const clients = [await rig.tlsClient(), await rig.tlsClient(), await rig.tlsClient()];
  for (const client of clients) client.write(HELLO);
  const used = (): number => origin.peers.filter(({ length }) => length === HELLO.length).length;
  await until(() => used() === 3, "all have one");
  await rig.close();
});

test("warm connections obey pool.connections and make room for requests", async (t) => {
  const rig = await Rig.create(t);
  const origin = await open(rig, 5, "pool.connections = 2");
  await until(() => rig.upstreamActive === 2, "two are ready");
  await quiet(() => origin.peers.length);
  assert.equal(origin.peers.length, 2);
  const clients = [await rig.tlsClient(), await rig.tlsClient()];
  for (const client of clients) client.write(HELLO);
  await until(() => origin.peers.filter(({ length }) => length > 0).length === 2, "both are used");
  rig.skip(1000);
  await quiet(() => origin.peers.length);
  assert.equal(origin.peers.length, 2);
  await rig.close();
});

test("no connection is kept ready where a PROXY header comes first", async (t) => {
  const rig = await Rig.create(t);
  const origin = await open(rig, 2, 'proxy_protocol = "v1"');
  const client = await rig.tlsClient();
  client.write(HELLO);
  await (await origin.peer()).see("PROXY TCP4");
  assert.equal(origin.peers.length, 1);
  await rig.close();
});

test("a reload makes more or fewer warm connections", async (t) => {
  const rig = await Rig.create(t);
  const origin = await open(rig, 1);
  await until(() => rig.upstreamActive === 1, "one");
  const text = rig.toml({ tls: [origin.address] });
  await rig.load(`${text}pool.warm = 3\n`);
  await until(() => rig.upstreamActive === 3, "three");
  await rig.load(text);
  await until(() => rig.upstreamActive === 0, "none");
  await rig.close();
});
