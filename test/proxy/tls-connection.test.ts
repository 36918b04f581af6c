import assert from "node:assert/strict";
import { test } from "node:test";
import { alpn, helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig } from "./harness.ts";
import { quiet, until } from "./peer.ts";
import { findFreePort } from "../processes.ts";
import { stalledPort } from "./stalled-listener.ts";

const HELLO = helloWith(serverNames(HOST), alpn("h2", "http/1.1"));
/** What stands behind the hello in the same segments, as TLS early data would. */
const BEHIND = Buffer.from("\x17\x03\x03\x00\x05early", "latin1");
const ALERT = (description: number): Buffer => Buffer.of(21, 3, 1, 0, 2, 2, description);
const INTERNAL_ERROR = 80;
const UNRECOGNIZED_NAME = 112;

test("TlsConnection passes the bytes on exactly as read, in pieces of every size, and logs one line", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ tls: [origin.address] });
  const sent = Buffer.concat([HELLO, BEHIND]);
  for (let size = 1, index = 0; size < sent.length; size = size * 2 + 1, index += 1) {
    const client = await rig.tlsClient();
    for (let at = 0; at < sent.length; at += size) {
      client.write(sent.subarray(at, at + size));
      await until(() => client.socket.writableLength === 0, "sent");
      await new Promise((resolve) => setImmediate(resolve));
    }
    const peer = await origin.peer(index);
    assert.deepEqual(await peer.seeBytes(sent.length), sent);
    peer.write("hello back");
    await client.see("hello back");
    client.end();
    await peer.seeEnd();
    peer.end();
    await client.seeClose();
    const line = (await rig.log(index + 1))[index];
    assert.equal(line?.["kind"], "tls");
    assert.equal(line["sni"], HOST);
    assert.deepEqual(line["alpn"], ["h2", "http/1.1"]);
    assert.equal(line["endpoint"], origin.address);
    assert.equal(line["bytes_in"], sent.length);
    assert.equal(line["bytes_out"], "hello back".length);
    assert.equal(line["failure"], undefined);
  }
  assert.deepEqual(rig.failureCounts, {});
  assert.equal(rig.metric("gatehouse_bytes_total", 0), rig.lines.length * sent.length);
  assert.equal(rig.metric("gatehouse_tunnels_total"), rig.lines.length);
  await rig.close();
});

test("TlsConnection takes a hello byte by byte and holds few buffers for it", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ tls: [origin.address] });
  const client = await rig.tlsClient();
  await client.writeBytewise(HELLO);
  client.write(BEHIND);
  const peer = await origin.peer();
  assert.deepEqual(
    await peer.seeBytes(HELLO.length + BEHIND.length),
    Buffer.concat([HELLO, BEHIND]),
  );
  await rig.close();
});

/** What a client sends that is refused, with the answer and the kind. */
const REFUSED: readonly {
  readonly name: string;
  readonly sent: Buffer;
  readonly answer: Buffer | RegExp;
  readonly failure: string;
}[] = [
  {
    name: "an unknown name",
    sent: helloWith(serverNames("b.test")),
    answer: ALERT(UNRECOGNIZED_NAME),
    failure: "unknown-server-name",
  },
  {
    name: "no name",
    sent: helloWith(alpn("h2")),
    answer: ALERT(109),
    failure: "missing-server-name",
  },
  {
    name: "a malformed hello",
    sent: Buffer.concat([HELLO.subarray(0, 43), Buffer.alloc(HELLO.length - 43, 0xff)]),
    answer: /^\x15\x03\x01\0\x02\x02/,
    failure: "hello-malformed",
  },
  {
    name: "plain HTTP",
    sent: Buffer.from("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    answer: /^HTTP\/1\.1 400 [^]*This is the TLS port/,
    failure: "not-tls",
  },
  { name: "SSH", sent: Buffer.from("SSH-2.0-x\r\n"), answer: Buffer.alloc(0), failure: "not-tls" },
];

for (const { name, sent, answer, failure } of REFUSED) {
  test(`TlsConnection refuses ${name}, says why and dials nobody`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin();
    await rig.serve({ tls: [origin.address] });
    const client = await rig.tlsClient();
    client.write(sent);
    await client.seeEnd();
    if (answer instanceof RegExp) assert.match(client.text, answer);
    else assert.deepEqual(client.bytes, answer);
    if (client.length > 0) assert.equal(client.wasReset, false, "the answer is not reset away");
    client.end();
    const line = await rig.line();
    assert.equal(line["failure"], failure);
    assert.equal(line["bytes_in"], sent.length);
    assert.equal(line["bytes_out"], client.length);
    assert.deepEqual(rig.failureCounts, { [failure]: 1 });
    assert.equal(origin.peers.length, 0);
    await until(() => rig.connectionsActive === 0, "closed");
    await rig.close();
  });
}

test("TlsConnection lets a refused client that goes on sending see its alert", async (t) => {
  const rig = await Rig.open(t);
  const client = await rig.tlsClient();
  client.write(Buffer.concat([helloWith(serverNames("b.test")), Buffer.alloc(200_000, 0x17)]));
  await client.seeEnd();
  assert.deepEqual(client.bytes, ALERT(UNRECOGNIZED_NAME));
  assert.equal(client.wasReset, false);
  rig.skip(3000);
  await until(() => rig.connectionsActive === 0, "not for ever");
  await rig.close();
});

test("TlsConnection tries another endpoint when one refuses, with the bytes as read", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ tls: [`127.0.0.1:${await findFreePort()}`, origin.address] });
  const client = await rig.tlsClient();
  client.write(Buffer.concat([HELLO, BEHIND]));
  const peer = await origin.peer();
  assert.deepEqual(
    await peer.seeBytes(HELLO.length + BEHIND.length),
    Buffer.concat([HELLO, BEHIND]),
  );
  assert.equal(rig.metric("gatehouse_retries_total"), 1);
  await rig.close();
});

test("TlsConnection sends internal_error when no endpoint takes the connection", async (t) => {
  const rig = await Rig.open(t, { tls: [`127.0.0.1:${await findFreePort()}`] });
  const client = await rig.tlsClient();
  client.write(HELLO);
  await client.seeEnd();
  assert.deepEqual(client.bytes, ALERT(INTERNAL_ERROR));
  assert.equal((await rig.line())["failure"], "connect-refused");
  rig.send({ type: "endpoints", service: "tls", endpoints: [] });
  const other = await rig.tlsClient();
  other.write(HELLO);
  await other.seeEnd();
  assert.deepEqual(other.bytes, ALERT(INTERNAL_ERROR));
  assert.equal((await rig.log(2))[1]?.["failure"], "no-endpoint");
  await rig.close();
});

for (const how of ["reset", "end"] as const) {
  test(`TlsConnection cancels the dial when the client is gone, and keeps it for a half-closing one: ${how}`, async (t) => {
    const stalled = await stalledPort(t);
    const rig = await Rig.open(t, { tls: [`127.0.0.1:${stalled}`] });
    const client = await rig.tlsClient();
    client.write(Buffer.concat([HELLO, Buffer.alloc(8000)]));
    await until(() => rig.upstreamActive === 1, "dialling");
    client[how]();
    if (how === "end") {
      rig.skip(4000);
      assert.equal(rig.upstreamActive, 1, "who half-closes may still be answered");
      rig.skip(2000);
      await client.seeEnd();
      assert.deepEqual(client.bytes, ALERT(INTERNAL_ERROR));
    }
    const expected = how === "end" ? "connect-timeout" : "client-closed";
    assert.equal((await rig.line())["failure"], expected);
    await until(() => rig.upstreamActive === 0 && rig.connectionsActive === 0, "nothing is left");
    await rig.close();
  });
}

test("TlsConnection bounds what a client sends while its endpoint is dialled", async (t) => {
  const stalled = await stalledPort(t);
  const rig = await Rig.open(t, { tls: [`127.0.0.1:${stalled}`] });
  const client = await rig.tlsClient();
  client.write(HELLO);
  await until(() => rig.upstreamActive === 1, "dialling");
  client.write(Buffer.alloc(32 * 1024 * 1024));
  await quiet(() => client.socket.bytesWritten - client.socket.writableLength);
  assert.ok(client.socket.writableLength > 16 * 1024 * 1024, "the rest stays with the client");
  rig.skip(6000);
  const line = await rig.line();
  assert.equal(line["failure"], "connect-timeout");
  assert.ok(
    (line["bytes_in"] as number) < 256 * 1024,
    `${String(line["bytes_in"])} bytes were taken`,
  );
  await rig.close();
});

const SILENT: readonly { readonly name: string; readonly sent: Buffer }[] = [
  { name: "nothing", sent: Buffer.alloc(0) },
  { name: "half a hello", sent: HELLO.subarray(0, 50) },
];

for (const { name, sent } of SILENT) {
  test(`TlsConnection closes a client that says ${name} for the hello time-out`, async (t) => {
    const rig = await Rig.open(t);
    const client = await rig.tlsClient();
    client.write(sent);
    await until(() => rig.connectionsActive === 1, "accepted");
    rig.skip(9000);
    assert.equal(rig.connectionsActive, 1);
    client.write(HELLO.subarray(sent.length, sent.length + 1));
    await quiet(() => client.socket.writableLength, 5);
    rig.skip(2000);
    assert.equal((await client.seeEnd()).length, 0);
    const line = await rig.line();
    assert.equal(line["failure"], "hello-timeout", "the limit is for all of it, not for each byte");
    assert.equal(line["bytes_in"], sent.length + 1);
    await rig.close();
  });

  test(`TlsConnection logs a client that says ${name} and goes`, async (t) => {
    const rig = await Rig.open(t);
    const kind = sent.length === 0 ? "connection-empty" : "hello-truncated";
    for (const how of ["end", "reset"] as const) {
      const client = await rig.tlsClient();
      client.write(sent);
      await until(() => rig.connectionsActive === 1, "accepted");
      await quiet(() => client.socket.writableLength, 5);
      client[how]();
      await until(() => rig.connectionsActive === 0, "closed");
    }
    const lines = await rig.log(2);
    assert.deepEqual(
      lines.map((line) => line["failure"]),
      [kind, kind],
    );
    assert.deepEqual(rig.failureCounts, { [kind]: 2 });
    await rig.close();
  });
}
