/** Requests and connections that go to the same endpoint again, through a worker. */
import assert from "node:assert/strict";
import { type TestContext, describe, test } from "node:test";
import { writeProxyV1 } from "../../src/core/proxy-protocol/write.ts";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig, type RigOptions, answer, request } from "./harness.ts";
import { type Origin, type Peer, count, until } from "./peer.ts";

const COOKIE = 'balancer = "maglev"\nhash = { cookie = "shop", ttl = "10m" }';
const SOURCE_IP = 'balancer = "maglev"\nhash = { source_ip = true }';
const HELLO = helloWith(serverNames(HOST));
const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";

/** Five endpoints that say which one they are. */
async function five(
  t: TestContext,
  options: RigOptions,
  change: (toml: string) => string = (toml) => toml,
): Promise<{ readonly rig: Rig; readonly origins: readonly Origin[] }> {
  const rig = await Rig.create(t);
  const origins: Origin[] = [];
  for (const name of ["a", "b", "c", "d", "e"]) {
    origins.push(await rig.httpOrigin(() => answer(`from ${name};`)));
  }
  const http = origins.map(({ address }) => address);
  await rig.load(change(rig.toml({ ...options, http })));
  return { rig, origins };
}

/** The http gateway believes what the test says of its clients. */
function trusting(toml: string): string {
  return toml.replace('protocol = "http"', 'protocol = "http"\ntrusted_proxies = ["127.0.0.1"]');
}

interface Answered {
  readonly from: string;
  readonly cookie: string | undefined;
  readonly text: string;
}

/** One request on its own connection, or on this one. */
async function ask(
  rig: Rig,
  fields: readonly string[] = [],
  { path = "/", client }: { readonly path?: string; readonly client?: Peer } = {},
): Promise<Answered> {
  const peer = client ?? (await rig.client());
  const { length } = peer;
  peer.write(request("GET", path, fields));
  await peer.see("from ", count(peer.text, "from ") + 1);
  const text = peer.text.slice(length);
  if (client === undefined) peer.destroy();
  const cookie = /^Set-Cookie: (.*)\r$/m.exec(text)?.[1];
  return { from: /from (\w)/.exec(text)?.[1] ?? "", cookie, text };
}

/** Where so many different ones go. */
async function spread(count: number, one: (i: number) => Promise<string>): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let i = 0; i < count; i += 1) seen.add(await one(i));
  return seen;
}

describe("a service that hashes a cookie", () => {
  test("sets it where it is missing, and sends it to the same endpoint from then on", async (t) => {
    const { rig } = await five(t, { service: COOKIE });
    const values = new Set<string>();
    for (let i = 0; i < 8; i += 1) {
      const first = await ask(rig);
      const pattern = new RegExp(`^shop=(${UUID}); Path=/; Max-Age=600; HttpOnly; SameSite=Lax$`);
      const value = pattern.exec(first.cookie ?? "")?.[1] ?? assert.fail(first.text);
      values.add(value);
      for (let again = 0; again < 3; again += 1) {
        const next = await ask(rig, [`Cookie: x=1; shop=${value}`]);
        assert.equal(next.from, first.from);
        assert.equal(next.cookie, undefined);
      }
    }
    assert.equal(values.size, 8, "each client has a value of its own");
    await rig.close();
  });

  test("gives all requests of a connection the same value, and their endpoint", async (t) => {
    const { rig } = await five(t, { service: COOKIE });
    const client = await rig.client();
    const first = await ask(rig, [], { client });
    for (let i = 0; i < 5; i += 1) {
      const next = await ask(rig, [], { client });
      assert.deepEqual([next.from, next.cookie], [first.from, first.cookie]);
    }
    await rig.close();
  });

  test("gives each client behind a trusted proxy its own, for https alone if it came by that", async (t) => {
    const { rig } = await five(t, { service: COOKIE }, trusting);
    const client = await rig.client();
    const cookies = new Set<string>();
    for (const address of ["192.0.2.1", "192.0.2.2"]) {
      const fields = [`X-Forwarded-For: ${address}`, "X-Forwarded-Proto: https"];
      const { cookie = "" } = await ask(rig, fields, { client });
      assert.match(cookie, /; Secure$/);
      cookies.add(cookie);
    }
    assert.equal(cookies.size, 2);
    await rig.close();
  });

  test("leaves a cookie of that name to the endpoint that sets it itself", async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.httpOrigin(() => answer("from x", ["Set-Cookie: shop=own; Path=/"]));
    await rig.serve({ http: [origin.address], service: COOKIE });
    const { text } = await ask(rig);
    assert.equal(text.split("Set-Cookie").length, 2);
    assert.match(text, /Set-Cookie: shop=own; Path=\/\r/);
    await rig.close();
  });

  test("sets it in the answer to an upgrade, not in interim answers, nor in our own", async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin((peer, index) =>
      peer.socket.once("data", () =>
        peer.write(
          index === 0
            ? "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi"
            : "nonsense\r\n\r\n",
        ),
      ),
    );
    await rig.serve({ http: [origin.address], service: COOKIE });
    const client = await rig.client();
    client.write(request("GET", "/", ["Upgrade: websocket", "Connection: Upgrade"]));
    const text = await client.see("hi");
    assert.match(text, /^HTTP\/1\.1 103 Early\r\nLink: x\r\n\r\n.*\r\nSet-Cookie: shop=/s);
    client.reset();
    const other = await rig.client();
    other.write(request("GET", "/"));
    assert.doesNotMatch(await other.see("502 Bad Gateway"), /Set-Cookie/);
    await rig.close();
  });

  test("does not set one when another balancer chooses", async (t) => {
    const { rig } = await five(t, { service: 'hash = { cookie = "shop" }' });
    assert.equal((await ask(rig)).cookie, undefined);
    await rig.close();
  });

  test("tries another endpoint, always the same one, while its own cannot be reached", async (t) => {
    const { rig, origins } = await five(t, { service: COOKIE });
    const fields = ["Cookie: shop=me"];
    const own = (await ask(rig, fields)).from;
    await origins["abcde".indexOf(own)]?.close();
    const seen = await spread(6, async () => (await ask(rig, fields)).from);
    assert.equal(seen.size, 1);
    assert.ok(!seen.has(own));
    await rig.close();
  });
});

describe("a service that hashes", () => {
  test("a header: several lines count as one, 8 KiB too, and without it chance decides", async (t) => {
    const { rig } = await five(t, {
      service: 'balancer = "ring_hash"\nhash = { header = "x-user" }',
    });
    const long = "x".repeat(8000);
    for (const fields of [["X-User: ann"], ["X-User: ann", "x-user: bob"], [`X-User: ${long}`]]) {
      const seen = await spread(5, async () => (await ask(rig, fields)).from);
      assert.equal(seen.size, 1);
    }
    const users = await spread(40, async (i) => (await ask(rig, [`X-User: u${i}`])).from);
    assert.equal(users.size, 5);
    assert.ok((await spread(40, async () => (await ask(rig)).from)).size > 2);
    await rig.close();
  });

  test("a query parameter, decoded", async (t) => {
    const { rig } = await five(t, { service: 'balancer = "maglev"\nhash = { query = "u" }' });
    const paths = ["/?u=a%62c", "/x?z=1&u=abc", "/?u=abc&u=other"];
    const seen = await spread(
      6,
      async (i) => (await ask(rig, [], { path: paths[i % 3] ?? "" })).from,
    );
    assert.equal(seen.size, 1);
    await rig.close();
  });

  test("the client's address, as far as trusted proxies tell", async (t) => {
    const { rig } = await five(t, { service: SOURCE_IP }, trusting);
    const seen = await spread(5, async () => (await ask(rig)).from);
    assert.equal(seen.size, 1);
    const clients = await spread(40, async (i) => {
      const fields = [`X-Forwarded-For: 192.0.2.${i}`];
      const { from } = await ask(rig, fields);
      assert.equal((await ask(rig, fields)).from, from);
      return from;
    });
    assert.equal(clients.size, 5);
    await rig.close();
  });

  test("the same for a copy as for a request", async (t) => {
    const rig = await Rig.create(t);
    const origins = [];
    for (let i = 0; i < 4; i += 1) origins.push(await rig.httpOrigin(() => answer("from x;")));
    const copies: Origin[] = [];
    for (let i = 0; i < 4; i += 1) copies.push(await rig.httpOrigin(() => answer("copy")));
    const addresses = JSON.stringify(copies.map(({ address }) => address));
    const toml = rig.toml({
      http: origins.map(({ address }) => address),
      routes: '[[virtual_service.http]]\nroute = "web"\nmirror = { to = "copy" }',
    });
    await rig.load(
      `${toml}[service.copy]\nendpoints = ${addresses}\nbalancer = "maglev"\nhash = { header = "x-user" }\n`,
    );
    for (let i = 0; i < 6; i += 1) await ask(rig, ["X-User: ann"]);
    const counts = (): readonly number[] => copies.map(({ peers }) => peers.length);
    await until(
      () => Math.max(...counts()) === 6,
      () => `six copies at one: ${counts().join()}`,
    );
    await rig.close();
  });
});

test("a service that hashes addresses sends one client's connections to one endpoint", async (t) => {
  const rig = await Rig.create(t);
  const origins = [];
  for (const name of ["a", "b", "c", "d", "e"])
    origins.push(await rig.origin((peer) => peer.write(`from ${name};`)));
  await rig.serve({
    tls: origins.map(({ address }) => address),
    gateway: 'proxy_protocol = { trusted = ["127.0.0.1"] }',
    service: SOURCE_IP,
  });
  const from = async (address: string): Promise<string> => {
    const client = await rig.tlsClient();
    const destination = { address: "192.0.2.99", port: 443 };
    client.write(Buffer.from(writeProxyV1({ address, port: 1 + rig.lines.length }, destination)));
    client.write(HELLO);
    const text = await client.see(";");
    client.reset();
    return text;
  };
  const seen = new Set<string>();
  for (let i = 0; i < 30; i += 1) {
    const first = await from(`192.0.2.${i}`);
    assert.equal(await from(`192.0.2.${i}`), first);
    seen.add(first);
  }
  assert.equal(seen.size, 5);
  await rig.close();
});

describe("a backup", () => {
  test("takes requests and connections while the only other endpoint refuses", async (t) => {
    const rig = await Rig.create(t);
    const spare = await rig.origin((peer) =>
      peer.socket.on("data", () => peer.write(answer("from spare"))),
    );
    const primary = await rig.origin((peer) =>
      peer.socket.on("data", () => peer.write(answer("from primary"))),
    );
    const { address } = primary;
    const endpoints = `["${address}", { address = "${spare.address}", backup = true }]`;
    const both = { http: ["HTTP"], tls: ["TLS"], service: "" };
    await rig.load(rig.toml(both).replaceAll(/\["(?:HTTP|TLS)"\]/g, endpoints));
    const asked = async (wanted: string): Promise<void> => {
      const client = await rig.client();
      client.write(request("GET", "/"));
      await client.see(wanted);
      client.reset();
      const stream = await rig.tlsClient();
      stream.write(HELLO);
      await stream.see(wanted);
      stream.reset();
    };
    await asked("from primary");
    await primary.close();
    await asked("from spare");
    assert.equal((await rig.log(4))[2]?.["attempts"], 2);
    // Once control knows of it, nobody tries it first any more.
    for (const service of ["web", "tls"]) {
      const health = { [address]: { state: "ejected", sinceMs: 1 } } as const;
      rig.send({ type: "health", service, health });
    }
    await asked("from spare");
    assert.equal((await rig.log(6))[4]?.["attempts"], 1);
    await rig.close();
  });
});

test("a route sends to its subset alone, for http and tls, also after a reload in between", async (t) => {
  const rig = await Rig.create(t);
  const origins: Origin[] = [];
  for (const name of ["a", "b", "c"]) {
    origins.push(
      await rig.origin((peer) => peer.socket.on("data", () => peer.write(answer(`from ${name};`)))),
    );
  }
  const endpoints = origins.map(({ address }, i) => {
    return `{ address = "${address}", labels = { v = "${i === 0 ? "1" : "2"}" } }`;
  });
  const subset = (name: string): string =>
    rig
      .toml({
        http: ["HTTP"],
        tls: ["TLS"],
        routes: `[[virtual_service.http]]\nroute = [{ to = "web", subset = "${name}" }]`,
        service: 'subsets = { one = { v = "1" }, two = { v = "2" } }',
      })
      .replaceAll(/\["(?:HTTP|TLS)"\]/g, `[${endpoints.join(", ")}]`)
      .replace('route = "tls"', `route = [{ to = "tls", subset = "${name}" }]`);
  const seenBy = async (): Promise<Set<string>> => {
    const seen = new Set<string>();
    for (let i = 0; i < 12; i += 1) {
      const client = i % 2 === 0 ? await rig.client() : await rig.tlsClient();
      client.write(i % 2 === 0 ? request("GET", "/") : HELLO);
      seen.add(/from (\w)/.exec(await client.see(";"))?.[1] ?? "");
      client.reset();
    }
    return seen;
  };
  await rig.load(subset("one"));
  assert.deepEqual(await seenBy(), new Set(["a"]));
  await rig.load(subset("two"));
  assert.deepEqual(await seenBy(), new Set(["b", "c"]));
  await origins[1]?.close();
  assert.deepEqual(await seenBy(), new Set(["c"]));
  await origins[2]?.close();
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("502 Bad Gateway");
  await rig.close();
});

test("a reload that changes the balancer leaves requests that are under way alone", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const other = await rig.origin();
  const http = [origin.address, other.address];
  for (const [from, to] of [
    ['balancer = "least_request"', COOKIE],
    [COOKIE, 'balancer = "round_robin"'],
  ] as const) {
    await rig.serve({ http, service: from });
    const client = await rig.client();
    client.write(request("GET", "/"));
    const peers = (): readonly Peer[] =>
      [...origin.peers, ...other.peers].filter((peer) => !peer.closed);
    await until(() => peers().some((peer) => peer.text.endsWith("\r\n\r\n")), "a request");
    await rig.serve({ http, service: to });
    const [peer] = peers();
    peer?.write(answer("from before"));
    const text = await client.see("from before");
    // What it was begun with counts to its end.
    assert.equal(text.includes("Set-Cookie"), from === COOKIE);
    peer?.destroy();
    client.destroy();
  }
  await rig.close();
});
