/** What the proxy tells the control plane of endpoints, and what it makes of its word. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import { HOST, Rig, answer, request } from "./harness.ts";
import { type Peer, until } from "./peer.ts";
import { findFreePort } from "../processes.ts";

/** Each row that is told, whatever happens before the next one. */
const AT_ONCE = "outlier.errors = 1";

/** `endpoint errors` of all that the worker has told. */
function told(rig: Rig): readonly string[] {
  return rig.messages.flatMap((message) =>
    message.type === "outcomes" ? message.rows.map((row) => `${row.endpoint} ${row.errors}`) : [],
  );
}

/** Waits for so many rows; with none, until a later error of another endpoint is told. */
async function untilTold(rig: Rig, rows: readonly string[]): Promise<void> {
  await until(
    () => told(rig).length >= rows.length,
    () => `${rows.join()}: ${told(rig).join()}`,
  );
  assert.deepEqual(told(rig), rows);
}

const status = (line: string): string => answer("", [], line);
const RESET = (peer: Peer): void => peer.reset();

const ENDPOINTS: readonly (readonly [what: string, act: (peer: Peer) => void, counts: boolean])[] =
  [
    ["500", (peer) => peer.write(status("500 No")), true],
    ["503", (peer) => peer.write(status("503 No")), true],
    ["404", (peer) => peer.write(status("404 No")), false],
    ["200", (peer) => peer.write(status("200 OK")), false],
    ["reset", RESET, true],
    ["garbage", (peer) => peer.write("SSH-2.0\r\n\r\n"), true],
    [
      "an answer cut short",
      (peer) => peer.socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"),
      true,
    ],
  ];

for (const [what, act, counts] of ENDPOINTS) {
  test(`an endpoint's ${what} ${counts ? "is" : "is no"} error`, async (t) => {
    const rig = await Rig.create(t);
    const origin = await rig.origin((peer) => void peer.socket.once("data", () => act(peer)));
    await rig.serve({ http: [origin.address], service: AT_ONCE });
    const client = await rig.client();
    client.write(request("GET", "/"));
    await rig.log(1);
    // Told at once: the access log comes 100 ms later.
    assert.deepEqual(told(rig), counts ? [`${origin.address} 1`] : []);
    await rig.close();
  });
}

test("a connect failure is an error of each endpoint that was tried, and a retry's success none", async (t) => {
  const rig = await Rig.create(t);
  const good = await rig.httpOrigin(() => answer("fine"));
  const dead = [`127.0.0.1:${await findFreePort()}`, `127.0.0.1:${await findFreePort()}`];
  const service = `${AT_ONCE}\nbalancer = "round_robin"`;
  await rig.serve({ http: [...dead, good.address], service });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("fine");
  await untilTold(
    rig,
    dead.map((address) => `${address} 1`),
  );
  await rig.close();
});

test("a wait for a connection that outlasts per_try_timeout is no error of the endpoint", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const routes =
    '[[virtual_service.http]]\nmatch = [{ path = { exact = "/late" } }]\nroute = "web"\n' +
    'retries = { attempts = 0, per_try_timeout = "1s", on = ["reset"] }\n' +
    '[[virtual_service.http]]\nroute = "web"';
  const service = `pool.connections = 1\n${AT_ONCE}`;
  await rig.serve({ http: [origin.address], service, routes });
  const [first, second] = [await rig.client(), await rig.client()];
  first.write(request("GET", "/first"));
  const peer = await origin.peer();
  await peer.see("GET /first");
  second.write(request("GET", "/late"));
  await until(() => rig.deadlines.size >= 4, "it waits");
  rig.skip(1200);
  assert.match(await second.see("504"), /^HTTP\/1\.1 504 /);
  assert.deepEqual(told(rig), []);
  peer.reset();
  await untilTold(rig, [`${origin.address} 1`]);
  await rig.close();
});

test("a client that goes away is no error of the endpoint", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  await rig.serve({ http: [origin.address], service: AT_ONCE });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await until(() => origin.peers.length > 0, "the endpoint has it");
  client.reset();
  assert.equal((await rig.line())["failure"], "client-closed");
  assert.deepEqual(told(rig), []);
  await rig.close();
});

test("a kept-alive connection that the endpoint has closed meanwhile is no error", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer, index) => {
    const onData = (): void => {
      // The first connection answers once, and is reset with the second request on it.
      if (index === 0 && peer.text.split("GET").length > 2) peer.reset();
      else peer.write(answer(`from ${index}`));
    };
    peer.socket.on("data", onData);
  });
  await rig.serve({ http: [origin.address], service: AT_ONCE });
  const client = await rig.client();
  client.write(request("GET", "/1"));
  await client.see("from 0");
  client.write(request("GET", "/2"));
  await client.see("from 1");
  await rig.log(2);
  assert.deepEqual(told(rig), []);
  await rig.close();
});

test("silence until the response time-out is an error", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const service = `${AT_ONCE}\ntimeouts.response = "1s"`;
  await rig.serve({ http: [origin.address], service });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await until(() => origin.peers.length > 0, "the endpoint has it");
  await until(() => (origin.peers[0]?.length ?? 0) > 0, "the request is sent");
  rig.skip(2000);
  await client.see("504");
  await untilTold(rig, [`${origin.address} 1`]);
  await rig.close();
});

test("the route's time limit is no error once an answer has begun: the client may be slow", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin((peer) => {
    peer.socket.once("data", () => peer.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"));
  });
  const routes = '[[virtual_service.http]]\nroute = "web"\ntimeout = "1s"';
  await rig.serve({ http: [origin.address], service: AT_ONCE, routes });
  const client = await rig.client();
  client.write(request("GET", "/"));
  await client.see("200 OK");
  rig.skip(2000);
  await client.seeClose();
  await rig.log(1);
  assert.deepEqual(told(rig), []);
  await rig.close();
});

test("tls: a refused connection is an error, and one that is made takes it back", async (t) => {
  const rig = await Rig.create(t);
  const origin = await rig.origin();
  const dead = `127.0.0.1:${await findFreePort()}`;
  const service = `${AT_ONCE}\nbalancer = "round_robin"`;
  await rig.serve({ tls: [dead, origin.address], service });
  const hello = helloWith(serverNames(HOST));
  for (let connections = 1; connections <= 2; connections += 1) {
    (await rig.tlsClient()).write(hello);
    await until(() => origin.peers.length === connections, "the tunnel");
  }
  await untilTold(rig, [`${dead} 1`]);
  await rig.close();
});

test("what is ejected or out gets no more requests, and comes back when it is well", async (t) => {
  const rig = await Rig.create(t);
  const one = await rig.httpOrigin(() => answer("one."));
  const two = await rig.httpOrigin(() => answer("two."));
  await rig.serve({ http: [one.address, two.address], service: 'balancer = "round_robin"' });
  const client = await rig.client();
  const ask = async (times: number): Promise<string> => {
    const before = client.text.length;
    for (let i = 0; i < times; i += 1) {
      const length = client.text.length;
      client.write(request("GET", "/"));
      await until(() => /(one|two)\.$/.test(client.text.slice(length)), "an answer");
    }
    return client.text.slice(before);
  };
  for (const state of ["ejected", "out", "unhealthy"] as const) {
    rig.send({ type: "health", service: "web", health: { [one.address]: { state, sinceMs: 0 } } });
    assert.doesNotMatch(await ask(4), /one\./);
    rig.send({ type: "health", service: "web", health: {} });
    assert.match(await ask(4), /one\.[^]*one\./);
  }
  await rig.close();
});
