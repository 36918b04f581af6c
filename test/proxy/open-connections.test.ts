/** What `show connections` hears of each kind of connection, in each of its states. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { type OpenConnection, readConnectionsQuery } from "../../src/core/open-connections.ts";
import { writeProxyV1 } from "../../src/core/proxy-protocol/write.ts";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig, answer, request } from "./harness.ts";
import { until } from "./peer.ts";
import { findFreePort } from "../processes.ts";
import { stalledPort } from "./stalled-listener.ts";

const HELLO = helloWith(serverNames(HOST));
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

/** What is open in the worker now. */
function connectionsOf(
  rig: Rig,
  asked: Readonly<Record<string, string>> = {},
): readonly OpenConnection[] {
  const query = readConnectionsQuery(asked);
  assert.ok(query.ok);
  const id = rig.messages.length;
  rig.send({ type: "connections", id, query: query.value });
  const reply = rig.messages.at(-1);
  assert.ok(reply?.type === "connections" && reply.id === id);
  assert.equal(reply.page.total, reply.page.connections.length);
  return structuredClone(reply.page.connections);
}

/** The only one, once it is in this state. */
async function onlyOne(rig: Rig, state: OpenConnection["state"]): Promise<OpenConnection> {
  const states = (): string =>
    connectionsOf(rig)
      .map((one) => one.state)
      .join();
  await until(
    () => states() === state,
    () => `${state}, it is ${states()}`,
  );
  const [only] = connectionsOf(rig);
  assert.ok(only);
  return only;
}

test("a TLS connection: hello, tunnel with bytes each way, closing, gone", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ tls: [origin.address] });
  const client = await rig.tlsClient();
  client.write(HELLO.subarray(0, 20));
  await until(() => connectionsOf(rig)[0]?.bytesIn === 20, "20 bytes are counted");
  const hello = await onlyOne(rig, "hello");
  assert.deepEqual(hello.client, { address: "127.0.0.1", port: client.socket.localPort });
  assert.equal(hello.listener, `127.0.0.1:${rig.tlsPort}`);
  assert.ok(Math.abs(Date.now() - hello.openedAt) < 60_000);
  assert.deepEqual([hello.gateway, hello.host, hello.service], [undefined, undefined, undefined]);
  client.write(HELLO.subarray(20));
  const peer = await origin.peer();
  await peer.seeBytes(HELLO.length);
  peer.write("12345");
  await client.seeBytes(5);
  const tunnel = await onlyOne(rig, "tunnel");
  assert.deepEqual(
    [tunnel.kind, tunnel.gateway, tunnel.host, tunnel.service, tunnel.endpoint],
    ["tls", "tls", HOST, "tls", origin.address],
  );
  assert.deepEqual([tunnel.bytesIn, tunnel.bytesOut], [HELLO.length, 5]);
  assert.equal(tunnel.openedAt, hello.openedAt);
  peer.end();
  await client.seeEnd();
  assert.equal((await onlyOne(rig, "tunnel")).bytesOut, 5, "half-closed is open");
  client.end();
  await client.seeClose();
  await until(() => connectionsOf(rig).length === 0, "it is gone");
  const refused = await rig.tlsClient();
  refused.write(helloWith(serverNames("other.test")));
  await refused.seeEnd();
  const closing = await onlyOne(rig, "closing");
  assert.deepEqual([closing.gateway, closing.host], [undefined, "other.test"]);
  await rig.close();
});

test("a TLS connection whose endpoint does not answer is connecting", async (t) => {
  const port = await stalledPort(t);
  const rig = await Rig.open(t, { tls: [`127.0.0.1:${port}`] });
  const client = await rig.tlsClient();
  client.write(HELLO);
  const connecting = await onlyOne(rig, "connecting");
  assert.deepEqual(
    [connecting.service, connecting.endpoint, connecting.bytesIn],
    ["tls", `127.0.0.1:${port}`, HELLO.length],
  );
  client.reset();
  await until(() => connectionsOf(rig).length === 0, "it is gone");
  await rig.close();
});

test("an HTTP connection: head, request, idle, tunnel", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  const head = await onlyOne(rig, "head");
  assert.deepEqual([head.kind, head.requests, head.host], ["http", 0, undefined]);
  client.write(request("GET", "/"));
  const asked = await onlyOne(rig, "request");
  assert.deepEqual(
    [asked.gateway, asked.host, asked.service, asked.endpoint, asked.requests],
    ["web", HOST, "web", origin.address, 1],
  );
  assert.deepEqual([asked.bytesIn, asked.bytesOut], [request("GET", "/").length, 0]);
  const peer = await origin.peer();
  await peer.see("\r\n\r\n");
  peer.write(answer("done"));
  await client.see("done");
  const idle = await onlyOne(rig, "idle");
  assert.deepEqual([idle.gateway, idle.host, idle.service], [undefined, undefined, undefined]);
  assert.equal(idle.bytesOut, client.length);
  client.write("GET");
  await onlyOne(rig, "head");
  client.write(request("GET", "/", ["Upgrade: websocket", "Connection: Upgrade"]).slice(3));
  await peer.see("\r\n\r\n", 2);
  peer.write(SWITCH);
  await client.see("101 Switching");
  const tunnel = await onlyOne(rig, "tunnel");
  assert.deepEqual(
    [tunnel.gateway, tunnel.host, tunnel.service, tunnel.endpoint, tunnel.requests],
    ["web", HOST, "web", origin.address, 2],
  );
  client.write("ping");
  await peer.see("ping");
  assert.equal((await onlyOne(rig, "tunnel")).bytesIn, tunnel.bytesIn + 4);
  await rig.close();
});

test("a connection before its PROXY header is the proxy's, and then its client's", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const gateway = 'proxy_protocol = { trusted = ["127.0.0.1"] }';
  await rig.serve({ tls: [origin.address], gateway });
  const proxy = await rig.tlsClient();
  proxy.write("PROXY ");
  await until(() => connectionsOf(rig)[0]?.bytesIn === 6, "6 bytes are counted");
  const before = await onlyOne(rig, "proxy-header");
  assert.deepEqual([before.kind, before.client.address], ["tls", "127.0.0.1"]);
  const client = { address: "192.0.2.7", port: 4711 };
  proxy.write(Buffer.from(writeProxyV1(client, client)).subarray(6));
  assert.deepEqual((await onlyOne(rig, "hello")).client, client);
  assert.equal(connectionsOf(rig, { client: "192.0.2.0/24" }).length, 1);
  assert.equal(connectionsOf(rig, { client: "127.0.0.1" }).length, 0);
  await rig.close();
});

test("what lives on a listener that a reload took away is told too", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ tls: [origin.address] });
  const client = await rig.tlsClient();
  client.write(HELLO);
  await (await origin.peer()).seeBytes(HELLO.length);
  await onlyOne(rig, "tunnel");
  const elsewhere = rig.toml({}).replaceAll(String(rig.tlsPort), String(await findFreePort()));
  await rig.load(elsewhere);
  assert.equal((await onlyOne(rig, "tunnel")).listener, `127.0.0.1:${rig.tlsPort}`);
  await rig.close();
});

test("a worker with many connections lets others have their turn before it has told all", async (t) => {
  const rig = await Rig.open(t);
  const count = 600;
  const clients = await Promise.all(Array.from({ length: count }, () => rig.client()));
  await until(() => rig.connectionsActive === count, "all are open");
  const query = readConnectionsQuery({ limit: "1" });
  assert.ok(query.ok);
  rig.send({ type: "connections", id: 7, query: query.value });
  assert.equal(rig.messages.at(-1)?.type === "connections", false);
  // One that is not looked at yet, and all that are.
  clients.at(-1)?.reset();
  clients[0]?.reset();
  const { id, page } = await rig.message("connections");
  assert.deepEqual([id, page.connections.length], [7, 1]);
  assert.ok(page.total >= count - 1 && page.total <= count, String(page.total));
  await rig.close();
});

/** Connects to each port and resets at once. */
const RESETTER = `
for (const port of process.argv.slice(1)) {
  const socket = require("node:net").connect(port, "127.0.0.1", () => socket.resetAndDestroy());
}
`;

test("a connection that was reset before it was accepted has no client in its log line", async (t) => {
  const rig = await Rig.open(t);
  // This thread accepts nothing meanwhile.
  execFileSync(process.execPath, ["-e", RESETTER, String(rig.tlsPort), String(rig.httpPort)]);
  const lines = await rig.log(2);
  assert.deepEqual(new Set(lines.map((line) => line["kind"])), new Set(["http", "tls"]));
  for (const line of lines) {
    assert.equal(line["failure"], "connection-empty");
    assert.equal("client" in line, false, JSON.stringify(line));
  }
  await rig.close();
});
