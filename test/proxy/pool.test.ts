/** What clients see of a service's limits, and of TLS to its endpoints. */
import assert from "node:assert/strict";
import { type Socket, createServer } from "node:net";
import { test } from "node:test";
import { TLSSocket, createSecureContext } from "node:tls";
import { PemFolder, TestAuthority } from "../certificates.ts";
import { alpn, helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig, answer, request } from "./harness.ts";
import { count, until } from "./peer.ts";

const HELLO = helloWith(serverNames(HOST), alpn("h2"));
const INTERNAL_ERROR = Buffer.of(21, 3, 1, 0, 2, 2, 80);
const CONNECT_MS = 5000;

const head = (path: string): string => request("GET", path);

test("Exchange waits for a connection, and takes the one that becomes free", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address], service: "pool.connections = 1" });
  const clients = [await rig.client(), await rig.client(), await rig.client()];
  for (const [i, client] of clients.entries()) {
    client.write(head(`/${i}`));
    if (i === 0) await (await origin.peer()).see("GET /0 ");
  }
  const peer = await origin.peer();
  for (const [i, client] of clients.entries()) {
    await peer.see("GET /", i + 1);
    peer.write(answer(`answer ${i}`));
    await client.see("answer");
  }
  assert.equal(origin.peers.length, 1);
  assert.deepEqual(rig.failureCounts, {});
  assert.equal((await rig.log(3))[2]?.["connect_ms"], undefined);
  await rig.close();
});

test("Exchange answers 503 at once when nobody may wait, and says overflow", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const service = "pool = { connections = 1, pending = 0 }";
  await rig.serve({ http: [origin.address], service });
  const [first, second] = [await rig.client(), await rig.client()];
  first.write(head("/first"));
  const peer = await origin.peer();
  await peer.see("GET /first");
  second.write(head("/second"));
  assert.match(await second.see("503"), /^HTTP\/1\.1 503 /);
  const [line] = await rig.log(1);
  assert.deepEqual([line?.["failure"], line?.["status"]], ["overflow", 503]);
  assert.deepEqual(rig.failureCounts, { overflow: 1 });
  assert.equal(rig.upstreamActive, 1);
  // It may ask again on the same connection.
  peer.write(answer("one"));
  await first.see("one");
  second.write(head("/third"));
  await peer.see("GET /third");
  peer.write(answer("two"));
  await second.see("two");
  await rig.close();
});

test("Exchange waits for no longer than the connect time limit: 503", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address], service: "pool.connections = 1" });
  const [first, second] = [await rig.client(), await rig.client()];
  first.write(head("/first"));
  await (await origin.peer()).see("GET /first");
  second.write(head("/second"));
  await until(() => rig.deadlines.size >= 4, "it waits");
  rig.skip(CONNECT_MS + 200);
  assert.match(await second.see("503"), /^HTTP\/1\.1 503 /);
  assert.deepEqual(rig.failureCounts, { overflow: 1 });
  await rig.close();
});

test("Exchange ends its wait with the route's time limit: 504", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const routes = '[[virtual_service.http]]\nroute = "web"\ntimeout = "1s"';
  await rig.serve({ http: [origin.address], service: "pool.connections = 1", routes });
  const [first, second] = [await rig.client(), await rig.client()];
  first.write(head("/first"));
  await (await origin.peer()).see("GET /first");
  second.write(head("/second"));
  await until(() => rig.deadlines.size >= 4, "it waits");
  rig.skip(1200);
  assert.match(await second.see("504"), /^HTTP\/1\.1 504 /);
  await rig.close();
});

test("Exchange frees its place in the line when its client goes away", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const service = "pool = { connections = 1, pending = 1 }";
  await rig.serve({ http: [origin.address], service });
  const [first, second, third] = [await rig.client(), await rig.client(), await rig.client()];
  first.write(head("/first"));
  const peer = await origin.peer();
  await peer.see("GET /first");
  second.write(request("POST", "/second", ["Content-Length: 9"]));
  await until(() => rig.deadlines.size >= 5, "it waits");
  second.reset();
  await rig.log(1);
  third.write(head("/third"));
  await until(() => rig.deadlines.size >= 5, "the next one waits");
  peer.write(answer("one"));
  await first.see("one");
  await peer.see("GET /third");
  peer.write(answer("two"));
  await third.see("two");
  assert.equal(count(peer.text, "/second"), 0);
  assert.deepEqual(rig.failureCounts, { "client-closed": 1 });
  await rig.close();
});

test("Exchange waits for no endpoint that is taken out: another one is asked", async (t) => {
  const rig = await Rig.create(t);
  const [one, other] = [await rig.origin(), await rig.origin()];
  const service = 'balancer = "round_robin"\npool.connections = 1\noutlier.errors = 1';
  await rig.serve({ http: [one.address, other.address], service });
  const [first, second] = [await rig.client(), await rig.client()];
  first.write(head("/first"));
  const busy = await Promise.race([one.peer(), other.peer()]);
  await busy.see("GET /first");
  second.write(head("/second"));
  await until(() => rig.deadlines.size >= 4, "it waits");
  const free = one.peers.length > 0 ? other : one;
  const health = { [free.address]: { state: "out", sinceMs: 0 } } as const;
  rig.send({ type: "health", service: "web", health });
  busy.write(answer("one"));
  await first.see("one");
  await busy.see("GET /second");
  busy.write(answer("two"));
  await second.see("two");
  assert.equal(free.peers.length, 0);
  assert.deepEqual(rig.failureCounts, {});
  assert.ok(rig.messages.every(({ type }) => type !== "outcomes"));
  await rig.close();
});

test("Exchange sends a body that came while it waited", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address], service: "pool.connections = 1" });
  const [first, second] = [await rig.client(), await rig.client()];
  first.write(head("/first"));
  const peer = await origin.peer();
  await peer.see("GET /first");
  second.write(request("POST", "/second", ["Content-Length: 9"]));
  await until(() => rig.deadlines.size >= 4, "it waits");
  second.write("some");
  first.reset();
  const next = await origin.peer(1);
  await next.see("some");
  second.write(" body");
  await next.see("some body");
  next.write(answer("two"));
  await second.see("two");
  await rig.close();
});

test("StreamConnection waits for a connection, with its hello; too many get an alert", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const service = "pool = { connections = 1, pending = 1 }";
  await rig.serve({ tls: [origin.address], service });
  const clients = [await rig.tlsClient(), await rig.tlsClient(), await rig.tlsClient()];
  for (const client of clients) {
    client.write(HELLO);
    await until(() => client.socket.writableLength === 0, "sent");
    if (client === clients[0]) await (await origin.peer()).seeBytes(HELLO.length);
    if (client === clients[1]) await until(() => rig.deadlines.size >= 5, "it waits");
  }
  await clients[2]?.seeBytes(INTERNAL_ERROR.length);
  assert.deepEqual(clients[2]?.bytes, INTERNAL_ERROR);
  assert.equal((await rig.line())["failure"], "overflow");
  clients[0]?.reset();
  const next = await origin.peer(1);
  assert.deepEqual(await next.seeBytes(HELLO.length), HELLO);
  next.write("hello back");
  await clients[1]?.see("hello back");
  assert.deepEqual(rig.failureCounts, { overflow: 1, "client-closed": 1 });
  await rig.close();
});

test("StreamConnection that waits and loses its client frees its place", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const service = "pool = { connections = 1, pending = 1 }";
  await rig.serve({ tls: [origin.address], service });
  const [first, second, third] = [
    await rig.tlsClient(),
    await rig.tlsClient(),
    await rig.tlsClient(),
  ];
  first.write(HELLO);
  await (await origin.peer()).seeBytes(HELLO.length);
  second.write(HELLO);
  await until(() => rig.deadlines.size >= 5, "it waits");
  second.reset();
  await rig.log(1);
  third.write(HELLO);
  await until(() => rig.deadlines.size >= 4, "the next one waits");
  first.reset();
  await (await origin.peer(1)).seeBytes(HELLO.length);
  assert.deepEqual(rig.failureCounts, { "client-closed": 2 });
  await rig.close();
});

test("Mirror is not made when it would have to wait", async (t) => {
  const rig = await Rig.create(t);
  const web = await rig.httpOrigin(() => answer("served"));
  const copies = await rig.origin();
  const routes = '[[virtual_service.http]]\nroute = "web"\nmirror = { to = "copy" }';
  const text = rig.toml({ http: [web.address], routes });
  const copy = `[service.copy]\nendpoints = ["${copies.address}"]\npool.connections = 1\n`;
  await rig.load(text + copy);
  const client = await rig.client();
  for (let i = 1; i <= 3; i += 1) {
    client.write(head(`/${i}`));
    await client.see("served", i);
    await (await copies.peer()).see("GET /1");
  }
  assert.equal(copies.peers.length, 1);
  assert.deepEqual(rig.failureCounts, {});
  await rig.close();
});

test("RequestPlan repeats what an endpoint has got only while pool.retries lets it", async (t) => {
  const rig = await Rig.create(t);
  const routes =
    '[[virtual_service.http]]\nroute = "web"\nretries = { attempts = 1, on = ["5xx"] }';
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address], routes, service: "pool.retries = 1" });
  const [first, second] = [await rig.client(), await rig.client()];
  first.write(head("/first"));
  const failing = await origin.peer();
  await failing.see("GET /first");
  failing.write(answer("busy", [], "503 Busy"));
  const retry = await origin.peer(1);
  await retry.see("GET /first");
  second.write(head("/second"));
  const other = await origin.peer(2);
  await other.see("GET /second");
  other.write(answer("busy too", [], "503 Busy"));
  await second.see("busy too");
  retry.write(answer("at last"));
  await first.see("at last");
  // It is over: the next one may begin.
  second.write(head("/third"));
  const third = (): string => origin.peers.map(({ text }) => text).join();
  await until(() => third().includes("GET /third"), "the third request");
  origin.peers.find(({ text }) => text.includes("/third"))?.write(answer("", [], "503 Busy"));
  await until(() => count(third(), "GET /third") === 2, "its retry");
  origin.peers.findLast(({ text }) => text.includes("/third"))?.write(answer("third"));
  await second.see("third");
  assert.equal(rig.metric("gatehouse_retries_total"), 2);
  await rig.close();
});

test("Exchange retries connect failures beyond pool.retries: no endpoint has got anything", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("served"));
  const gone = await rig.origin();
  const { address } = gone;
  await gone.close();
  const service = 'balancer = "round_robin"\npool.retries = 0';
  await rig.serve({ http: [address, origin.address], service });
  const client = await rig.client();
  for (let i = 1; i <= 2; i += 1) {
    client.write(head(`/${i}`));
    await client.see("served", i);
  }
  assert.ok(rig.metric("gatehouse_retries_total") >= 1);
  await rig.close();
});

test("Exchange speaks TLS to the endpoint and tells its client nothing of why it could not", async (t) => {
  const authority = await TestAuthority.make();
  const folder = new PemFolder(t);
  const ca = folder.write("ca.pem", authority.own.certificate);
  const { certificate: cert, privateKey: key } = await authority.issue(["a.test"]);
  const secureContext = createSecureContext({ cert, key });
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const secured = new TLSSocket(socket, { isServer: true, secureContext });
    secured.on("error", () => undefined);
    secured.on("data", () => secured.write(answer("x".repeat(100_000))));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = server.address() as { port: number };
  const rig = await Rig.create(t);
  const tls = (sni: string): string => `tls = { sni = "${sni}", ca = "${ca}" }\n`;
  const plain = (text: string): string =>
    rig.toml({ http: [`127.0.0.1:${port}`] }).replace("[service.tls]", `${text}[service.tls]`);
  await rig.load(plain(tls("a.test")));
  const client = await rig.client();
  for (let i = 1; i <= 2; i += 1) {
    client.write(head(`/${i}`));
    await client.seeBytes(i * 100_000);
  }
  assert.equal(sockets.length, 1, "the connection is kept alive");
  await rig.load(plain(tls("b.test")));
  const before = client.length;
  client.write(head("/3"));
  await client.seeBytes(before + 1);
  const refused = client.text.slice(before);
  assert.match(refused, /^HTTP\/1\.1 502 /);
  assert.doesNotMatch(refused, /b\.test|certificate|TLS/i);
  assert.equal((await rig.log(3))[2]?.["failure"], "connect-certificate");
  const log = rig.messages.find((message) => message.type === "log");
  assert.match(JSON.stringify(log), /wrong name.*b\.test/);
  for (const socket of sockets) socket.destroy();
  server.close();
  await rig.close();
});
