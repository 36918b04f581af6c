/** Limits of a service over the workers of the real program. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { findFreePort, until } from "../processes.ts";
import { type Gatehouse, type Scope, startGatehouse, untilMetric } from "./harness.ts";
import { dial, startTcpServer } from "./raw-tcp.ts";

const CONNECTIONS = 10;
const CLIENTS = 40;
const HEAD = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** An endpoint that answers when it is told to, and knows how many connections it had at once. */
class HeldEndpoint {
  readonly open = new Set<Socket>();
  most = 0;
  /** Connections with a request that waits for its answer. */
  readonly asked: Socket[] = [];
  answersAtOnce = false;

  async listen(scope: Scope): Promise<number> {
    return startTcpServer(scope, (socket) => {
      this.open.add(socket);
      this.most = Math.max(this.most, this.open.size);
      socket.on("end", () => socket.end());
      socket.on("close", () => this.open.delete(socket));
      socket.on("data", () => {
        if (this.answersAtOnce) socket.write(ANSWER);
        else this.asked.push(socket);
      });
    });
  }

  /** Answers all, and from now on each request at once. */
  answer(): void {
    this.answersAtOnce = true;
    for (const socket of this.asked.splice(0)) socket.write(ANSWER);
  }
}

async function start(t: Scope, endpoint: HeldEndpoint, pool: string): Promise<[Gatehouse, number]> {
  const port = await findFreePort();
  const gatehouse = await startGatehouse(t, {
    config: `
[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"
[[virtual_service]]
hosts = ["*"]
[[virtual_service.http]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${await endpoint.listen(t)}"]
timeouts.connect = "15s"
pool = ${pool}
`,
  });
  return [gatehouse, port];
}

/** A client that has asked; resolves to the first line of its answer. */
async function ask(t: Scope, port: number): Promise<{ status: Promise<string>; socket: Socket }> {
  const socket = await dial(t, port);
  const status = new Promise<string>((resolve) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (part: string) => {
      text += part;
      if (text.includes("\r\n\r\n")) resolve(text.split("\r\n", 1)[0] ?? "");
    });
    socket.on("close", () => resolve("closed"));
  });
  socket.write(HEAD);
  return { status, socket };
}

const UPSTREAM = { name: "gatehouse_upstream_connections_active" };
const OVERFLOW = { name: "gatehouse_failures_total", labels: { kind: "overflow" } };

test("pool.connections = 10 over two workers are 10 connections, and nobody who waits is lost", async (t) => {
  const endpoint = new HeldEndpoint();
  const pool = `{ connections = ${CONNECTIONS}, pending = ${CLIENTS} }`;
  const [gatehouse, port] = await start(t, endpoint, pool);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, async () => ask(t, port)));
  await until("ten requests", () => (endpoint.asked.length === CONNECTIONS ? true : undefined));
  await untilMetric(gatehouse, { name: "gatehouse_connections_active" }, CLIENTS);
  assert.equal(await gatehouse.metric(UPSTREAM.name), CONNECTIONS);
  assert.equal(endpoint.most, CONNECTIONS);
  endpoint.answer();
  const statuses = await Promise.all(clients.map(({ status }) => status));
  assert.deepEqual(
    statuses.filter((status) => status !== "HTTP/1.1 200 OK"),
    [],
  );
  // One that is closed for another worker may be seen to close after the next has come.
  assert.ok(endpoint.most <= CONNECTIONS + 2, `${endpoint.most} connections at once`);
  assert.ok((await gatehouse.metric(UPSTREAM.name)) <= CONNECTIONS);
  assert.equal(await gatehouse.metric(OVERFLOW.name, OVERFLOW.labels), 0);
});

test("pool.pending holds over two workers; the rest is refused at once, and places come back", async (t) => {
  const endpoint = new HeldEndpoint();
  const [gatehouse, port] = await start(t, endpoint, "{ connections = 2, pending = 3 }");
  const clients = await Promise.all(Array.from({ length: 20 }, async () => ask(t, port)));
  await untilMetric(gatehouse, OVERFLOW, 15);
  assert.equal(endpoint.most, 2);
  await gatehouse.accessLog.waitFor({ kind: "http", failure: "overflow", status: 503 });
  const refused: string[] = [];
  for (const { status } of clients) void status.then((line) => refused.push(line));
  await until("the answers", () => (refused.length === 15 ? true : undefined));
  assert.deepEqual([...new Set(refused)], ["HTTP/1.1 503 Service Unavailable"]);
  // Those that are served, and those that wait, go away: nothing of them is left.
  for (const { socket } of clients) socket.resetAndDestroy();
  await untilMetric(gatehouse, UPSTREAM, 0);
  await untilMetric(gatehouse, { name: "gatehouse_connections_active" }, 0);
  endpoint.asked.length = 0;
  const again = await Promise.all(Array.from({ length: 5 }, async () => ask(t, port)));
  await until("two requests", () => (endpoint.asked.length === 2 ? true : undefined));
  endpoint.answer();
  for (const { status } of again) assert.equal(await status, "HTTP/1.1 200 OK");
});

test("connections that lie idle in one worker serve those that wait in the other", async (t) => {
  const endpoint = new HeldEndpoint();
  endpoint.answersAtOnce = true;
  const [gatehouse, port] = await start(t, endpoint, "{ connections = 1 }");
  // The kernel spreads the clients over both workers, of which only one can have the connection.
  for (let i = 0; i < 30; i += 1) {
    const { status, socket } = await ask(t, port);
    assert.equal(await status, "HTTP/1.1 200 OK");
    socket.destroy();
  }
  assert.equal(await gatehouse.metric(OVERFLOW.name, OVERFLOW.labels), 0);
  assert.ok((await gatehouse.metric(UPSTREAM.name)) <= 1);
});

test("a reload that lowers pool.connections closes what is idle", async (t) => {
  const endpoint = new HeldEndpoint();
  const [gatehouse, port] = await start(t, endpoint, "{ connections = 8 }");
  const clients = await Promise.all(Array.from({ length: 8 }, async () => ask(t, port)));
  await until("eight requests", () => (endpoint.asked.length === 8 ? true : undefined));
  endpoint.answer();
  for (const { status } of clients) assert.equal(await status, "HTTP/1.1 200 OK");
  const [address = ""] = /127\.0\.0\.1:\d+/.exec((await gatehouse.ask("/services")).text) ?? [];
  gatehouse.writeConfig(`
[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"
[[virtual_service]]
hosts = ["*"]
[[virtual_service.http]]
route = "s"
[service.s]
endpoints = ["${address}"]
pool.connections = 2
`);
  assert.equal((await gatehouse.ask("/reload", "POST")).status, 200);
  // Two workers that both see one too many close one each.
  await until("two at most", async () =>
    (await gatehouse.metric(UPSTREAM.name)) <= 2 ? true : undefined,
  );
});
