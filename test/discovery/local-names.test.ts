import assert from "node:assert/strict";
import { test } from "node:test";
import { createHarness, service } from "./harness.ts";

const FILES_CHECK_MS = 5000;

test("apply() takes a name of the hosts file from there, without a question", async (t) => {
  const hosts = `# ours
10.0.0.1  Db.TEST db # main
fd00:0:0::1 db.test
10.0.0.1 db.test
300.0.0.1 db.test
fe80::1%eth0 db.test
`;
  const h = await createHarness(t, { hosts });
  h.dns.zone.set("db.test", { A: ["10.9.9.9"] });
  await h.start(service("db", "DB.test:5432"));
  assert.deepEqual(h.published, ["db: 10.0.0.1:5432 [fd00::1]:5432"]);
  assert.deepEqual(h.dns.questions, []);
  const [status] = h.discovery.status("db");
  assert.deepEqual([status?.from, status?.ttlMs, status?.nextAt], ["hosts", undefined, undefined]);
});

test("apply() notices a change of the hosts file, in and out", async (t) => {
  const h = await createHarness(t);
  h.dns.zone.set("db.test", { A: ["10.9.9.9"], ttl: 3600 });
  await h.start(service("db", "db.test:80"));
  h.writeHosts("10.0.0.1 db.test\n");
  h.clock.advance(FILES_CHECK_MS);
  await h.publishes(2);
  assert.equal(h.published.at(-1), "db: 10.0.0.1:80");
  h.writeHosts("10.0.0.1 other.test\n");
  h.clock.advance(FILES_CHECK_MS);
  await h.clock.armed(3_600_000);
  assert.equal(h.published.at(-1), "db: 10.9.9.9:80");
});

for (const name of ["localhost", "LOCALHOST.", "api.localhost"]) {
  test(`apply() knows ${name} without a question`, async (t) => {
    const h = await createHarness(t, { hosts: "" });
    await h.start(service("local", `${name}:80`));
    assert.deepEqual(h.published, ["local: 127.0.0.1:80 [::1]:80"]);
    assert.deepEqual(h.dns.questions, []);
  });
}

test("apply() gives localhost no ::1 where the box has none", async (t) => {
  const h = await createHarness(t);
  h.ipv6.loopback = false;
  await h.start(service("local", "localhost:80"));
  assert.deepEqual(h.published, ["local: 127.0.0.1:80"]);
});

test("apply() takes localhost from the hosts file where it stands there", async (t) => {
  const h = await createHarness(t, { hosts: "127.0.0.1 localhost\n" });
  await h.start(service("local", "localhost:80"));
  assert.deepEqual(h.published, ["local: 127.0.0.1:80"]);
});

test("apply() takes an IP literal for itself wherever a name may stand", async (t) => {
  const h = await createHarness(t);
  await h.start(service("six", "[FD00:0::1]:80"));
  assert.deepEqual(h.published, ["six: [fd00::1]:80"]);
  assert.deepEqual(h.dns.questions, []);
});

test("apply() walks the search list for a name with too few dots", async (t) => {
  const h = await createHarness(t, { resolvConf: "search a.test b.test\n" });
  h.dns.zone.set("db.b.test", { A: ["10.0.0.1"] });
  h.dns.zone.set("db", { A: ["10.9.9.9"] });
  await h.start(service("db", "db:80"));
  assert.deepEqual(h.published, ["db: 10.0.0.1:80"]);
  assert.deepEqual(asked(h), ["db.a.test", "db.b.test"]);
});

test("apply() asks for a name with enough dots first and for a search domain after", async (t) => {
  const h = await createHarness(t, { resolvConf: "search a.test\n" });
  h.dns.zone.set("x.db.a.test", { A: ["10.0.0.1"] });
  await h.start(service("db", "x.db:80"));
  assert.deepEqual(asked(h), ["x.db", "x.db.a.test"]);
  assert.deepEqual(h.published, ["db: 10.0.0.1:80"]);
});

test("apply() honours ndots, and a trailing dot that turns the list off", async (t) => {
  const h = await createHarness(t, { resolvConf: "search a.test\noptions ndots:2\n" });
  h.dns.zone.set("x.db", { A: ["10.0.0.1"] });
  await h.start(service("few", "x.db:80"));
  assert.deepEqual(asked(h), ["x.db.a.test", "x.db"]);
  h.dns.questions.length = 0;
  await h.start(service("dot", "y.db.:80"));
  assert.deepEqual(asked(h), ["y.db"]);
});

test("apply() goes on after SERVFAIL of a search domain, as glibc does", async (t) => {
  const h = await createHarness(t, { resolvConf: "search broken.test b.test\n" });
  h.dns.zone.set("db.broken.test", { A: "SERVFAIL", AAAA: "SERVFAIL" });
  h.dns.zone.set("db.b.test", { A: ["10.0.0.1"] });
  await h.start(service("db", "db:80"));
  assert.deepEqual(h.published, ["db: 10.0.0.1:80"]);
});

test("apply() asks only for the name itself after REFUSED of a search domain", async (t) => {
  const h = await createHarness(t, { resolvConf: "search broken.test b.test\n" });
  h.dns.zone.set("db.broken.test", { A: "REFUSED", AAAA: "REFUSED" });
  h.dns.zone.set("db.b.test", { A: ["10.0.0.1"] });
  await h.start(service("db", "db:80"));
  assert.deepEqual(asked(h), ["db.broken.test", "db"]);
  assert.equal(h.discovery.status("db")[0]?.error, "EREFUSED");
});

test("apply() lets no search domain answer while the name itself fails", async (t) => {
  const h = await createHarness(t, { resolvConf: "search wild.test\n" });
  h.dns.zone.set("site.test", { A: "SERVFAIL", AAAA: "SERVFAIL" });
  h.dns.zone.set("site.test.wild.test", { A: ["10.6.6.6"] });
  await h.start(service("site", "site.test:80"));
  assert.deepEqual(h.published, []);
  assert.equal(h.discovery.status("site")[0]?.error, "ESERVFAIL");
});

test("apply() lets no other domain answer while the one that answered fails", async (t) => {
  const h = await createHarness(t, { resolvConf: "search a.test b.test\n" });
  h.dns.zone.set("db.a.test", { A: ["10.0.0.1"], ttl: 60 });
  h.dns.zone.set("db.b.test", { A: ["10.6.6.6"] });
  await h.start(service("db", "db:80"));
  h.dns.zone.set("db.a.test", { A: "SERVFAIL", AAAA: "SERVFAIL" });
  h.clock.advance(60_000);
  await h.clock.armed(1000);
  assert.deepEqual(h.published, ["db: 10.0.0.1:80"]);
});

test("apply() follows resolv.conf to another server and search list", async (t) => {
  const h = await createHarness(t, { resolvConf: "search a.test\n" });
  h.dns.zone.set("db.b.test", { A: ["10.0.0.1"], ttl: 42 });
  await h.start(service("db", "db:80"));
  assert.deepEqual(h.published, []);
  h.writeResolvConf("search b.test # new\n");
  h.clock.advance(FILES_CHECK_MS);
  await h.clock.armed(42_000);
  assert.deepEqual(h.published, ["db: 10.0.0.1:80"]);
});

/** The names asked for, in order, each once. */
function asked(h: Awaited<ReturnType<typeof createHarness>>): readonly string[] {
  return [...new Set(h.dns.questions.map((each) => each.replace(/^\w+ /, "")))];
}
