import assert from "node:assert/strict";
import { test } from "node:test";
import { createHarness, service } from "./harness.ts";

const TTL_60 = 60_000;

test("apply() publishes addresses at once and asks nothing for them", async (t) => {
  const h = await createHarness(t);
  h.discovery.apply([service("static", "10.0.0.2:80", "10.0.0.1:80", "10.0.0.2:80")], []);
  assert.deepEqual(h.published, ["static: 10.0.0.2:80 10.0.0.1:80"]);
  assert.equal(h.clock.pending, 0, "nothing waits where no name is");
  assert.deepEqual(h.dns.questions, []);
});

test("apply() publishes every A and AAAA of a name, v4 before v6, sorted", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("site.test", { A: ["10.0.0.2", "10.0.0.1"], AAAA: ["fd00::2", "fd00::1"] });
  await h.start(service("site", "site.test:443"));
  assert.deepEqual(h.published, ["site: 10.0.0.1:443 10.0.0.2:443 [fd00::1]:443 [fd00::2]:443"]);
  assert.deepEqual(h.dns.questions.toSorted(), ["A site.test", "AAAA site.test"]);
});

test("endpoints() is what was published last, and an empty list before", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("site.test", { A: ["10.0.0.1"] });
  const services = [service("site", "site.test:80"), service("none", "absent.test:80")];
  h.discovery.apply(services, [h.dns.address]);
  assert.deepEqual(h.discovery.endpoints(), { site: [], none: [] });
  await h.discovery.settled(services, TTL_60);
  assert.deepEqual(h.discovery.endpoints(), {
    site: [{ host: "10.0.0.1", port: 80, weight: 1, name: "10.0.0.1:80", dnsName: "site.test" }],
    none: [],
  });
});

test("apply() asks again when the lowest TTL ends and publishes only what is new", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("site.test", { A: ["10.0.0.1", "10.0.0.2"], ttl: [300, 7] });
  await h.start(service("site", "site.test:80"));
  assert.equal(h.published.length, 1);
  await h.nextRound(7000);
  assert.equal(h.dns.questions.length, 4, "A and AAAA twice");
  assert.equal(h.published.length, 1, "the same answer is no news");

  h.dns.zone.set("site.test", { A: ["10.0.0.2", "10.0.0.1"], ttl: 7 });
  await h.nextRound(7000);
  assert.equal(h.published.length, 1, "another order is no news");

  h.dns.zone.set("site.test", { A: ["10.0.0.3"], ttl: 7 });
  await h.nextRound(7000);
  assert.deepEqual(h.published.slice(1), ["site: 10.0.0.3:80"]);
});

for (const [ttl, waitMs] of [
  [0, 1000],
  [1, 1000],
  [3600, 3_600_000],
  [604_800, 3_600_000],
] as const) {
  test(`apply() waits ${waitMs} ms for a TTL of ${ttl} s`, async (t) => {
    const h = await createHarness(t);
    h.dns.zone.set("site.test", { A: ["10.0.0.1"], ttl });
    await h.start(service("site", "site.test:80"));
    const [status] = h.discovery.status("site");
    assert.equal(status?.ttlMs, waitMs);
    assert.equal(status?.nextAt, h.clock.now() + waitMs);
    h.clock.advance(waitMs - 1);
    assert.equal(h.dns.questions.length, 2);
    h.dns.zone.set("site.test", { A: ["10.0.0.2"], ttl: 60 });
    h.clock.advance(1);
    await h.clock.armed(TTL_60);
    assert.equal(h.published.at(-1), "site: 10.0.0.2:80");
  });
}

for (const [failure, code] of [
  ["SERVFAIL", "ESERVFAIL"],
  ["REFUSED", "EREFUSED"],
  ["NXDOMAIN", "ENOTFOUND"],
  ["silence", "ETIMEOUT"],
  [[], "ENODATA"],
] as const) {
  test(`apply() keeps the last good set through ${code}, logs once, comes back`, async (t) => {
    const h = await createHarness(t);
    h.dns.zone.set("site.test", { A: ["10.0.0.1"], ttl: 60 });
    await h.start(service("site", "site.test:80"));
    h.logged.length = 0;

    h.dns.zone.set("site.test", { A: failure, AAAA: failure });
    h.clock.advance(TTL_60);
    for (const waitMs of [1000, 2000, 4000]) {
      await h.clock.armed(waitMs);
      h.clock.advance(waitMs);
    }
    await h.clock.armed(8000);
    assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
    assert.deepEqual(h.logged, [
      {
        level: "warning",
        message: "name does not resolve",
        fields: { name: "site.test", code, kept: 1 },
      },
    ]);
    const [status] = h.discovery.status("site");
    assert.equal(status?.error, code);
    assert.deepEqual(status?.addresses, ["10.0.0.1"]);

    h.dns.zone.set("site.test", { A: ["10.0.0.9"], ttl: 60 });
    h.clock.advance(8000);
    await h.clock.armed(TTL_60);
    assert.equal(h.published.at(-1), "site: 10.0.0.9:80");
    assert.equal(h.logged.at(-1)?.message, "name resolves again");
    assert.equal(h.discovery.status("site")[0]?.error, undefined);
  });
}

test("apply() retries a name that never resolved after 1, 2, 4 … 30 s", async (t) => {
  const h = await createHarness(t);
  await h.start(service("site", "absent.test:80"));
  for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]) {
    await h.clock.armed(waitMs);
    h.clock.advance(waitMs);
  }
  await h.clock.armed(30_000);
  assert.equal(h.logged.length, 1);
  assert.deepEqual(h.published, []);
});

for (const failure of ["SERVFAIL", "NXDOMAIN", "silence"] as const) {
  test(`apply() counts A as an answer while AAAA is ${failure}`, async (t) => {
    const h = await createHarness(t);
    h.dns.zone.set("site.test", { A: ["10.0.0.1"], AAAA: failure });
    await h.start(service("site", "site.test:80"));
    assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
    assert.equal(h.discovery.status("site")[0]?.error, undefined);
  });
}

test("apply() keeps the addresses of a family whose question fails, and asks again soon", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("site.test", { A: ["10.0.0.1"], AAAA: ["fd00::1"], ttl: 60 });
  await h.start(service("site", "site.test:80"));
  h.dns.zone.set("site.test", { A: ["10.0.0.2"], AAAA: "SERVFAIL", ttl: 3600 });
  h.clock.advance(TTL_60);
  await h.clock.armed(30_000);
  assert.equal(h.published.at(-1), "site: 10.0.0.2:80 [fd00::1]:80");
  h.dns.zone.set("site.test", { A: ["10.0.0.2"], AAAA: [], ttl: 3600 });
  h.clock.advance(30_000);
  await h.clock.armed(3_600_000);
  assert.equal(h.published.at(-1), "site: 10.0.0.2:80", "an empty answer is an answer");
});

test("apply() leaves IPv6 out on a box without it while there is IPv4", async (t) => {
  const h = await createHarness(t);
  h.ipv6.usable = false;
  h.dns.zone.set("both.test", { A: ["10.0.0.1"], AAAA: ["fd00::1", "::1"] });
  h.dns.zone.set("six.test", { AAAA: ["fd00::1"] });
  await h.start(service("both", "both.test:80"), service("six", "six.test:80"));
  assert.deepEqual(h.published.toSorted(), ["both: 10.0.0.1:80 [::1]:80", "six: [fd00::1]:80"]);
});

test("apply() uses at most 256 addresses of a name and says so once", async (t) => {
  const h = await createHarness(t);
  const addresses = Array.from({ length: 300 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  h.dns.zone.set("big.test", { A: addresses });
  await h.start(service("big", "big.test:80"));
  assert.equal(h.discovery.endpoints()["big"]?.length, 256);
  await h.nextRound(TTL_60);
  const warnings = h.logged.filter((each) => each.level === "warning");
  assert.deepEqual(
    warnings.map((each) => [each.message, each.fields["left_out"]]),
    [["name has more addresses than are used", 44]],
  );
});

test("apply() looks a name up once for all services that use it, in any spelling", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("site.test", { A: ["10.0.0.1"] });
  await h.start(
    service("a", "site.test:80"),
    service("b", "Site.TEST:8080", "10.0.0.7:80", "site.test:8081"),
  );
  assert.equal(h.dns.questions.length, 2);
  assert.deepEqual(
    h.discovery.endpoints()["a"]?.map((each) => each.name),
    ["10.0.0.1:80"],
  );
  assert.deepEqual(
    h.discovery.endpoints()["b"]?.map((each) => each.name),
    ["10.0.0.1:8080", "10.0.0.7:80", "10.0.0.1:8081"],
  );
  assert.equal(h.discovery.status("b").length, 1);
});

test("apply() keeps the state of a name that stays and stops one that goes", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("stays.test", { A: ["10.0.0.1"], ttl: 60 });
  h.dns.zone.set("goes.test", { A: ["10.0.0.2"], ttl: 50 });
  await h.start(service("stays", "stays.test:80"), service("goes", "goes.test:80"));
  h.discovery.apply([service("stays", "stays.test:80")], [h.dns.address]);
  assert.deepEqual(Object.keys(h.discovery.endpoints()), ["stays"]);
  assert.equal(h.dns.questions.length, 4, "nothing is asked again");
  assert.equal(h.published.length, 2, "nothing is published again");
  h.clock.advance(55_000);
  assert.equal(h.dns.questions.length, 4, "the name that went is not asked for any more");
  assert.deepEqual(h.discovery.status("goes"), []);
});

test("apply() of the services before finds their names as they were", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("old.test", { A: ["10.0.0.1"], ttl: 60 });
  await h.start(service("site", "old.test:80"));
  h.dns.zone.clear();
  await h.start(service("site", "new.test:80"));
  assert.equal(h.published.at(-1), "site: ", "the new definition has no endpoint yet");
  h.discovery.apply([service("site", "old.test:80")], [h.dns.address]);
  assert.equal(h.published.at(-1), "site: 10.0.0.1:80");
  assert.equal(h.dns.questions.filter((each) => each === "A old.test").length, 1);
});

test("apply() with other servers asks those at once and keeps the sets meanwhile", async (t) => {
  const h = await createHarness(t);
  const other = await createHarness(t);
  const site = service("site", "site.test:80");
  h.dns.zone.set("site.test", { A: ["10.0.0.1"] });
  other.dns.zone.set("site.test", { A: ["10.0.0.2"], ttl: 42 });
  await h.start(site);
  h.discovery.apply([site], [other.dns.address]);
  assert.equal(h.discovery.endpoints()["site"]?.[0]?.name, "10.0.0.1:80");
  await h.clock.armed(42_000);
  assert.equal(h.published.at(-1), "site: 10.0.0.2:80");
});

test("settled() gives up after its time", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("slow.test", { A: "silence", AAAA: "silence" });
  const services = [service("slow", "slow.test:80")];
  h.discovery.apply(services, [h.dns.address]);
  const settled = h.discovery.settled(services, 777);
  h.clock.advance(777);
  await settled;
  assert.equal(h.discovery.status("slow")[0]?.error, undefined, "the lookup still waits");
});

test("close() leaves no timer", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("site.test", { A: ["10.0.0.1"] });
  await h.start(service("site", "site.test:80"));
  assert.ok(h.clock.pending > 0);
  h.discovery.close();
  assert.equal(h.clock.pending, 0);
});

test("apply() says that the servers are wrong where they are no addresses", async (t) => {
  const h = await createHarness(t);
  const services = [service("site", "site.test:80")];
  h.discovery.apply(services, ["not an address"]);
  await h.discovery.settled(services, TTL_60);
  assert.equal(h.discovery.status("site")[0]?.error, "EBADSERVER");
});

test("apply() keeps what it knows of a name that became an alias without an address", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("site.test", { A: ["10.0.0.1"], ttl: 60 });
  await h.start(service("site", "site.test:80"));
  // An alias of itself, as a circle looks when a resolver has given up.
  h.dns.zone.set("site.test", { CNAME: "site.test" });
  h.clock.advance(TTL_60);
  await h.clock.armed(1000);
  assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
  assert.equal(h.discovery.status("site")[0]?.error, "ENODATA");
});
