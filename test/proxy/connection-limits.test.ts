import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SharedCounts, createCountsMemory } from "../../src/core/shared-counts.ts";
import { ConnectionLimits } from "../../src/proxy/connection-limits.ts";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig } from "./harness.ts";
import { until } from "./peer.ts";

const HELLO = helloWith(serverNames(HOST));

for (const limit of ["connections", "connections_per_ip"]) {
  test(`limits.${limit} closes the next connection at once and logs overflow`, async (t) => {
    const rig = await Rig.open(t, { gateway: `limits.${limit} = 2` });
    const first = await rig.tlsClient();
    await rig.tlsClient();
    await until(() => rig.connectionsActive === 2, "two connections");
    const third = await rig.tlsClient();
    assert.equal(await third.seeEnd(), "");
    const line = await rig.line();
    assert.deepEqual([line["kind"], line["failure"]], ["tls", "overflow"]);
    assert.equal(rig.connectionsActive, 2);
    await rig.client();
    await until(() => rig.connectionsActive === 3, "another listener has limits of its own");
    first.end();
    await first.seeEnd();
    await until(() => rig.connectionsActive === 2, "one is gone");
    await rig.tlsClient();
    await until(() => rig.connectionsActive === 3, "its place is free");
    await rig.close();
  });
}

test("limits.connections_per_ip counts the client of the PROXY header", async (t) => {
  const rig = await Rig.open(t, {
    gateway: 'limits.connections_per_ip = 1\nproxy_protocol = { trusted = ["127.0.0.1"] }',
  });
  const from = async (address: string) => {
    const client = await rig.tlsClient();
    client.write(`PROXY TCP4 ${address} 198.51.100.1 1 443\r\n`);
    return client;
  };
  await from("192.0.2.1");
  await from("192.0.2.2");
  const again = await from("192.0.2.1");
  assert.equal(await again.seeEnd(), "");
  assert.deepEqual(
    [(await rig.line())["failure"], (await rig.line())["client"]],
    ["overflow", "192.0.2.1:1"],
  );
  assert.equal(rig.connectionsActive, 2);
  await rig.close();
});

describe("ConnectionLimits", () => {
  test("counts IPv6 by /64, and descriptors over all listeners", async (t) => {
    const rig = await Rig.create(t);
    const snapshot = rig.compile(rig.toml({ gateway: "limits.connections_per_ip = 1" }));
    const [web, tls] = snapshot.listeners;
    assert.ok(web && tls);
    const counts = new SharedCounts(createCountsMemory(1), { index: 0, workers: 1, seed: "" });
    const limits = new ConnectionLimits(counts, 2);
    assert.notEqual(limits.enterAddress(web, "2001:db8::1"), undefined);
    assert.equal(limits.enterAddress(web, "2001:db8::ffff:1"), undefined);
    assert.notEqual(limits.enterAddress(web, "2001:db8:0:1::1"), undefined);
    assert.notEqual(limits.enterAddress(tls, "2001:db8::1"), undefined);
    assert.equal(limits.enter(web), undefined);
    assert.equal(limits.enter(tls), undefined);
    assert.match(limits.enter(tls) ?? "", /descriptors/);
    limits.leave(web.id, undefined);
    assert.equal(limits.enter(tls), undefined);
  });
});

test("a connection that this box has made itself is refused as a loop", async (t) => {
  const rig = await Rig.open(t);
  const [host, name] = ["127.0.0.1", `127.0.0.1:${rig.tlsPort}`];
  const endpoint = { host, port: rig.tlsPort, weight: 1, name };
  rig.send({ type: "endpoints", service: "tls", endpoints: [endpoint] });
  const client = await rig.tlsClient();
  client.write(HELLO);
  assert.equal(await client.seeEnd(), "\x15\x03\x01\x00\x02\x02\x50");
  client.end();
  const lines = await rig.log(2);
  assert.deepEqual(
    lines.map((line) => line["failure"]),
    ["loop", undefined],
  );
  assert.deepEqual(rig.failureCounts, { loop: 1 });
  await rig.close();
});
