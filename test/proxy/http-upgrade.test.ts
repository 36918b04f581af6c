import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Rig, request } from "./harness.ts";
import { type Origin, type Peer, until } from "./peer.ts";

const ASK = request("GET", "/chat", ["Upgrade: websocket", "Connection: Upgrade"]);
const SWITCH =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

test("HttpConnection becomes a tunnel after 101 and loses no byte behind either head", async (t) => {
  const { rig, client, peer } = await open(t, `${ASK}early frame`);
  peer.write(`${SWITCH}first frame`);
  await client.see("first frame");
  await peer.see("early frame");
  client.write("ping");
  await peer.see("early frameping");
  peer.end();
  await client.seeEnd();
  client.write("last words");
  await peer.see("last words");
  client.end();
  await client.seeClose();
  await peer.seeClose();
  const line = await rig.line();
  assert.equal(line["status"], 101);
  assert.equal(line["failure"], undefined);
  assert.equal(line["bytes_in"], ASK.length + "early framepinglast words".length);
  assert.equal(line["bytes_out"], client.length);
  await until(() => rig.connectionsActive === 0 && rig.upstreamActive === 0, "both are gone");
  await rig.close();
});

test("HttpConnection that became a tunnel is cut after tunnel_idle", async (t) => {
  const { rig, client, peer } = await open(t, ASK);
  peer.write(SWITCH);
  await client.see("\r\n\r\n");
  rig.skip(3_500_000);
  client.write("x");
  await peer.see("\r\n\r\nx");
  rig.skip(3_500_000);
  assert.equal(rig.connectionsActive, 1);
  rig.skip(200_000);
  await client.seeClose();
  await peer.seeClose();
  assert.equal((await rig.line())["failure"], "tunnel-idle");
  await rig.close();
});

test("HttpConnection that became a tunnel passes a reset on, and drains at the tunnels' limit", async (t) => {
  const { rig, client, peer, origin } = await open(t, ASK);
  peer.write(SWITCH);
  await client.see("\r\n\r\n");
  client.reset();
  await peer.seeClose();
  assert.equal((await rig.line())["failure"], "client-closed");
  const second = await rig.client();
  second.write(ASK);
  const secondPeer = await origin.peer(1);
  await secondPeer.see("\r\n\r\n");
  secondPeer.write(SWITCH);
  await second.see("\r\n\r\n");
  rig.send({ type: "drain", settings: { delayMs: 0, requestsMs: 1000, tunnelsMs: 9000 } });
  rig.skip(5000);
  secondPeer.write("still");
  await second.see("still");
  rig.skip(5000);
  await second.seeClose();
  assert.equal((await rig.log(2))[1]?.["failure"], "draining");
  await rig.close();
});

async function open(
  context: TestContext,
  sent: string,
): Promise<{ rig: Rig; client: Peer; peer: Peer; origin: Origin }> {
  const rig = await Rig.create(context);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address] });
  const client = await rig.client();
  client.write(sent);
  const peer = await origin.peer();
  await peer.see("\r\n\r\n");
  return { rig, client, peer, origin };
}
