import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Rig } from "./harness.ts";
import { findFreePort } from "../processes.ts";

/** A worker with one tcp listener, on the rig's TLS port, and these routes. */
async function open(t: TestContext, endpoints: readonly string[], routes?: string): Promise<Rig> {
  const rig = await Rig.create(t);
  await load(rig, endpoints, routes);
  return rig;
}

function route(match: string, to: string): string {
  return `[[virtual_service.tcp]]\nmatch = [${match}]\nroute = "${to}"\n`;
}

async function load(rig: Rig, endpoints: readonly string[], routes?: string): Promise<void> {
  await rig.load(`
[[gateway]]
name = "db"
listen = "127.0.0.1:${rig.tlsPort}"
protocol = "tcp"
[[virtual_service]]
hosts = ["db.test"]
${routes ?? '[[virtual_service.tcp]]\nroute = "db"'}
[service.db]
endpoints = ${JSON.stringify(endpoints)}
[service.other]
endpoints = ["127.0.0.1:1"]
`);
}

test("an endpoint that speaks first is heard before the client has said a byte", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => peer.write("220 ready\r\n"));
  await load(rig, [origin.address]);
  const client = await rig.tlsClient();
  await client.see("220 ready\r\n");
  client.write("EHLO\r\n");
  const peer = await origin.peer();
  await peer.see("EHLO\r\n");
  client.end();
  await peer.seeEnd();
  peer.write("221 bye\r\n");
  peer.end();
  assert.equal(await client.seeClose(), "220 ready\r\n221 bye\r\n");
  const line = await rig.line();
  assert.deepEqual(
    [line["kind"], line["gateway"], line["service"], line["endpoint"], line["failure"]],
    ["tcp", "db", "db", origin.address, undefined],
  );
  assert.deepEqual([line["bytes_in"], line["bytes_out"]], [6, 20]);
  assert.equal(line["sni"], undefined);
  assert.equal(rig.metric("gatehouse_tunnels_total"), 1);
  await rig.close();
});

test("the first route whose source and port hold takes a connection, and none refuses it", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => peer.write("hello"));
  const far = route('{ source = ["192.0.2.0/24"] }', "other");
  await load(rig, [origin.address], far + route(`{ port = ${rig.tlsPort} }`, "db"));
  const client = await rig.tlsClient();
  await client.see("hello");
  client.reset();
  await rig.log(1);
  await load(rig, [origin.address], far);
  const refused = await rig.tlsClient();
  assert.equal(await refused.seeEnd(), "");
  const [, line] = await rig.log(2);
  assert.deepEqual([line?.["gateway"], line?.["failure"]], ["db", "no-route"]);
  await rig.close();
});

test("another endpoint is tried, with what the client has said meanwhile", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await load(rig, [`127.0.0.1:${await findFreePort()}`, origin.address]);
  const client = await rig.tlsClient();
  client.write("early");
  const peer = await origin.peer();
  await peer.see("early");
  client.reset();
  assert.equal((await rig.line())["endpoint"], origin.address);
  await rig.close();
});

test("without an endpoint the client is reset: a FIN would look like an empty answer", async (t) => {
  const rig = await open(t, [`127.0.0.1:${await findFreePort()}`]);
  const client = await rig.tlsClient();
  await client.seeClose();
  assert.equal(client.wasReset, true);
  assert.equal((await rig.line())["failure"], "connect-refused");
  await rig.close();
});
