import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decide } from "../../src/routing/virtual-host.ts";
import { VirtualHostApps } from "../../src/routing/virtual-host-apps.ts";
import { on, request, virtualHost } from "./fixtures.ts";

/** As many as are kept, and one. */
const COUNT = 1025;

describe("VirtualHostApps", () => {
  const hosts = Array.from({ length: COUNT }, (_, i) => virtualHost([on(`exact /${i}`)]));

  test("builds each app once, from the virtual host at its index", () => {
    const apps = new VirtualHostApps(hosts);
    const app = apps.get(7);
    assert.ok(app !== undefined);
    assert.equal(apps.get(7), app);
    assert.equal(decide(app, request("GET /7"))?.route, hosts[7]?.routes[0]);
    assert.equal(decide(app, request("GET /8")), undefined);
  });

  test("has nothing for an index without a virtual host", () => {
    const apps = new VirtualHostApps(hosts);
    for (const index of [-1, COUNT, 0.5]) assert.equal(apps.get(index), undefined);
    assert.equal(new VirtualHostApps([]).get(0), undefined);
  });

  test("keeps 1,024 apps and drops the one built first for another", () => {
    const apps = new VirtualHostApps(hosts);
    const built = hosts.map((_, i) => apps.get(i));
    assert.equal(apps.get(1), built[1]);
    assert.equal(apps.get(COUNT - 1), built[COUNT - 1]);
    const again = apps.get(0);
    assert.ok(again !== undefined);
    assert.notEqual(again, built[0]);
    assert.equal(decide(again, request("GET /0"))?.route, hosts[0]?.routes[0]);
  });
});
