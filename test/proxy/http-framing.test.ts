import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST, Rig, answer, request } from "./harness.ts";
import { until } from "./peer.ts";

test("HttpConnection forwards a request and its answer, and logs one line", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("hello"));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  const sent = request("GET", "/x?y=1", ["User-Agent: t"]);
  client.write(sent);
  const got = await client.see("hello");
  assert.match(got, /^HTTP\/1\.1 200 OK\r\nContent-Length: 5\r\n\r\nhello$/);
  assert.match(
    origin.peers[0]?.text ?? "",
    /^GET \/x\?y=1 HTTP\/1\.1\r\nHost: a\.test\r\nUser-Agent: t\r\n/,
  );
  const line = await rig.line();
  assert.equal(line["status"], 200);
  assert.equal(line["path"], "/x");
  assert.equal(line["bytes_in"], sent.length);
  assert.equal(line["bytes_out"], got.length);
  assert.equal(line["failure"], undefined);
  assert.equal(line["endpoint"], origin.address);
  assert.equal(rig.connectionsActive, 1);
  assert.equal(rig.upstreamActive, 1);
  await rig.close();
});

const BODIES = [
  { name: "Content-Length", sent: `${request("POST", "/p", ["Content-Length: 11"])}hello world` },
  {
    name: "chunked",
    sent: `${request("POST", "/p", ["Transfer-Encoding: chunked"])}5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n`,
  },
];

for (const { name, sent } of BODIES) {
  test(`HttpConnection reads a ${name} request cut at every byte`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin((peer) => {
      peer.socket.on("data", () => {
        const body = decodedBody(peer.text);
        if (body === "hello world") {
          peer.write(answer("ok", ["Connection: close"]));
          peer.end();
        }
      });
    });
    await rig.serve({ http: [origin.address] });
    for (let cut = 1; cut < sent.length; cut += 1) {
      const client = await rig.client();
      client.write(sent.slice(0, cut));
      const seen = origin.peers.length;
      await until(() => client.socket.writableLength === 0, "flushed");
      if (cut > sent.indexOf("\r\n\r\n") + 4) await origin.peer(cut - 1);
      client.write(sent.slice(cut));
      const got = await client.see("ok");
      assert.match(got, /^HTTP\/1\.1 200 OK\r\n/, `cut at ${cut}, ${seen}`);
      client.destroy();
    }
    const lines = await rig.log(sent.length - 1);
    for (const line of lines) {
      assert.equal(line["bytes_in"], sent.length);
      assert.equal(line["failure"], undefined);
    }
    await rig.close();
  });

  test(`HttpConnection reads a ${name} request byte by byte`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin((peer) => {
      peer.socket.on("data", () => {
        if (decodedBody(peer.text) === "hello world") peer.write(answer("ok"));
      });
    });
    await rig.serve({ http: [origin.address] });
    const client = await rig.client();
    await client.writeBytewise(sent);
    await client.see("ok");
    assert.equal((await rig.line())["bytes_in"], sent.length);
    await rig.close();
  });
}

const ANSWERS = [
  { name: "Content-Length", bytes: answer("hello world"), ends: false },
  {
    name: "chunked",
    bytes:
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a\r\n world\r\n0\r\n\r\n",
    ends: false,
  },
  { name: "close-delimited", bytes: "HTTP/1.1 200 OK\r\n\r\nhello world", ends: true },
  {
    name: "interim then Content-Length",
    bytes: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${answer("hello world")}`,
    ends: false,
  },
];

for (const { name, bytes, ends } of ANSWERS) {
  test(`AnswerRelay reads a ${name} answer cut at every byte`, async (t) => {
    const rig = await Rig.create(t);
    let cut = 1;
    const origin = await rig.origin((peer) => {
      peer.socket.once("data", () => {
        const first = bytes.slice(0, cut);
        const rest = bytes.slice(cut);
        peer.socket.write(first, "latin1", () =>
          setImmediate(() => {
            peer.write(rest);
            if (ends) peer.end();
          }),
        );
      });
    });
    await rig.serve({ http: [origin.address] });
    for (; cut < bytes.length; cut += 1) {
      const client = await rig.client();
      client.write(request("GET", "/", ["Connection: close"]));
      const got = await client.seeEnd();
      const head = got.lastIndexOf("HTTP/1.1 200 OK\r\n");
      assert.ok(head >= 0, got);
      assert.equal(decodedBody(got.slice(head)), "hello world", `cut at ${cut}`);
      for (const peer of origin.peers) peer.destroy();
      client.destroy();
    }
    for (const line of await rig.log(bytes.length - 1)) assert.equal(line["failure"], undefined);
    await rig.close();
  });
}

test("AnswerRelay chunks a close-delimited answer for HTTP/1.1 and closes behind it for HTTP/1.0", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    peer.socket.once("data", () => {
      peer.write("HTTP/1.1 200 OK\r\n\r\nabc");
      peer.end();
    });
  });
  await rig.serve({ http: [origin.address] });
  const modern = await rig.client();
  modern.write(request("GET", "/"));
  const chunked = await modern.see("0\r\n\r\n");
  assert.match(chunked, /Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/);
  assert.equal(modern.ended, false);
  const old = await rig.client();
  old.write(`GET / HTTP/1.0\r\nHost: ${HOST}\r\nConnection: keep-alive\r\n\r\n`);
  assert.match(await old.seeEnd(), /^HTTP\/1\.1 200 OK\r\nConnection: close\r\n\r\nabc$/);
  await rig.close();
});

test("AnswerRelay dechunks for an HTTP/1.0 client, which may keep its connection with a length only", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin((head) =>
    head.startsWith("GET /chunked")
      ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      : answer("xyz"),
  );
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(keepAlive10("/"));
  assert.match(await client.see("xyz"), /Connection: keep-alive\r\n\r\nxyz$/);
  client.write(keepAlive10("/chunked"));
  const got = await client.seeEnd();
  assert.match(got, /Connection: close\r\n\r\nabc$/);
  assert.doesNotMatch(got, /chunked/i);
  assert.match(origin.peers[0]?.text ?? "", /^GET \/ HTTP\/1\.1\r\n/);
  await rig.close();
});

test("AnswerRelay takes no body after HEAD, 204 and 304, whatever they announce, and never reuses a connection with excess bytes", async (t) => {
  const bodies: Record<string, string> = {
    "/head": "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
    "/204": "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\nevil!!!",
    "/304": 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: "1"\r\n\r\nevil!!!',
  };
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin((head) => bodies[head.split(" ")[1] ?? ""] ?? answer("fine"));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  for (const path of Object.keys(bodies)) {
    client.write(request(path === "/head" ? "HEAD" : "GET", path));
    await until(() => client.text.endsWith("\r\n\r\n"), "head");
    client.write(request("GET", "/"));
    await client.see("fine", Object.keys(bodies).indexOf(path) + 1);
  }
  assert.doesNotMatch(client.text, /evil/);
  assert.match(client.text, /HTTP\/1\.1 200 OK\r\nContent-Length: 7\r\n\r\nHTTP/);
  assert.equal(origin.peers.length, 3, "two connections carried excess bytes");
  await rig.close();
});

test("Exchange passes 100 only to who asked, 103 to HTTP/1.1, and no interim answer to HTTP/1.0", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(
    () =>
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${answer("ok")}`,
  );
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  assert.match(
    await client.see("ok"),
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/x>\r\n\r\nHTTP\/1\.1 200/,
  );
  const old = await rig.client();
  old.write(`GET / HTTP/1.0\r\nHost: ${HOST}\r\n\r\n`);
  assert.match(await old.seeEnd(), /^HTTP\/1\.1 200/);
  await rig.close();
});

test("Exchange carries Expect: 100-continue end to end", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    peer.socket.on("data", () => {
      if (peer.text.endsWith("\r\n\r\n")) peer.write("HTTP/1.1 100 Continue\r\n\r\n");
      if (peer.text.endsWith("body")) peer.write(answer("done"));
    });
  });
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("PUT", "/", ["Content-Length: 4", "Expect: 100-continue"]));
  assert.equal(await client.see("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  assert.match(origin.peers[0]?.text ?? "", /Expect: 100-continue\r\n/);
  client.write("body");
  await client.see("done");
  const line = await rig.line();
  assert.equal(line["bytes_out"], client.length);
  await rig.close();
});

test("Exchange answers every pipelined request in order, behind bodies too", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    let answered = 0;
    peer.socket.on("data", () => {
      const requests = parseAll(peer.text);
      for (; answered < requests.length; answered += 1)
        peer.write(answer(requests[answered] ?? ""));
    });
  });
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(
    request("GET", "/1") +
      `${request("POST", "/2", ["Content-Length: 3"])}GET` +
      `${request("POST", "/3", ["Transfer-Encoding: chunked"])}3\r\nabc\r\n0\r\n\r\n` +
      `\r\n\r\n${request("GET", "/nope".replace("nope", "4"))}`,
  );
  const got = await client.see("GET /4 ");
  const order = [...got.matchAll(/(GET|POST) \/(\d) (\w*?)(?=HTTP|$)/gm)].map(
    (match) => `${match[2]}${match[3]}`,
  );
  assert.deepEqual(order, ["1", "2GET", "3abc", "4"]);
  await rig.log(4);
  await rig.close();
});

/** A request of an HTTP/1.0 client that would go on. */
function keepAlive10(path: string): string {
  return `GET ${path} HTTP/1.0\r\nHost: ${HOST}\r\nConnection: keep-alive\r\n\r\n`;
}

/** The body of the one message in the text, decoded; undefined while it is not whole. */
function decodedBody(text: string): string | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end).toLowerCase();
  const body = text.slice(end + 4);
  if (!head.includes("transfer-encoding: chunked")) {
    const length = /content-length: (\d+)/.exec(head)?.[1];
    return length === undefined || body.length === Number(length) ? body : undefined;
  }
  return decodeChunks(body)?.data;
}

function decodeChunks(text: string): { data: string; used: number } | undefined {
  let data = "";
  let at = 0;
  for (;;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    at = line + 2;
    if (size === 0) return text.startsWith("\r\n", at) ? { data, used: at + 2 } : undefined;
    if (text.length < at + size + 2) return undefined;
    data += text.slice(at, at + size);
    at += size + 2;
  }
}

/** "METHOD path body" of each whole request. */
function parseAll(text: string): string[] {
  const found: string[] = [];
  let at = 0;
  for (;;) {
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) return found;
    const head = text.slice(at, end);
    const start = head.split(" ").slice(0, 2).join(" ");
    let body = "";
    let next = end + 4;
    if (/transfer-encoding/i.test(head)) {
      const decoded = decodeChunks(text.slice(next));
      if (decoded === undefined) return found;
      body = decoded.data;
      next += decoded.used;
    } else {
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < next + length) return found;
      body = text.slice(next, next + length);
      next += length;
    }
    found.push(`${start} ${body}`);
    at = next;
  }
}
