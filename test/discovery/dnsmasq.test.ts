import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEndpointFile } from "../../src/config/endpoint-file.ts";
import { createDiscovery } from "../../src/discovery/discovery.ts";
import { SKIP_DNSMASQ, startDnsmasq } from "../dnsmasq.ts";
import { service } from "./harness.ts";

test(
  "apply() resolves through dnsmasq: A, AAAA, CNAME, SRV, TTL and NXDOMAIN",
  { skip: SKIP_DNSMASQ },
  async (t) => {
    const { address } = await startDnsmasq(t, [
      "--host-record=site.test,10.0.0.1,fd00::1,33",
      "--host-record=site.test,10.0.0.2,33",
      "--cname=alias.test,site.test,22",
      "--srv-host=_http._tcp.site.test,site.test,8080,5,7",
      "--local=/test/",
    ]);
    const discovery = createDiscovery({
      publish: () => undefined,
      log: () => undefined,
      parseEndpoints: parseEndpointFile,
    });
    t.after(() => discovery.close());
    const services = ["site.test", "alias.test", "absent.test"].map((name) =>
      service(name, `${name}:443`),
    );
    services.push(service("srv", "srv _http._tcp.site.test"));
    discovery.apply(services, [address]);
    await discovery.settled(services, 20_000);
    const sets = discovery.endpoints();
    const expected = ["10.0.0.1:443", "10.0.0.2:443", "[fd00::1]:443"];
    for (const name of ["site.test", "alias.test"]) {
      const names = sets[name]?.map((each) => each.name) ?? [];
      // Without IPv6 beyond this machine the third one is left out.
      assert.deepEqual(names, expected.slice(0, names.length));
      assert.ok(names.length >= 2);
    }
    const [first] = sets["srv"] ?? [];
    assert.deepEqual([first?.name, first?.priority, first?.weight], ["10.0.0.1:8080", 5, 7]);
    assert.equal(discovery.status("site.test")[0]?.ttlMs, 33_000);
    assert.equal(discovery.status("alias.test")[0]?.ttlMs, 22_000);
    assert.equal(discovery.status("absent.test")[0]?.error, "ENOTFOUND");
  },
);
