/** How the box stops: what is under way is finished, within the limits, and then the process ends with 0. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type RequestOptions, type ServerResponse } from "node:http";
import { test } from "node:test";
import { DEADLINE_MS, findFreePort, until } from "../processes.ts";
import { startEcho, startHttpEndpoint } from "./endpoints.ts";
import { type Gatehouse, type Scope, startGatehouse } from "./harness.ts";
import { fetchStatus } from "./http-client.ts";
import { keepConnection, openTunnel, readAnswer } from "./long-lived.ts";
import { dial, readToEnd, refusesConnections } from "./raw-tcp.ts";

/** Every way to begin a drain. */
const WAYS: Readonly<Record<string, (gatehouse: Gatehouse) => Promise<void> | void>> = {
  SIGTERM: (gatehouse) => gatehouse.signal("SIGTERM"),
  SIGINT: (gatehouse) => gatehouse.signal("SIGINT"),
  "POST /drain": async (gatehouse) => {
    assert.equal((await gatehouse.ask("/drain", "POST")).status, 202);
  },
  "gatehouse drain": async (gatehouse) => {
    assert.equal((await gatehouse.command("drain")).status, 0);
  },
};

for (const [way, drain] of Object.entries(WAYS)) {
  test(`${way}: requests and tunnels under way are finished, new ones refused, exit 0`, async (t) => {
    const box = await startBox(t, `drain.requests = "1m"\ndrain.tunnels = "1m"`);
    const { gatehouse } = box;
    const idle = await dial(t, box.httpPort);
    idle.write("GET /now HTTP/1.1\r\nHost: site.test\r\n\r\n");
    await once(idle, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
    const idleEnd = readToEnd(idle);
    const answer = readAnswer(request(requestTo(box.httpPort)).end());
    const held = await box.nextHeld();
    const tunnel = await openTunnel(t, box.tlsPort);

    await drain(gatehouse);
    await untilRefused(box);
    // The idle connection is of no use any more.
    await idleEnd;
    await tunnel.echo("still here");
    held.end("the end");
    const [response, body] = await answer;
    assert.equal(response.statusCode, 200);
    assert.equal(body, "the end");
    assert.equal(response.headers.connection, "close");
    await tunnel.echo("and still");
    tunnel.socket.end();
    assert.equal(await gatehouse.exited, 0);
    const line = await gatehouse.accessLog.waitFor({ kind: "tls", sni: "nginx.com" });
    assert.equal(line["failure"], undefined);
    assert.equal(gatehouse.accessLog.having({ kind: "http", path: "/" }).length, 1);
  });
}

test("what is not finished within drain.requests and drain.tunnels is cut", async (t) => {
  const box = await startBox(t, `drain.requests = "200ms"\ndrain.tunnels = "400ms"`);
  const { gatehouse } = box;
  const socket = await dial(t, box.httpPort);
  const told = readToEnd(socket);
  socket.write("GET / HTTP/1.1\r\nHost: site.test\r\n\r\n");
  await box.nextHeld();
  const tunnel = await openTunnel(t, box.tlsPort);
  const cut = readToEnd(tunnel.socket);
  gatehouse.signal("SIGTERM");
  await Promise.all([told, cut]);
  assert.equal(await gatehouse.exited, 0);
  await gatehouse.accessLog.waitFor({ kind: "tls", failure: "draining" });
  await gatehouse.accessLog.waitFor({ kind: "http", path: "/" });
});

test("a second SIGTERM ends it at once", async (t) => {
  const box = await startBox(t, `drain.tunnels = "1h"`);
  const tunnel = await openTunnel(t, box.tlsPort);
  const cut = readToEnd(tunnel.socket);
  box.gatehouse.signal("SIGTERM");
  await untilRefused(box);
  await tunnel.echo("still here");
  box.gatehouse.signal("SIGTERM");
  await cut;
  assert.equal(await box.gatehouse.exited, 0);
});

test("for drain.delay it is not ready and serves on", async (t) => {
  const box = await startBox(t, `drain.delay = "1h"`);
  const { gatehouse } = box;
  const kept = keepConnection(t, box.httpPort);
  assert.equal((await gatehouse.ask("/readyz")).status, 200);
  gatehouse.signal("SIGTERM");
  await until("not ready", async () => {
    return (await gatehouse.ask("/readyz")).status === 503 ? true : undefined;
  });
  assert.match((await gatehouse.ask("/readyz")).text, /draining/);
  assert.equal((await gatehouse.ask("/healthz")).status, 200);
  assert.equal(await fetchStatus(box.httpPort, "other.test"), 404);
  assert.match(await kept.get("other.test"), /^404 /);
  const tunnel = await openTunnel(t, box.tlsPort);
  await tunnel.echo("new ones too");
  // A reload now would only confuse: it is refused.
  assert.notEqual((await gatehouse.command("reload")).status, 0);
  gatehouse.signal("SIGTERM");
  assert.equal(await gatehouse.exited, 0);
});

interface Box {
  readonly gatehouse: Gatehouse;
  readonly httpPort: number;
  readonly tlsPort: number;
  /** The answer that the endpoint has not given yet, to the next request for `/`. */
  nextHeld(): Promise<ServerResponse>;
}

async function startBox(scope: Scope, head: string): Promise<Box> {
  const held: ServerResponse[] = [];
  const site = await startHttpEndpoint(scope, (incoming, response) => {
    if (incoming.url === "/now") response.end("now");
    else held.push(response);
  });
  const echo = await startEcho(scope);
  const httpPort = await findFreePort();
  const tlsPort = await findFreePort();
  const gatehouse = await startGatehouse(scope, {
    config: `${head}

[[gateway]]
name = "web"
listen = "127.0.0.1:${httpPort}"
protocol = "http"

[[gateway]]
name = "tls"
listen = "127.0.0.1:${tlsPort}"
protocol = "tls"

[[virtual_service]]
hosts = ["site.test"]

[[virtual_service.http]]
route = "site"

[[virtual_service]]
hosts = ["nginx.com"]

[[virtual_service.tls]]
route = "echo"

[service.site]
endpoints = ["127.0.0.1:${site}"]

[service.echo]
endpoints = ["127.0.0.1:${echo}"]
`,
  });
  return { gatehouse, httpPort, tlsPort, nextHeld: () => until("a request", () => held.pop()) };
}

function requestTo(port: number): RequestOptions {
  return { host: "127.0.0.1", port, headers: { host: "site.test" }, agent: false };
}

function untilRefused(box: Box): Promise<boolean> {
  return until("new connections are refused", async () => {
    const refused = await Promise.all([box.httpPort, box.tlsPort].map(refusesConnections));
    return refused.every(Boolean) ? true : undefined;
  });
}
