import assert from "node:assert/strict";
import { type AddressInfo, connect } from "node:net";
import { type TestContext, test } from "node:test";
import { createServer } from "node:tls";
import { PemFolder, TestAuthority } from "../certificates.ts";
import { HOST, Rig, request } from "./harness.ts";
import { type Origin, type Peer, until } from "./peer.ts";

const ASK = request("GET", "/chat", ["Upgrade: websocket", "Connection: Upgrade"]);
/** Content types of TLS records (RFC 8446 §5.1). */
const ALERT = 21;
const APPLICATION_DATA = 23;
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

test("HttpConnection that became a tunnel over TLS says close_notify, whichever side ended first", async (t) => {
  const authority = await TestAuthority.make();
  const { certificate: cert, privateKey: key } = await authority.issue([HOST]);
  const ca = new PemFolder(t).write("ca.pem", authority.own.certificate);
  // The type of a record is in plain text in this version.
  const version = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const secure = createServer({ cert, key, allowHalfOpen: true, ...version }, (socket) => {
    socket.once("data", () => socket.end(`${SWITCH}goodbye`));
    socket.resume();
  });
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  t.after(() => secure.close());
  const { port } = secure.address() as AddressInfo;
  const rig = await Rig.create(t);
  const origin = await rig.origin(({ socket }) => {
    const inner = connect({ port, allowHalfOpen: true });
    socket.pipe(inner).pipe(socket);
    socket.on("close", () => inner.destroy());
  });
  const tls = `tls = { sni = "${HOST}", ca = "${ca}" }`;
  await rig.load(
    rig.toml({ http: [origin.address] }).replace("[service.tls]", `${tls}\n[service.tls]`),
  );
  const client = await rig.client();
  client.write(ASK);
  assert.match(await client.seeEnd(), /goodbye$/);
  client.write("last words");
  client.end();
  const peer = await origin.peer();
  await peer.seeEnd();
  assert.deepEqual(recordTypes(peer.bytes).slice(-2), [APPLICATION_DATA, ALERT]);
  assert.equal((await rig.line())["failure"], undefined);
  await rig.close();
});

function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3))
    types.push(bytes[at] ?? 0);
  return types;
}

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
