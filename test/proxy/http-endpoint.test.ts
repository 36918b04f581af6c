import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, Rig, answer, request } from "./harness.ts";
import { type Peer, count, until } from "./peer.ts";
import { findFreePort } from "../processes.ts";
import { stalledPort } from "./stalled-listener.ts";

/** What an endpoint does instead of answering, and what the client and the log see of it. */
const FAULTS: readonly {
  readonly name: string;
  readonly act: (peer: Peer) => void;
  readonly failure: string;
}[] = [
  { name: "resets", act: (peer) => peer.reset(), failure: "upstream-reset" },
  { name: "closes", act: (peer) => peer.end(), failure: "upstream-reset" },
  {
    name: "resets inside its head",
    act: (peer) => peer.socket.write("HTTP/1.1 200 O", () => peer.reset()),
    failure: "upstream-reset",
  },
  {
    name: "closes inside its head",
    act: (peer) => peer.socket.end("HTTP/1.1 200 OK\r\nContent-"),
    failure: "upstream-reset",
  },
  {
    name: "sends garbage",
    act: (peer) => peer.write("\x16\x03\x01\x00\x02"),
    failure: "response-malformed",
  },
  {
    name: "sends bare LF",
    act: (peer) => peer.write("HTTP/1.1 200 OK\n\n"),
    failure: "response-malformed",
  },
  {
    name: "sends a head without an end",
    act: (peer) =>
      peer.write(`HTTP/1.1 200 OK\r\n${"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n".repeat(4000)}`),
    failure: "response-malformed",
  },
  {
    name: "sends too many fields",
    act: (peer) => peer.write(`HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(400)}\r\n`),
    failure: "response-malformed",
  },
  {
    name: "sends interim answers for ever",
    act: (peer) => peer.write("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(500)),
    failure: "response-malformed",
  },
  {
    name: "switches protocols unasked",
    act: (peer) =>
      peer.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
    failure: "response-malformed",
  },
  {
    name: "frames its answer twice",
    act: (peer) =>
      peer.write(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      ),
    failure: "response-malformed",
  },
];

for (const { name, act, failure } of FAULTS) {
  test(`Exchange answers 502 when the endpoint ${name}, and goes on with the client`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin((peer, index) => {
      peer.socket.once("data", () => {
        if (index === 0) act(peer);
        else peer.write(answer("fine"));
      });
    });
    await rig.serve({ http: [origin.address] });
    const client = await rig.client();
    client.write(request("GET", "/bad"));
    const got = await client.see("Request id");
    const status = got.lastIndexOf("HTTP/1.1 502 Bad Gateway\r\n");
    assert.ok(status >= 0, got);
    client.write(request("GET", "/good"));
    await client.see("fine");
    const lines = await rig.log(2);
    assert.equal(lines[0]?.["failure"], failure);
    assert.equal(lines[0]?.["status"], 502);
    assert.equal(lines[0]?.["attempts"], 1);
    assert.equal(lines[0]?.["bytes_out"], client.text.indexOf("HTTP/1.1 200 OK"));
    assert.equal(lines[1]?.["failure"], undefined);
    assert.deepEqual(rig.failureCounts, { [failure]: 1 });
    await until(() => rig.upstreamActive === 1, "the bad connection is closed");
    await rig.close();
  });
}

/** How an answer is cut short after its head: the client must notice. */
const CUTS: readonly {
  readonly name: string;
  readonly bytes: string;
  readonly act: (peer: Peer) => void;
  readonly failure: string;
}[] = [
  {
    name: "Content-Length, FIN",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
    act: (peer) => peer.end(),
    failure: "upstream-reset",
  },
  {
    name: "Content-Length, RST",
    bytes: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
    act: (peer) => peer.reset(),
    failure: "upstream-reset",
  },
  {
    name: "chunked, FIN",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    act: (peer) => peer.end(),
    failure: "upstream-reset",
  },
  {
    name: "chunked, RST",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    act: (peer) => peer.reset(),
    failure: "upstream-reset",
  },
  {
    name: "chunked, malformed",
    bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
    act: (peer) => peer.write("-1\r\n"),
    failure: "response-malformed",
  },
  {
    name: "close-delimited, RST",
    bytes: "HTTP/1.1 200 OK\r\n\r\npart",
    act: (peer) => peer.reset(),
    failure: "upstream-reset",
  },
];

for (const { name, bytes, act, failure } of CUTS) {
  test(`Exchange lets the client notice an answer that was cut short: ${name}`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin((peer) => peer.socket.once("data", () => peer.write(bytes)));
    await rig.serve({ http: [origin.address] });
    const client = await rig.client();
    client.write(request("GET", "/"));
    await client.see("part");
    act(await origin.peer());
    const got = await client.seeClose();
    assert.ok(client.wasReset, "a FIN would end a close-delimited answer properly");
    assert.doesNotMatch(got, /0\r\n\r\n$/);
    const line = await rig.line();
    assert.equal(line["failure"], failure);
    assert.equal(line["status"], 200);
    assert.deepEqual(rig.failureCounts, { [failure]: 1 });
    await rig.close();
  });
}

test("UpstreamConnection with unasked bytes while idle is closed and carries no other request", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin((_, index) => answer(`${index}`));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("\r\n\r\n0");
  const first = await origin.peer();
  first.write(answer("poison"));
  await first.seeEnd();
  client.write(request("GET", "/"));
  await client.see("\r\n\r\n0", 2);
  assert.doesNotMatch(client.text, /poison/);
  assert.equal(origin.peers.length, 2);
  await rig.close();
});

test("AnswerRelay drops bytes behind an answer with the connection that they came on", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => `${answer("fine")}${answer("poison")}`);
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  for (let i = 1; i <= 3; i += 1) {
    client.write(request("GET", "/"));
    await client.see("fine", i);
  }
  assert.doesNotMatch(client.text, /poison/);
  assert.equal(origin.peers.length, 3);
  await rig.close();
});

test("Exchange passes an answer that comes before the request's end, and takes no other request after it", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) =>
    peer.socket.once("data", () => peer.write(answer("too large", [], "413 Content Too Large"))),
  );
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(`${request("POST", "/", ["Content-Length: 100000"])}${"x".repeat(1000)}`);
  const got = await client.see("too large");
  assert.match(got, /Connection: close\r\n/);
  client.write(`${"x".repeat(99_000)}${request("GET", "/smuggled")}`);
  await client.seeEnd();
  assert.equal(client.wasReset, false, "the answer is not reset away");
  client.end();
  await client.seeClose();
  assert.equal(origin.peers.length, 1);
  assert.doesNotMatch(origin.peers[0]?.text ?? "", /smuggled/);
  const line = await rig.line();
  assert.equal(line["status"], 413);
  assert.equal(line["failure"], undefined);
  await rig.close();
});

test("Exchange passes an answer whose endpoint resets while the request is still being sent", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address] });
  for (let i = 1; i <= 10; i += 1) {
    const client = await rig.client();
    client.write(`${request("POST", "/", ["Content-Length: 100000"])}${"x".repeat(1000)}`);
    const peer = await origin.peer(i - 1);
    await peer.see("xxx");
    // All in one turn: the box finds more to send, the answer and the reset at once.
    client.write("x".repeat(50_000));
    peer.write(answer("enough", [], "413 Content Too Large"));
    peer.reset();
    assert.match(await client.see("enough"), /^HTTP\/1\.1 413 /);
    client.destroy();
  }
  await rig.close();
});

test("Exchange streams an answer while its request is still coming", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    let begun = false;
    peer.socket.on("data", (chunk: Buffer) => {
      if (!begun) peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      begun = true;
      peer.write(`1\r\n${chunk.length % 10}\r\n`);
      if (peer.text.endsWith("END")) peer.write("0\r\n\r\n");
    });
  });
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(`${request("POST", "/", ["Content-Length: 6"])}a`);
  await client.see("\r\n1\r\n");
  client.write("bc");
  await client.see("\r\n1\r\n", 2);
  client.write("END");
  assert.match(await client.see("0\r\n\r\n"), /Connection: close/);
  await client.seeEnd();
  await rig.close();
});

test("Exchange tries another endpoint when one refuses, and answers 502 when all do", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("second"));
  const dead = `127.0.0.1:${await findFreePort()}`;
  await rig.serve({ http: [dead, origin.address] });
  const client = await rig.client();
  client.write(`${request("POST", "/", ["Content-Length: 2"])}hi`);
  await client.see("second");
  const line = await rig.line();
  assert.equal(line["attempts"], 2);
  assert.equal(line["endpoint"], origin.address);
  assert.equal(rig.metric("gatehouse_retries_total"), 1);
  await origin.close();
  client.write(request("GET", "/"));
  await client.see("502 Bad Gateway");
  const lines = await rig.log(2);
  assert.equal(lines[1]?.["failure"], "connect-refused");
  assert.equal(lines[1]?.["status"], 502);
  await rig.close();
});

test("Exchange counts a retry only when there is another endpoint to try", async (t) => {
  const rig = await Rig.open(t, { http: [`127.0.0.1:${await findFreePort()}`] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("502 Bad Gateway");
  const line = await rig.line();
  assert.equal(line["attempts"], 1);
  assert.equal(line["failure"], "connect-refused");
  assert.equal(rig.metric("gatehouse_retries_total"), 0);
  await rig.close();
});

test("Exchange answers 503 when the service has no endpoint", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("x"));
  await rig.serve({ http: [origin.address] });
  rig.send({ type: "endpoints", service: "web", endpoints: [] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("503 Service Unavailable");
  assert.equal((await rig.line())["failure"], "no-endpoint");
  assert.equal(origin.peers.length, 0);
  await rig.close();
});

test("Exchange gives up dialling after the connect time-out and tries another endpoint", async (t) => {
  const stalled = await stalledPort(t);
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("second"));
  await rig.serve({ http: [`127.0.0.1:${stalled}`, origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await until(() => rig.upstreamActive === 1, "dialling");
  rig.skip(4000);
  assert.equal(client.length, 0);
  rig.skip(2000);
  await client.see("second");
  assert.equal((await rig.line())["attempts"], 2);
  await origin.close();
  await until(() => rig.upstreamActive === 0, "nothing is open");
  rig.send({
    type: "endpoints",
    service: "web",
    endpoints: [{ host: "127.0.0.1", port: stalled, weight: 1, name: `127.0.0.1:${stalled}` }],
  });
  client.write(request("GET", "/"));
  await until(() => rig.upstreamActive === 1, "dialling");
  rig.skip(6000);
  await client.see("504 Gateway Timeout");
  assert.equal((await rig.log(2))[1]?.["failure"], "connect-timeout");
  await rig.close();
});

test("Exchange answers 504 when the endpoint does not, and cuts an answer that stops", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer, index) =>
    peer.socket.once("data", () => {
      if (index === 1) peer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart");
    }),
  );
  await rig.serve({ http: [origin.address], service: 'timeouts.response = "30s"' });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await (await origin.peer()).see("\r\n\r\n");
  rig.skip(29_000);
  assert.equal(client.length, 0);
  rig.skip(2000);
  await client.see("504 Gateway Timeout");
  client.write(request("GET", "/"));
  await client.see("part");
  rig.skip(31_000);
  assert.equal(client.closed, false, "the limit of the head is none of the body");
  rig.skip(31_000);
  await client.seeClose();
  assert.ok(client.wasReset);
  const lines = await rig.log(2);
  assert.deepEqual(
    lines.map((line) => [line["failure"], line["status"]]),
    [
      ["response-timeout", 504],
      ["response-timeout", 200],
    ],
  );
  await rig.close();
});

test("Exchange repeats GET once on a new connection when the kept-alive one closes under it", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer, index) => {
    peer.socket.on("data", () => {
      if (count(peer.text, "\r\n\r\n") === 1) peer.write(answer(`c${index}`));
      else peer.end();
    });
  });
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/1"));
  await client.see("c0");
  client.write(request("GET", "/2"));
  await client.see("c1");
  assert.equal(origin.peers.length, 2);
  const lines = await rig.log(2);
  assert.equal(lines[1]?.["attempts"], 2);
  assert.equal(lines[1]?.["failure"], undefined);
  assert.equal(rig.metric("gatehouse_retries_total"), 1);
  await rig.close();
});

for (const body of [
  "Content-Length: 5\r\n\r\nsmall",
  "Transfer-Encoding: chunked\r\n\r\n5\r\nsmall\r\n0\r\n\r\n",
]) {
  test(`Exchange repeats no POST on the reused-connection race: ${body.slice(0, 14)}`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin((peer) => {
      peer.socket.on("data", () => {
        if (count(peer.text, "\r\n\r\n") === 1) peer.write(answer("first"));
        else peer.reset();
      });
    });
    await rig.serve({ http: [origin.address] });
    const client = await rig.client();
    client.write(request("GET", "/1"));
    await client.see("first");
    client.write(`POST /2 HTTP/1.1\r\nHost: ${HOST}\r\n${body}`);
    await client.see("502 Bad Gateway");
    assert.equal(origin.peers.length, 1, "the endpoint may have acted on it");
    assert.equal((await rig.log(2))[1]?.["failure"], "upstream-reset");
    await rig.close();
  });
}

test("Exchange repeats PUT with its whole body when it came in one read", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer, index) => {
    peer.socket.on("data", () => {
      if (index === 1) peer.write(answer("stored"));
      else if (count(peer.text, "\r\n\r\n") === 1) peer.write(answer("first"));
      else peer.end();
    });
  });
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/1"));
  await client.see("first");
  const sent = `${request("PUT", "/2", ["Content-Length: 5"])}small`;
  client.write(sent);
  await client.see("stored");
  assert.match(origin.peers[1]?.text ?? "", /^PUT \/2 [^]*\r\n\r\nsmall$/);
  assert.equal((await rig.log(2))[1]?.["bytes_in"], sent.length);
  await rig.close();
});

test("Exchange repeats nothing once a byte of the answer has come, nor on a fresh connection", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer, index) => {
    peer.socket.on("data", () => {
      if (index > 0) peer.end();
      else if (count(peer.text, "\r\n\r\n") === 1) peer.write(answer("first"));
      else peer.socket.end("HTTP");
    });
  });
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/1"));
  await client.see("first");
  client.write(request("GET", "/2"));
  await client.see("502 Bad Gateway");
  client.write(request("GET", "/3"));
  await client.see("502 Bad Gateway", 2);
  assert.equal(origin.peers.length, 2);
  assert.equal(rig.metric("gatehouse_retries_total"), 0);
  await rig.close();
});

test("ServiceState closes idle connections after their limit, and those whose endpoint is gone at once", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("x"));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nx");
  rig.skip(59_000);
  assert.equal(rig.upstreamActive, 1);
  rig.skip(2000);
  await until(() => rig.upstreamActive === 0, "idle connection closed");
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nx", 2);
  rig.send({ type: "endpoints", service: "web", endpoints: [] });
  await until(() => rig.upstreamActive === 0, "connection to a dropped endpoint closed");
  await rig.close();
});
