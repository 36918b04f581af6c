import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOffset } from "../../src/core/metric-layout.ts";
import { Rig, answer, request } from "./harness.ts";
import { type Peer, quiet, until } from "./peer.ts";

const PATIENT = { delayMs: 0, requestsMs: 60_000, tunnelsMs: 60_000 };

test("HttpConnection closes a client that says nothing for the header time-out", async (t) => {
  const rig = await Rig.open(t);
  const client = await rig.client();
  await until(() => rig.connectionsActive === 1, "accepted");
  rig.skip(9000);
  assert.equal(rig.connectionsActive, 1);
  rig.skip(2000);
  assert.equal(await client.seeEnd(), "");
  const line = await rig.line();
  assert.equal(line["failure"], "header-timeout");
  assert.equal(line["status"], undefined);
  await rig.close();
});

test("HttpConnection answers 408 to a head that takes longer than its time-out in all", async (t) => {
  const rig = await Rig.open(t);
  const client = await rig.client();
  await until(() => rig.connectionsActive === 1, "accepted");
  rig.skip(9000);
  client.write("GET / HTTP/1.1\r\n");
  await waitForHead(rig, client);
  rig.skip(9000);
  client.write("Host: a.test\r\n");
  await waitForHead(rig, client);
  assert.equal(client.length, 0);
  rig.skip(2000);
  assert.match(await client.seeEnd(), /^HTTP\/1\.1 408 /);
  client.end();
  await client.seeClose();
  const line = await rig.line();
  assert.equal(line["failure"], "header-timeout");
  assert.equal(line["status"], 408);
  assert.equal(line["bytes_in"], "GET / HTTP/1.1\r\nHost: a.test\r\n".length);
  await rig.close();
});

test("HttpConnection closes an idle connection after keep_alive, without a line", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("x"));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nx");
  await rig.log(1);
  rig.skip(74_000);
  assert.equal(rig.connectionsActive, 1);
  rig.skip(2000);
  await client.seeEnd();
  assert.equal(client.wasReset, false);
  await rig.log(1);
  assert.deepEqual(rig.failureCounts, {});
  await rig.close();
});

test("HttpConnection gives the second head its own time-out", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("x"));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nx");
  rig.skip(60_000);
  client.write("GET / HTTP/1.1\r\n");
  await waitForHead(rig, client);
  rig.skip(11_000);
  assert.match(await client.seeEnd(), /HTTP\/1\.1 408 /);
  const lines = await rig.log(2);
  assert.equal(lines[1]?.["failure"], "header-timeout");
  await rig.close();
});

test("Exchange answers 408 when the body stalls, and closes the endpoint's connection", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(`${request("POST", "/", ["Content-Length: 10"])}half`);
  const peer = await origin.peer();
  await peer.see("half");
  rig.skip(59_000);
  client.write("h");
  await peer.see("halfh");
  rig.skip(59_000);
  assert.equal(client.length, 0, "each piece begins the limit anew");
  rig.skip(2000);
  assert.match(await client.seeEnd(), /^HTTP\/1\.1 408 /);
  await peer.seeEnd();
  assert.equal((await rig.line())["failure"], "body-timeout");
  await rig.close();
});

test("Exchange cuts a client off that takes no byte of its answer for body_idle", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin(floodAfterHead);
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.hold();
  client.write(request("GET", "/"));
  const peer = await origin.peer();
  await quiet(() => peer.socket.bytesWritten - peer.socket.writableLength);
  rig.skip(61_000);
  await until(() => rig.connectionsActive === 0, "cut off");
  await until(() => peer.closed, "the endpoint's connection is closed");
  assert.equal((await rig.line())["failure"], "client-stalled");
  await rig.close();
});

test("HttpConnection resets a client that does not take its pipelined answers for body_idle", async (t) => {
  const body = "x".repeat(60_000);
  const rig = await Rig.open(t, {
    routes: `[[virtual_service.http]]\nrespond = { status = 200, body = "${body}" }`,
  });
  const client = await rig.client();
  client.hold();
  client.write(request("GET", "/").repeat(1000));
  await until(() => rig.lines.length > 0, "a first answer");
  await quiet(() => rig.lines.length);
  rig.skip(59_000);
  assert.equal(rig.connectionsActive, 1);
  rig.skip(2000);
  await until(() => rig.connectionsActive === 0, "reset");
  await rig.close();
});

test("HttpConnection lets a slow client finish its answer, however short keep_alive is", async (t) => {
  const size = 16 * 1024 * 1024;
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => sendAfterHead(peer, size));
  await rig.serve({ http: [origin.address], gateway: 'timeouts.keep_alive = "1s"' });
  const client = await rig.client();
  client.keep = false;
  client.hold();
  client.write(request("GET", "/"));
  const peer = await origin.peer();
  await quiet(() => peer.socket.bytesWritten - peer.socket.writableLength);
  rig.skip(5000);
  await letEventsPass();
  assert.equal(rig.connectionsActive, 1);
  client.release();
  await until(
    () => client.length > size,
    () => `the whole answer, ${client.length} bytes`,
  );
  await rig.close();
});

for (const ending of ["drain", "keep-alive limit"] as const) {
  test(`HttpConnection delivers the answers that wait for a slow client: ${ending}`, async (t) => {
    const body = "y".repeat(60_000);
    const rig = await Rig.create(t);
    const origin = await rig.httpOrigin(() => answer(body));
    await rig.serve({ http: [origin.address], gateway: 'timeouts.keep_alive = "1s"' });
    const client = await rig.client();
    client.keep = false;
    client.hold();
    client.write(request("GET", "/").repeat(1000));
    await quiet(() => rig.metric("gatehouse_requests_total", codeOffset(200)));
    const served = rig.metric("gatehouse_requests_total", codeOffset(200));
    assert.ok(served > 0 && served < 1000, `${served} answers wait`);
    if (ending === "drain") rig.send({ type: "drain", settings: PATIENT });
    rig.skip(5000);
    await letEventsPass();
    client.release();
    const expected = ending === "drain" ? served : 1000;
    await until(
      () => client.length > expected * body.length,
      () => `${expected} answers, ${client.length} bytes came`,
    );
    if (ending === "drain") await client.seeEnd();
    assert.equal(client.wasReset, false);
    await rig.close();
  });
}

test("LingeringEnd reads on for a while so that a refused client sees its answer, and not for ever", async (t) => {
  const rig = await Rig.open(t);
  const client = await rig.client();
  client.write("GET / HTTP/1.1\r\n\r\n");
  assert.match(await client.seeEnd(), /^HTTP\/1\.1 400 /);
  client.write("x".repeat(100_000));
  await quiet(() => client.socket.bytesWritten - client.socket.writableLength, 10);
  assert.equal(client.closed, false);
  rig.skip(3000);
  await until(() => rig.connectionsActive === 0, "closed");
  await rig.log(1);
  await rig.close();
});

test("LingeringEnd drops no more than its bound", async (t) => {
  const rig = await Rig.open(t);
  const client = await rig.client();
  client.write("GET / HTTP/1.1\r\n\r\n");
  await client.seeEnd();
  client.write("x".repeat(4 * 1024 * 1024));
  await until(() => rig.connectionsActive === 0, "closed");
  await rig.log(1);
  await rig.close();
});

/** A limit is set when the head's first bytes are read: they have been when a whole turn of events has passed. */
async function waitForHead(rig: Rig, client: Peer): Promise<void> {
  await until(() => client.socket.writableLength === 0, "sent");
  await letEventsPass();
  assert.equal(rig.connectionsActive, 1);
}

async function letEventsPass(): Promise<void> {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

function floodAfterHead(peer: Peer): void {
  sendAfterHead(peer, 64 * 1024 * 1024);
}

function sendAfterHead(peer: Peer, size: number): void {
  peer.socket.once("data", () => {
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    peer.socket.write(Buffer.alloc(size, 0x7a));
  });
}
