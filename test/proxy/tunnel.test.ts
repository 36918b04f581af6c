import assert from "node:assert/strict";
import { createHash, randomFillSync } from "node:crypto";
import { type TestContext, test } from "node:test";
import { HandleSocket } from "../../src/transport/handle-socket.ts";
import { BYTES_IN, BYTES_OUT } from "../../src/core/metric-layout.ts";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig } from "./harness.ts";
import { type Peer, quiet, until } from "./peer.ts";

const HELLO = helloWith(serverNames(HOST));
const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
/** What kernel buffers on four sockets may take on loopback, and the queues of the box. */
const HELD_BYTES_MAX = 32 * MIB;

test("Tunnel keeps the other direction when the client half-closes", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  client.end();
  await peer.seeEnd();
  const bytes = randomFillSync(Buffer.alloc(MIB));
  peer.write(bytes);
  assert.deepEqual(await client.seeBytes(MIB), bytes);
  assert.equal(client.ended, false);
  peer.end();
  await client.seeClose();
  await peer.seeClose();
  const line = await rig.line();
  assert.equal(line["failure"], undefined);
  assert.equal(line["bytes_in"], HELLO.length);
  assert.equal(line["bytes_out"], MIB);
  assert.equal(rig.tunnelsActive, 0);
  await rig.close();
});

test("Tunnel keeps the other direction when the endpoint half-closes", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  peer.end();
  await client.seeEnd();
  assert.equal(client.closed, false);
  const bytes = randomFillSync(Buffer.alloc(MIB));
  client.write(bytes);
  assert.deepEqual((await peer.seeBytes(HELLO.length + MIB)).subarray(HELLO.length), bytes);
  client.end();
  await peer.seeClose();
  await client.seeClose();
  assert.equal((await rig.line())["failure"], undefined);
  await rig.close();
});

test("Tunnel passes a client's reset on as a reset", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  client.reset();
  await peer.seeClose();
  assert.ok(peer.wasReset);
  assert.equal((await rig.line())["failure"], "client-closed");
  assert.equal(rig.tunnelsActive, 0);
  await rig.close();
});

test("Tunnel passes an endpoint's reset on as a reset", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  peer.reset();
  await client.seeClose();
  assert.ok(client.wasReset);
  assert.equal((await rig.line())["failure"], "upstream-reset");
  assert.equal(rig.tunnelsActive, 0);
  await rig.close();
});

/** Less than the kernel takes for a reader that has not begun: nothing of it waits in the box. */
const LAST_WORDS = randomFillSync(Buffer.alloc(50_000));

/** Sends it, then a FIN, then closes as close(2) does: whatever comes from then on is answered with a reset. */
async function sayAndClose(rig: Rig, side: Peer): Promise<void> {
  const passed = (): number =>
    rig.metric("gatehouse_bytes_total", BYTES_IN) + rig.metric("gatehouse_bytes_total", BYTES_OUT);
  const before = passed();
  side.write(LAST_WORDS);
  side.end();
  await until(() => side.socket.writableFinished, "FIN sent");
  side.destroy();
  await until(() => passed() === before + LAST_WORDS.length, "all of it passed");
  await quiet(passed, 10);
}

test("Tunnel delivers all that an endpoint said before it closed, though the client goes on speaking", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  client.hold();
  await sayAndClose(rig, peer);
  client.write("a close_notify");
  await quiet(() => client.socket.writableLength, 10);
  client.write("and more, which the kernel refuses");
  await quiet(() => rig.upstreamActive, 10);
  client.release();
  assert.deepEqual(await client.seeBytes(LAST_WORDS.length), LAST_WORDS);
  await client.seeEnd();
  client.end();
  const line = await rig.line();
  assert.equal(line["failure"], undefined, "to close after a FIN is no failure");
  await until(() => rig.connectionsActive === 0 && rig.upstreamActive === 0, "over");
  await rig.close();
});

test("Tunnel delivers all that a client said before it closed, though the endpoint goes on speaking", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  peer.hold();
  await sayAndClose(rig, client);
  peer.write("a close_notify");
  await quiet(() => peer.socket.writableLength, 10);
  peer.write("and more, which the kernel refuses");
  await quiet(() => rig.connectionsActive, 10);
  peer.release();
  const got = await peer.seeBytes(HELLO.length + LAST_WORDS.length);
  assert.deepEqual(got.subarray(HELLO.length), LAST_WORDS);
  await peer.seeEnd();
  peer.end();
  assert.equal((await rig.line())["failure"], undefined);
  await until(() => rig.connectionsActive === 0 && rig.tunnelsActive === 0, "over");
  await rig.close();
});

test("Tunnel is cut after tunnel_idle without a byte in either direction, and not before", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  rig.skip(3_500_000);
  peer.write("tick");
  await client.see("tick");
  rig.skip(3_500_000);
  client.write("tock");
  await peer.see("tock");
  rig.skip(3_500_000);
  assert.equal(rig.tunnelsActive, 1);
  rig.skip(200_000);
  await client.seeClose();
  await peer.seeClose();
  assert.ok(client.wasReset && peer.wasReset);
  assert.equal((await rig.line())["failure"], "tunnel-idle");
  assert.equal(rig.tunnelsActive, 0);
  await rig.close();
});

test("Tunnel asks the kernel to look after both sides once it has been silent for a while, and not before", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  const keepAlive = t.mock.method(HandleSocket.prototype, "setKeepAlive");
  rig.skip(29_000);
  rig.deadlines.tick();
  assert.equal(keepAlive.mock.callCount(), 0);
  rig.skip(2_000);
  rig.deadlines.tick();
  assert.deepEqual(
    keepAlive.mock.calls.map((call) => call.arguments),
    [[30_000], [30_000]],
  );
  rig.skip(60_000);
  rig.deadlines.tick();
  client.write("still here");
  await peer.see("still here");
  assert.equal(keepAlive.mock.callCount(), 2);
  await rig.close();
});

test("Tunnel is cut after tunnel_idle though one side is closed and the other does not take its bytes", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  peer.hold();
  client.write(Buffer.alloc(SIZE));
  await quiet(() => taken(client));
  const rest = client.socket.writableLength;
  assert.ok(rest > 0);
  peer.write("answer");
  peer.end();
  await client.see("answer");
  // Silence has two parts: TCP keep-alive begins with the second one.
  rig.skip(31_000);
  rig.deadlines.tick();
  rig.skip(3_700_000);
  await client.seeClose();
  await until(() => rig.connectionsActive === 0 && rig.upstreamActive === 0, "cut");
  assert.equal((await rig.line())["failure"], "tunnel-idle");
  await rig.close();
});

for (const direction of ["upload", "download"] as const) {
  test(`Tunnel stops reading while the other side does not take the bytes, and loses none: ${direction}`, async (t) => {
    const { rig, client, peer } = await openTunnel(t);
    const [from, to] = direction === "upload" ? [client, peer] : [peer, client];
    to.hold();
    const hash = createHash("sha256");
    let length = 0;
    to.keep = false;
    to.socket.on("data", (chunk: Buffer) => {
      length += chunk.length;
      hash.update(chunk);
    });
    const bytes = Buffer.alloc(SIZE, randomFillSync(Buffer.alloc(65_521)));
    from.write(bytes);
    from.end();
    await quiet(() => taken(from));
    assert.ok(taken(from) < HELD_BYTES_MAX, `${taken(from)} bytes were taken`);
    to.release();
    await until(
      () => length >= SIZE,
      () => `all bytes, ${length}`,
    );
    assert.equal(hash.digest("hex"), createHash("sha256").update(bytes).digest("hex"));
    await to.seeEnd();
    to.end();
    await from.seeClose();
    const line = await rig.line();
    assert.equal(line["failure"], undefined);
    assert.equal(
      line[direction === "upload" ? "bytes_in" : "bytes_out"],
      SIZE + (direction === "upload" ? HELLO.length : 0),
    );
    await rig.close();
  });
}

test("Tunnel carries both directions at once through slow readers", async (t) => {
  const { rig, client, peer } = await openTunnel(t);
  client.keep = false;
  peer.keep = false;
  client.hold();
  peer.hold();
  client.write(Buffer.alloc(SIZE));
  peer.write(Buffer.alloc(SIZE));
  await quiet(() => taken(client) + taken(peer));
  client.release();
  peer.release();
  await until(
    () => client.length === SIZE && peer.length === SIZE + HELLO.length,
    () => `${client.length} ${peer.length}`,
  );
  await rig.close();
});

async function openTunnel(context: TestContext): Promise<{ rig: Rig; client: Peer; peer: Peer }> {
  const rig = await Rig.create(context);
  const origin = await rig.origin();
  await rig.serve({ tls: [origin.address] });
  const client = await rig.tlsClient();
  client.write(HELLO);
  const peer = await origin.peer();
  await peer.seeBytes(HELLO.length);
  assert.equal(rig.tunnelsActive, 1);
  return { rig, client, peer };
}

function taken(peer: Peer): number {
  return peer.socket.bytesWritten - peer.socket.writableLength;
}
