import assert from "node:assert/strict";
import { type Server, connect, createServer } from "node:net";
import { test } from "node:test";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig, answer, endpointsOf, request } from "../proxy/harness.ts";
import { Peer, quiet, until } from "../proxy/peer.ts";
import { findFreePort } from "../processes.ts";

const HELLO = helloWith(serverNames(HOST));
const PATIENT = { delayMs: 0, requestsMs: 30_000, tunnelsMs: 300_000 };

test("WorkerBox binds at prepare, holds the connections, and serves them at commit", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("held"));
  const snapshot = rig.compile(rig.toml({ http: [origin.address] }));
  assert.deepEqual((await rig.prepare(snapshot)).problems, []);
  const client = await rig.client();
  client.write(request("GET", "/"));
  const gone = await rig.client();
  gone.write(request("GET", "/gone"));
  gone.reset();
  await quiet(() => client.length, 10);
  assert.equal(client.length, 0, "nothing is served before the commit");
  await rig.commit(snapshot.version);
  await client.see("held");
  await until(() => rig.connectionsActive === 1, "one is left");
  await rig.close();
});

test("WorkerBox unbinds what it prepared when that is aborted, and drops what waited there", async (t) => {
  const rig = await Rig.open(t);
  const port = await findFreePort();
  const next = rig.compile(withPort(rig, port));
  assert.deepEqual((await rig.prepare(next)).problems, []);
  const held = await rig.clientOn(port);
  rig.send({ type: "abort", version: next.version });
  await held.seeEnd();
  assert.equal(await canConnect(port), false);
  rig.send({ type: "commit", version: next.version });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("502 Bad Gateway");
  assert.equal(rig.messages.filter(({ type }) => type === "committed").length, 1);
  await rig.close();
});

test("WorkerBox says which listener cannot be bound, and keeps serving the old snapshot", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("old"));
  await rig.serve({ http: [origin.address] });
  const taken: Server = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const next = rig.compile(withPort(rig, port));
  const { problems } = await rig.prepare(next);
  assert.deepEqual(problems, [{ listener: `127.0.0.1:${port}`, code: "EADDRINUSE" }]);
  rig.send({ type: "abort", version: next.version });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("old");
  await rig.close();
});

test("WorkerBox prepares a second snapshot over a first one that was never committed", async (t) => {
  const rig = await Rig.open(t);
  const [first, second] = [await findFreePort(), await findFreePort()];
  const one = rig.compile(withPort(rig, first));
  const two = rig.compile(withPort(rig, second));
  const from = rig.messages.length;
  const counters = rig.memory;
  for (const snapshot of [one, two]) {
    rig.send({ type: "prepare", snapshot, endpoints: endpointsOf(snapshot), health: {}, counters });
  }
  const versions = (): readonly number[] =>
    rig.messages.slice(from).flatMap((each) => (each.type === "prepared" ? [each.version] : []));
  await until(() => versions().length === 2, "both are answered");
  await rig.commit(two.version);
  assert.equal(await canConnect(first), false);
  assert.equal(await canConnect(second), true);
  await rig.close();
});

test("WorkerBox keeps a snapshot's socket over reloads and its connections with it", async (t) => {
  const rig = await Rig.create(t);
  const old = await rig.httpOrigin(() => answer("old"));
  const fresh = await rig.httpOrigin(() => answer("new"));
  await rig.serve({ http: [old.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("old");
  await rig.serve({ http: [fresh.address] });
  client.write(request("GET", "/"));
  await client.see("new");
  await until(() => rig.upstreamActive === 1, "the idle connection to what is gone is closed");
  await rig.close();
});

test("WorkerBox lets a request finish with the snapshot that it began with", async (t) => {
  const rig = await Rig.create(t);
  const old = await rig.origin();
  const fresh = await rig.httpOrigin(() => answer("new"));
  await rig.serve({ http: [old.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  const peer = await old.peer();
  await peer.see("\r\n\r\n");
  await rig.serve({ http: [fresh.address] });
  peer.write(answer("old"));
  await client.see("old");
  await peer.seeEnd();
  client.write(request("GET", "/"));
  await client.see("new");
  await rig.close();
});

test("WorkerBox takes endpoints that come between prepare and commit", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("late"));
  const snapshot = rig.compile(rig.toml({ http: ["127.0.0.1:1"] }));
  await rig.prepare(snapshot);
  const [host, port] = ["127.0.0.1", origin.port];
  rig.send({
    type: "endpoints",
    service: "web",
    endpoints: [{ host, port, weight: 1, name: `${host}:${port}` }],
  });
  await rig.commit(snapshot.version);
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("late");
  await rig.close();
});

test("WorkerBox ends the connections of a listener that a reload takes away, after what they do", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address], tls: [origin.address] });
  const busy = await rig.client();
  busy.write(request("GET", "/"));
  const peer = await origin.peer(0);
  await peer.see("\r\n\r\n");
  const tunnel = await rig.tlsClient();
  tunnel.write(HELLO);
  const tunnelPeer = await origin.peer(1);
  await tunnelPeer.seeBytes(HELLO.length);
  const silent = await rig.tlsClient();
  const idle = await rig.client();
  await until(() => rig.connectionsActive === 4, "all accepted");
  const elsewhere = `
[[gateway]]
name = "other"
listen = "127.0.0.1:${await findFreePort()}"
protocol = "http"
[[virtual_service]]
hosts = ["${HOST}"]
[[virtual_service.http]]
route = "web"
[service.web]
endpoints = ["${origin.address}"]
`;
  await rig.load(elsewhere);
  await idle.seeEnd();
  await silent.seeEnd();
  assert.equal(await canConnect(rig.httpPort), false);
  peer.write(answer("done"));
  assert.match(await busy.seeEnd(), /Connection: close\r\n\r\ndone$/);
  busy.end();
  tunnelPeer.write("still here");
  await tunnel.see("still here");
  await until(() => rig.connectionsActive === 1, "the tunnel lives on");
  await rig.log(3);
  assert.deepEqual(rig.failureCounts, { draining: 2 });
  await rig.close();
});

test("WorkerBox keeps what was counted when the memory grows", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("x"));
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nx");
  assert.equal(rig.metric("gatehouse_connections_total"), 1);
  const next = rig.compile(rig.toml({ http: [origin.address] }));
  await rig.prepare(next, 8192);
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nx", 2);
  await rig.commit(next.version);
  assert.equal(rig.counters.length, 8192);
  assert.equal(rig.metric("gatehouse_connections_total"), 1);
  assert.equal(rig.metric("gatehouse_requests_total", 1), 2, "between the phases too");
  assert.equal(rig.connectionsActive, 1);
  await rig.close();
});

test("WorkerBox drains: idle ends at once, requests say close, tunnels last to their limit", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address], tls: [origin.address] });
  const idle = await rig.client();
  idle.write(request("GET", "/"));
  (await origin.peer(0)).write(answer("idle"));
  await idle.see("idle");
  const busy = await rig.client();
  busy.write(request("GET", "/"));
  await (await origin.peer(0)).see("\r\n\r\n", 2);
  const promised = await rig.client();
  promised.write(request("GET", "/"));
  const promisedPeer = await origin.peer(1);
  await promisedPeer.see("\r\n\r\n");
  promisedPeer.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
  await promised.see("half");
  const tunnel = await rig.tlsClient();
  tunnel.write(HELLO);
  const tunnelPeer = await origin.peer(2);
  await tunnelPeer.seeBytes(HELLO.length);
  rig.send({ type: "drain", settings: PATIENT });
  rig.send({ type: "drain", settings: PATIENT });
  await idle.seeEnd();
  assert.equal(await canConnect(rig.httpPort), false);
  (await origin.peer(0)).write(answer("busy"));
  assert.match(await busy.seeEnd(), /Connection: close\r\n\r\nbusy$/);
  promisedPeer.write("half");
  assert.match(await promised.seeEnd(), /halfhalf$/, "it ends though its head promised to go on");
  rig.skip(31_000);
  tunnelPeer.write("x");
  await tunnel.see("x");
  assert.ok(!rig.messages.some(({ type }) => type === "drained"));
  rig.skip(300_000);
  await tunnel.seeClose();
  assert.ok(tunnel.wasReset);
  await rig.message("drained");
  const lines = rig.lines.map((line) => line["failure"] ?? "served");
  assert.deepEqual(lines, ["served", "served", "served", "draining"]);
  await rig.close();
});

test("WorkerBox cuts requests at drain.requests and says why", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address] });
  const busy = await rig.client();
  busy.write(request("GET", "/"));
  await (await origin.peer()).see("\r\n\r\n");
  const half = await rig.client();
  half.write("GET / HT");
  await until(() => rig.connectionsActive === 2, "accepted");
  await quiet(() => half.socket.writableLength, 5);
  rig.send({ type: "drain", settings: { delayMs: 0, requestsMs: 5000, tunnelsMs: 5000 } });
  rig.skip(6000);
  await until(() => busy.closed && half.closed, "both are cut");
  await rig.message("drained");
  const lines = rig.lines.map((line) => line["failure"]);
  assert.deepEqual(lines, ["draining", "draining"]);
  assert.deepEqual(rig.failureCounts, { draining: 2 });
  await rig.close();
});

test("WorkerBox closes a TLS connection without its hello when it drains, and says why", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ tls: [origin.address] });
  const client = await rig.tlsClient();
  client.write(HELLO.subarray(0, 10));
  await until(() => rig.connectionsActive === 1, "accepted");
  await quiet(() => client.socket.writableLength, 5);
  rig.send({ type: "drain", settings: PATIENT });
  await client.seeEnd();
  assert.equal((await rig.line())["failure"], "draining");
  await rig.close();
});

test("WorkerBox drains before its first snapshot, and listens no more after that", async (t) => {
  const rig = await Rig.create(t);
  rig.send({ type: "drain", settings: PATIENT });
  await rig.message("drained");
  const snapshot = rig.compile(rig.toml({}));
  await rig.prepare(snapshot);
  rig.send({ type: "commit", version: snapshot.version });
  await rig.message("committed");
  assert.equal(await canConnect(rig.httpPort), false);
});

test("WorkerBox that drains between prepare and commit does not begin to listen", async (t) => {
  const rig = await Rig.open(t);
  const port = await findFreePort();
  const next = rig.compile(withPort(rig, port));
  await rig.prepare(next);
  rig.send({ type: "drain", settings: PATIENT });
  rig.send({ type: "commit", version: next.version });
  assert.equal(await canConnect(port), false);
  assert.equal(await canConnect(rig.httpPort), false);
  await rig.message("drained");
});

test("WorkerBox does nothing on a commit or an abort of what was never prepared", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.httpOrigin(() => answer("x"));
  await rig.serve({ http: [origin.address] });
  rig.send({ type: "commit", version: 77 });
  rig.send({ type: "abort", version: 77 });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("\r\n\r\nx");
  await rig.close();
});

/** The usual configuration with one more gateway. */
function withPort(rig: Rig, port: number): string {
  return `${rig.toml({})}
[[gateway]]
name = "more"
listen = "127.0.0.1:${port}"
protocol = "http"
hosts = ["b.test"]
`;
}

async function canConnect(port: number): Promise<boolean> {
  const peer = new Peer(connect({ port, host: "127.0.0.1" }));
  await until(() => peer.connected || peer.closed, "an answer of the kernel");
  const { connected } = peer;
  peer.destroy();
  await until(() => peer.closed, "closed");
  return connected;
}
