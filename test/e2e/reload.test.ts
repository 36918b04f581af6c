/** A reload swaps all or nothing, and nothing that is open notices. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { findFreePort, until } from "../processes.ts";
import { startEcho, startHttpEndpoint } from "./endpoints.ts";
import { type Gatehouse, type Scope, startGatehouse } from "./harness.ts";
import { fetchStatus, runLoad } from "./http-client.ts";
import { keepConnection, openTunnel } from "./long-lived.ts";
import { refusesConnections } from "./raw-tcp.ts";

/** How one asks for a reload, and how it says what came of it. */
const WAYS: Readonly<Record<string, (gatehouse: Gatehouse) => Promise<void>>> = {
  SIGHUP: async (gatehouse) => {
    const from = gatehouse.log.lines.length;
    gatehouse.signal("SIGHUP");
    await gatehouse.log.waitFor({ message: "reloaded" }, from);
  },
  "POST /reload": async (gatehouse) => {
    const { status, text } = await gatehouse.ask("/reload", "POST");
    assert.equal(status, 200, text);
    assert.equal((JSON.parse(text) as { ok: boolean }).ok, true);
  },
  "gatehouse reload": async (gatehouse) => {
    const { status, stderr } = await gatehouse.command("reload");
    assert.equal(status, 0, stderr);
    assert.match(stderr, /^Reloaded as version \d+:$/m);
    assert.match(stderr, /listener .* added$/m);
    assert.match(stderr, /listener .* removed$/m);
  },
};

for (const [way, reload] of Object.entries(WAYS)) {
  test(`${way}: what is new is served, what is gone is closed, what is open lives on`, async (t) => {
    const box = await startBox(t);
    const { gatehouse, ports } = box;
    const kept = keepConnection(t, ports.http);
    assert.equal(await kept.get("one.test"), "200 one");
    assert.match(await kept.get("two.test"), /^404 /);
    const tunnels = [await openTunnel(t, ports.tls), await openTunnel(t, ports.oldTls)];
    for (const tunnel of tunnels) await tunnel.echo("before");
    assert.equal(await fetchStatus(ports.old, "one.test"), 200);
    assert.equal(await refusesConnections(ports.fresh), true);

    gatehouse.writeConfig(box.after);
    await reload(gatehouse);
    assert.equal(await kept.get("two.test"), "200 two");
    assert.equal(await kept.get("one.test"), "200 one");
    assert.equal(await fetchStatus(ports.fresh, "two.test"), 200);
    await until("the removed listeners are closed", async () => {
      const closed = [ports.old, ports.oldTls].map(refusesConnections);
      return (await Promise.all(closed)).every(Boolean) ? true : undefined;
    });
    for (const tunnel of tunnels) await tunnel.echo("after");
    assert.equal(await gatehouse.metric("gatehouse_snapshot_version"), 2);
    assert.equal(await gatehouse.metric("gatehouse_reloads_total", { result: "success" }), 1);
    assert.equal(await gatehouse.metric("gatehouse_worker_restarts_total"), 0);
  });
}

test("a wrong file changes nothing, and every error of it is said", async (t) => {
  const { gatehouse, ports, after } = await startBox(t);
  gatehouse.writeConfig(
    `${after}\n[service.spare]\ncolour = "red"\n\n[[virtual_service]]\nhosts = "x"\n`,
  );
  const expected = [/service\.spare/, /colour/, /virtual_service\[\d\]\.hosts/];

  const command = await gatehouse.command("reload");
  assert.equal(command.status, 2);
  for (const pattern of expected) assert.match(command.stderr, pattern);
  assert.match(command.stderr, /Nothing has changed; version 1 serves on/);

  const { status, text } = await gatehouse.ask("/reload", "POST");
  assert.equal(status, 422);
  for (const pattern of expected) assert.match(text, pattern);

  const from = gatehouse.log.lines.length;
  gatehouse.signal("SIGHUP");
  await gatehouse.log.waitFor({ message: "reload refused, nothing has changed" }, from);
  const said = gatehouse.log.lines.slice(from).filter(({ level }) => level === "error");
  for (const pattern of expected) assert.match(JSON.stringify(said), pattern);

  await assertUnchanged(gatehouse, ports);
  assert.equal(await gatehouse.metric("gatehouse_reloads_total", { result: "failure" }), 3);
});

test("a port in use at a reload refuses it as a whole", async (t) => {
  const { gatehouse, ports, after } = await startBox(t);
  const other = createServer().listen(ports.fresh, "127.0.0.1");
  await once(other, "listening");
  t.after(() => void other.close());
  gatehouse.writeConfig(after);
  const { status, stderr } = await gatehouse.command("reload");
  assert.equal(status, 1);
  assert.match(
    stderr,
    new RegExp(`gateway fresh: cannot listen on 127\\.0\\.0\\.1:${ports.fresh}: .*in use`),
  );
  assert.match(stderr, /Nothing has changed/);
  await assertUnchanged(gatehouse, ports);
  // When the port is free again the same file is taken.
  other.close();
  await once(other, "close");
  assert.equal((await gatehouse.command("reload")).status, 0);
  assert.equal(await fetchStatus(ports.fresh, "two.test"), 200);
});

test("20 reloads under load fail no request", async (t) => {
  const { gatehouse, ports, before, after } = await startBox(t);
  const running = { on: true };
  const load = runLoad({
    port: ports.http,
    host: "one.test",
    connections: 8,
    marker: "one",
    more: () => running.on,
  });
  for (let i = 1; i <= 20; i += 1) {
    gatehouse.writeConfig(i % 2 === 1 ? after : before);
    const { status, text } = await gatehouse.ask("/reload", "POST");
    assert.equal(status, 200, text);
    // New connections, too, are served at once by what is new.
    assert.equal(await fetchStatus(ports.http, "two.test"), i % 2 === 1 ? 200 : 404);
  }
  running.on = false;
  const { answered, failures, ports: connections } = await load;
  assert.deepEqual(failures, []);
  assert.equal(connections.length, 8);
  assert.ok(answered >= 20, String(answered));
  assert.equal(await gatehouse.metric("gatehouse_snapshot_version"), 21);
  assert.equal(await gatehouse.metric("gatehouse_worker_restarts_total"), 0);
});

interface Ports {
  readonly http: number;
  readonly tls: number;
  /** Listened on before the reload only. */
  readonly old: number;
  readonly oldTls: number;
  /** Listened on after it only. */
  readonly fresh: number;
}

interface Box {
  readonly gatehouse: Gatehouse;
  readonly ports: Ports;
  readonly before: string;
  readonly after: string;
}

async function startBox(scope: Scope): Promise<Box> {
  const one = await startHttpEndpoint(scope, (_, response) => response.end("one"));
  const two = await startHttpEndpoint(scope, (_, response) => response.end("two"));
  const echo = await startEcho(scope);
  const ports = {
    http: await findFreePort(),
    tls: await findFreePort(),
    old: await findFreePort(),
    oldTls: await findFreePort(),
    fresh: await findFreePort(),
  };
  const always =
    gateway("web", ports.http, "http") +
    gateway("tls", ports.tls, "tls") +
    httpService("one", one) +
    tlsService(echo);
  const before =
    always + gateway("old", ports.old, "http") + gateway("old-tls", ports.oldTls, "tls");
  const after = always + gateway("fresh", ports.fresh, "http") + httpService("two", two);
  return { gatehouse: await startGatehouse(scope, { config: before }), ports, before, after };
}

async function assertUnchanged(gatehouse: Gatehouse, ports: Ports): Promise<void> {
  assert.equal(await fetchStatus(ports.http, "one.test"), 200);
  assert.equal(await fetchStatus(ports.http, "two.test"), 404);
  assert.equal(await fetchStatus(ports.old, "one.test"), 200);
  assert.equal(await gatehouse.metric("gatehouse_snapshot_version"), 1);
  assert.equal((await gatehouse.ask("/readyz")).status, 200);
}

function gateway(name: string, port: number, protocol: string): string {
  return `
[[gateway]]
name = "${name}"
listen = "127.0.0.1:${port}"
protocol = "${protocol}"
`;
}

function httpService(name: string, port: number): string {
  return `
[[virtual_service]]
hosts = ["${name}.test"]

[[virtual_service.http]]
route = "${name}"

[service.${name}]
endpoints = ["127.0.0.1:${port}"]
`;
}

function tlsService(port: number): string {
  return `
[[virtual_service]]
hosts = ["nginx.com"]

[[virtual_service.tls]]
route = "echo"

[service.echo]
endpoints = ["127.0.0.1:${port}"]
`;
}
