import assert from "node:assert/strict";
import { test } from "node:test";
import { createHarness, service } from "./harness.ts";

const NAME = "_http._tcp.site.test";
const SITE = service("site", `srv ${NAME}`);
const INTERVAL_MS = 5000;
/** The hosts file and resolv.conf are looked at as often. */
const AND_FILES = 2;
/** Not the interval of SRV, so that rounds can be told apart. */
const ttl = 300;

test("apply() publishes the addresses of the targets with priority and weight", async (t) => {
  const h = await createHarness(t, { resolvConf: "search wrong.test\n" });
  h.dns.zone.set(NAME, { SRV: ["10 20 8080 B.test", "5 1 8081 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  h.dns.zone.set("b.test", { A: ["10.0.0.2"], AAAA: ["fd00::2"], ttl });
  await h.start(SITE);
  assert.deepEqual(
    h.discovery.endpoints()["site"],
    [
      {
        host: "10.0.0.1",
        port: 8081,
        name: "10.0.0.1:8081",
        weight: 2,
        priority: 5,
        dnsName: "a.test",
      },
      {
        host: "10.0.0.2",
        port: 8080,
        name: "10.0.0.2:8080",
        weight: 20,
        priority: 10,
        dnsName: "b.test",
      },
      {
        host: "fd00::2",
        port: 8080,
        name: "[fd00::2]:8080",
        weight: 20,
        priority: 10,
        dnsName: "b.test",
      },
    ].map((each) => (each.priority === 5 ? { ...each, weight: 1 } : each)),
  );
  assert.deepEqual(h.dns.questions.toSorted(), [
    "A a.test",
    "A b.test",
    "AAAA a.test",
    "AAAA b.test",
    `SRV ${NAME}`,
  ]);
  const [srv, ...names] = h.discovery.status("site");
  assert.deepEqual(
    { ...srv, resolvedAt: undefined, nextAt: undefined },
    {
      kind: "srv",
      host: NAME,
      from: "dns",
      addresses: ["5 1 a.test:8081", "10 20 b.test:8080"],
      resolvedAt: undefined,
      ttlMs: INTERVAL_MS,
      nextAt: undefined,
      error: undefined,
    },
  );
  assert.deepEqual(
    names.map(({ kind, host }) => `${kind} ${host}`),
    ["name a.test.", "name b.test."],
  );
});

test("apply() asks for SRV every 5 s and for targets when their TTL ends", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(SITE);
  await h.nextRound(INTERVAL_MS, AND_FILES);
  await h.nextRound(INTERVAL_MS, AND_FILES);
  assert.equal(h.dns.questions.filter((each) => each.startsWith("SRV")).length, 3);
  assert.equal(h.dns.questions.filter((each) => each === "A a.test").length, 1);
  assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
  h.dns.zone.set(NAME, { SRV: ["0 1 81 a.test"] });
  await h.nextRound(INTERVAL_MS, AND_FILES);
  assert.deepEqual(h.published.slice(1), ["site: 10.0.0.1:81"]);
});

test("apply() lets new targets take over only when they have an address", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(SITE);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 b.test"] });
  await h.nextRound(INTERVAL_MS, AND_FILES);
  // b.test does not exist yet: it is asked for after a second, then after two.
  await h.clock.armed(1000);
  assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
  const [waiting] = h.discovery.status("site");
  assert.match(waiting?.error ?? "", /none has an address: the list before it stays/);
  h.dns.zone.set("b.test", { A: ["10.0.0.2"], ttl });
  h.clock.advance(1000);
  await h.publishes(2);
  assert.deepEqual(h.published.slice(1), ["site: 10.0.0.2:80"], "never an empty set between");
  assert.equal(h.discovery.status("site")[0]?.error, undefined);
  const asked = h.dns.questions.length;
  h.clock.advance(ttl * 1000);
  assert.deepEqual(
    h.dns.questions.slice(asked).filter((each) => each.includes("a.test")),
    [],
    "the target that went is not asked for any more",
  );
});

test('apply() takes the target "." for an empty set, and comes back', async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(SITE);
  h.dns.zone.set(NAME, { SRV: ["0 0 0 ."] });
  await h.nextRound(INTERVAL_MS, AND_FILES);
  assert.deepEqual(h.published, ["site: 10.0.0.1:80", "site: "]);
  assert.match(h.logged.at(-1)?.message ?? "", /not available/);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  await h.nextRound(INTERVAL_MS, AND_FILES);
  await h.publishes(3);
  assert.equal(h.published.at(-1), "site: 10.0.0.1:80");
});

for (const [failure, code] of [
  ["SERVFAIL", "ESERVFAIL"],
  ["NXDOMAIN", "ENOTFOUND"],
  ["silence", "ETIMEOUT"],
  [[], "ENODATA"],
  [["0 0 0 a.test"], "EBADRESP"],
] as const) {
  test(`apply() keeps the last good records through ${code}, logs once, comes back`, async (t) => {
    const h = await createHarness(t);
    h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
    h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
    await h.start(SITE);
    h.logged.length = 0;
    h.dns.zone.set(NAME, { SRV: failure });
    h.clock.advance(INTERVAL_MS);
    for (const waitMs of [1000, 2000]) {
      await h.clock.armed(waitMs);
      h.clock.advance(waitMs);
    }
    await h.clock.armed(4000);
    assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
    assert.deepEqual(h.logged, [
      {
        level: "warning",
        message: "SRV records are not found",
        fields: { name: NAME, code, kept: 1 },
      },
    ]);
    assert.equal(h.discovery.status("site")[0]?.error, code);
    h.dns.zone.set(NAME, { SRV: ["0 1 82 a.test"] });
    h.clock.advance(4000);
    await h.publishes(2);
    assert.equal(h.published.at(-1), "site: 10.0.0.1:82");
    assert.equal(h.logged.at(-1)?.message, "SRV records are found again");
    assert.equal(h.discovery.status("site")[0]?.error, undefined);
  });
}

test("apply() looks SRV up in the search domains, and its targets as they stand", async (t) => {
  const h = await createHarness(t, { resolvConf: "search site.test\noptions ndots:3\n" });
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  h.dns.zone.set("a.test.site.test", { A: ["10.0.0.99"], ttl });
  await h.start(service("site", "srv _http._tcp"));
  assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
});

test("apply() uses at most 256 records of a name, the first by priority, and says so", async (t) => {
  const h = await createHarness(t);
  const records = Array.from({ length: 300 }, (_, i) => `${i} 1 ${1000 + i} a.test`);
  h.dns.zone.set(NAME, { SRV: records.toReversed() });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(SITE);
  const ports = h.discovery.endpoints()["site"]?.map(({ port }) => port);
  assert.deepEqual([ports?.length, ports?.[0], ports?.at(-1)], [256, 1000, 1255]);
  const [warning] = h.logged.filter(({ level }) => level === "warning");
  assert.deepEqual(warning?.fields["left_out"], 44);
});

test("apply() asks once for all services that name the same records", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(
    SITE,
    service("other", `srv ${NAME.toUpperCase()}`),
    service("third", "a.test.:80"),
  );
  assert.deepEqual(h.published.toSorted(), [
    "other: 10.0.0.1:80",
    "site: 10.0.0.1:80",
    "third: 10.0.0.1:80",
  ]);
  assert.equal(h.dns.questions.length, 3);
});

test("apply() of the services before finds their records as they were", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(SITE);
  h.dns.zone.clear();
  await h.start(service("site", "10.0.0.9:80"));
  h.discovery.apply([SITE], [h.dns.address]);
  assert.deepEqual(h.published.slice(1), ["site: 10.0.0.9:80", "site: 10.0.0.1:80"]);
  assert.equal(h.dns.questions.length, 3, "nothing is asked again");
});

test("apply() keeps the records of a name that became an alias without records", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(SITE);
  h.dns.zone.set(NAME, { CNAME: "gone.test" });
  h.clock.advance(INTERVAL_MS);
  await h.clock.armed(1000);
  assert.deepEqual(h.published, ["site: 10.0.0.1:80"]);
  assert.equal(h.discovery.status("site")[0]?.error, "ENODATA");
});

test("close() leaves no timer of SRV", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set(NAME, { SRV: ["0 1 80 a.test"] });
  h.dns.zone.set("a.test", { A: ["10.0.0.1"], ttl });
  await h.start(SITE);
  h.discovery.close();
  assert.equal(h.clock.pending, 0);
});
