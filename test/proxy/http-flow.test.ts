import assert from "node:assert/strict";
import { createHash, randomFillSync } from "node:crypto";
import { type TestContext, test } from "node:test";
import { Rig, answer, request } from "./harness.ts";
import { type Peer, quiet, until } from "./peer.ts";

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;
/** What kernel buffers on four sockets may take on loopback, and the queues of the box. */
const HELD_BYTES_MAX = 32 * MIB;

test("Exchange stops reading an upload while the endpoint does not take it, and loses no byte", async (t) => {
  const { rig, client, origin } = await open(t);
  client.write(request("PUT", "/", [`Content-Length: ${SIZE}`]));
  const peer = await origin.peer();
  await peer.see("\r\n\r\n");
  peer.hold();
  const body = patternOf(SIZE);
  const hash = hashing(peer);
  client.write(body);
  await quiet(() => taken(client));
  assert.ok(taken(client) < HELD_BYTES_MAX, `${taken(client)} bytes were taken`);
  peer.release();
  await until(
    () => hash.length === SIZE,
    () => `the whole body, ${hash.length} bytes`,
  );
  assert.equal(hash.digest(), digest(body));
  peer.write(answer("stored"));
  await client.see("stored");
  await rig.log(1);
  await rig.close();
});

test("Exchange stops reading an answer while the client does not take it, and loses no byte", async (t) => {
  const { rig, client, origin } = await open(t);
  client.write(request("GET", "/"));
  const peer = await origin.peer();
  await peer.see("\r\n\r\n");
  peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
  await client.see("\r\n\r\n");
  client.hold();
  const hash = hashing(client);
  const body = patternOf(SIZE);
  peer.write(body);
  await quiet(() => taken(peer));
  assert.ok(taken(peer) < HELD_BYTES_MAX, `${taken(peer)} bytes were taken`);
  client.release();
  await until(
    () => hash.length === SIZE,
    () => `the whole answer, ${hash.length} bytes`,
  );
  assert.equal(hash.digest(), digest(body));
  await rig.log(1);
  await rig.close();
});

test("Exchange streams chunked bodies both ways at once through slow readers", async (t) => {
  const { rig, client, origin } = await open(t);
  const size = 8 * MIB;
  const body = patternOf(size);
  client.write(request("POST", "/", ["Transfer-Encoding: chunked"]));
  const peer = await origin.peer();
  await peer.see("\r\n\r\n");
  peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.see("\r\n\r\n");
  peer.hold();
  client.hold();
  writeChunks(client, body, 70_000);
  client.write("0\r\n\r\n");
  writeChunks(peer, body, 50_000);
  await quiet(() => taken(client) + taken(peer));
  peer.release();
  client.release();
  await peer.see("\r\n0\r\n\r\n");
  // An answer that ends before its request does would stop the upload.
  peer.write("0\r\n\r\n");
  await client.see("\r\n0\r\n\r\n");
  for (const side of [peer, client]) {
    const start = side.bytes.indexOf("\r\n\r\n") + 4;
    assert.equal(digest(dechunk(side.bytes.subarray(start))), digest(body));
  }
  await rig.close();
});

test("Exchange resets the endpoint at once when the client of a paused answer is gone", async (t) => {
  const { rig, client, origin } = await open(t);
  client.write(request("GET", "/"));
  const peer = await origin.peer();
  await peer.see("\r\n\r\n");
  client.hold();
  peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
  peer.write(patternOf(SIZE));
  await quiet(() => taken(peer));
  client.reset();
  await until(() => peer.closed, "the endpoint's connection is closed");
  assert.equal((await rig.line())["failure"], "client-closed");
  await rig.close();
});

test("Exchange ends an upload whose endpoint is gone, while the client's bytes wait", async (t) => {
  const { rig, client, origin } = await open(t);
  client.write(request("POST", "/", [`Content-Length: ${SIZE}`]));
  const peer = await origin.peer();
  await peer.see("\r\n\r\n");
  peer.hold();
  client.write(patternOf(SIZE));
  await quiet(() => taken(client));
  peer.reset();
  await until(() => client.closed || client.text.includes("502 Bad Gateway"), "an end");
  const line = await rig.line();
  assert.equal(line["failure"], "upstream-reset");
  assert.equal(line["status"], 502);
  await until(() => rig.connectionsActive === 0, "closed");
  await rig.close();
});

async function open(context: TestContext) {
  const rig = await Rig.create(context);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address] });
  return { rig, origin, client: await rig.client() };
}

/** Bytes that the other side's kernel or program took. */
function taken(peer: Peer): number {
  return peer.socket.bytesWritten - peer.socket.writableLength;
}

function patternOf(size: number): Buffer {
  const block = randomFillSync(Buffer.alloc(65_521));
  return Buffer.alloc(size, block);
}

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Hashes what comes from now on instead of keeping it. */
function hashing(peer: Peer): { readonly length: number; digest: () => string } {
  const hash = createHash("sha256");
  const result = { length: 0, digest: () => hash.digest("hex") };
  peer.keep = false;
  peer.socket.on("data", (chunk: Buffer) => {
    result.length += chunk.length;
    hash.update(chunk);
  });
  return result;
}

function writeChunks(peer: Peer, body: Buffer, size: number): void {
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    peer.write(`${chunk.length.toString(16)}\r\n`);
    peer.write(chunk);
    peer.write("\r\n");
  }
}

function dechunk(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
}
