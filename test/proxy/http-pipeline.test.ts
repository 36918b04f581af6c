import assert from "node:assert/strict";
import { test } from "node:test";
import { Rig, answer, request } from "./harness.ts";
import { type Peer, count, quiet, until } from "./peer.ts";

const RESPOND = '[[virtual_service.http]]\nrespond = { status = 200, body = "ok" }';

test("HttpConnection answers 3,000 requests of one segment without growing the stack", async (t) => {
  const rig = await Rig.open(t, { routes: RESPOND });
  const client = await rig.client();
  client.write(request("GET", "/").repeat(3000));
  await client.see("\r\n\r\nok", 3000);
  await rig.log(3000);
  await rig.close();
});

test("HttpConnection forwards 3,000 requests of one segment in order", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin((head) => answer(`<${head.split(" ")[1]}>`));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  let sent = "";
  for (let i = 0; i < 3000; i += 1) sent += request("GET", `/${i}`);
  client.write(sent);
  await client.see("</2999>");
  const order = [...client.text.matchAll(/<\/(\d+)>/g)].map((match) => Number(match[1]));
  assert.deepEqual(
    order,
    Array.from({ length: 3000 }, (_, i) => i),
  );
  assert.equal(origin.peers.length, 1);
  await rig.close();
});

test("HttpConnection starts no request while the client does not read the answers before it", async (t) => {
  const body = "x".repeat(60_000);
  const rig = await Rig.open(t, {
    routes: `[[virtual_service.http]]\nrespond = { status = 200, body = "${body}" }`,
  });
  const client = await rig.client();
  client.hold();
  client.keep = false;
  client.write(request("GET", "/").repeat(1500));
  await until(() => rig.lines.length > 0, "a first answer");
  await quiet(() => rig.lines.length);
  assert.ok(rig.lines.length < 400, `${rig.lines.length} answers of 60 kB wait`);
  client.release();
  await until(
    () => client.length > 1500 * body.length,
    () => `all answers, ${client.length} bytes`,
  );
  await rig.log(1500);
  await rig.close();
});

test("HttpConnection holds forwarded answers back too while the client does not read", async (t) => {
  const body = "x".repeat(50_000);
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer(body));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.hold();
  client.keep = false;
  client.write(request("GET", "/").repeat(1500));
  await quiet(() => origin.peers[0]?.length);
  assert.ok(count(origin.peers[0]?.text ?? "", "GET /") < 400);
  client.release();
  await until(
    () => client.length > 1500 * body.length,
    () => `all answers, ${client.length} bytes`,
  );
  await rig.close();
});

test("HttpConnection takes a bounded part of what is sent ahead of a running exchange", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => "");
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/first"));
  await (await origin.peer()).see("\r\n\r\n");
  client.write(request("GET", "/ahead").repeat(1_000_000));
  const taken = (): number => client.socket.bytesWritten - client.socket.writableLength;
  await quiet(taken);
  assert.ok(taken() < 16 * 1024 * 1024, `${taken()} bytes, kernel buffers included`);
  await rig.close();
});

test("HttpConnection never stands still on bodies that were sent ahead", async (t) => {
  const rig = await Rig.create(t);
  let release = false;
  const origin = await rig.origin((peer) => answerPosts(peer, () => release));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  const sizes = Array.from({ length: 200 }, (_, i) => (i * 7919) % 40_000);
  let sent = "";
  for (const size of sizes) {
    sent += request("POST", "/", [`Content-Length: ${size}`]) + "b".repeat(size);
    sent += request("GET", "/");
  }
  client.write(request("GET", "/") + sent);
  await quiet(() => client.socket.bytesWritten - client.socket.writableLength);
  release = true;
  origin.peers[0]?.socket.emit("data", Buffer.alloc(0));
  await client.see("HTTP/1.1 200 OK", 401);
  await rig.log(401);
  await rig.close();
});

test("HttpConnection answers all requests that came before the client's FIN", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin((head) => answer(`<${head.split(" ")[1]}>`));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/1") + request("GET", "/2") + request("GET", "/3"));
  client.end();
  const got = await client.seeClose();
  assert.deepEqual(got.match(/<\/\d>/g), ["</1>", "</2>", "</3>"]);
  assert.equal(count(got, "Connection: close"), 1, "only the last one says so");
  for (const line of await rig.log(3)) assert.equal(line["failure"], undefined);
  await rig.close();
});

test("HttpConnection forwards a body that came whole before the client's FIN", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    peer.socket.on("data", () => {
      if (peer.text.includes("0123456789")) peer.write(answer("done"));
    });
  });
  await rig.serve({ http: [origin.address] });
  for (let i = 0; i < 20; i += 1) {
    const client = await rig.client();
    client.write(`${request("POST", "/", ["Content-Length: 10", "Connection: close"])}0123456789`);
    client.end();
    assert.match(await client.seeClose(), /done$/);
  }
  for (const line of await rig.log(20)) assert.equal(line["failure"], undefined);
  await rig.close();
});

test("HttpConnection logs the head that the client's FIN cut off behind a whole request", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("one"));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(`${request("GET", "/")}GET /half HT`);
  client.end();
  assert.match(await client.seeClose(), /one$/);
  const lines = await rig.log(2);
  assert.equal(lines[0]?.["failure"], undefined);
  assert.equal(lines[1]?.["failure"], "client-closed");
  assert.equal(lines[1]?.["bytes_in"], "GET /half HT".length);
  await rig.close();
});

test("HttpConnection skips empty lines between requests, and knows a CR LF that comes in two reads", async (t) => {
  const rig = await Rig.open(t, { routes: RESPOND });
  const client = await rig.client();
  await client.writeBytewise(`\r\n\r\n${request("GET", "/")}\r\n${request("GET", "/")}\r\n`);
  await client.see("\r\n\r\nok", 2);
  await rig.log(2);
  rig.skip(60_000);
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nok", 3);
  await rig.log(3);
  assert.deepEqual(rig.failureCounts, {}, "the empty line is no half request");
  await rig.close();
});

/** Answers each message once its body is there, as soon as `mayAnswer`. */
function answerPosts(peer: Peer, mayAnswer: () => boolean): void {
  let at = 0;
  peer.socket.on("data", () => {
    if (!mayAnswer()) return;
    const text = peer.text;
    for (;;) {
      const end = text.indexOf("\r\n\r\n", at);
      if (end < 0) return;
      const length = Number(/Content-Length: (\d+)/.exec(text.slice(at, end))?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      at = end + 4 + length;
      peer.write(answer(""));
    }
  });
}
