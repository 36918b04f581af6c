import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { helloWith, serverNames } from "../core/tls/hello-builder.ts";
import type { Endpoint } from "../../src/core/service.ts";
import { HOST, Rig, answer, request } from "./harness.ts";
import { stalledPort } from "./stalled-listener.ts";

function socketPath(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-unix-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "app.sock");
}

test("Exchange reaches an endpoint over a Unix socket, kept alive", async (t) => {
  const rig = await Rig.create(t);
  const path = socketPath(t);
  const heads: string[] = [];
  const origin = await rig.httpOrigin(
    (head) => {
      heads.push(head);
      return answer("fine");
    },
    { path },
  );
  await rig.load(rig.toml({ http: [`unix:${path}`] }).replaceAll(`"${HOST}"`, '"*"'));
  const client = await rig.client();
  client.write(request("GET", "/1"));
  await client.see("fine");
  client.write("GET /2 HTTP/1.0\r\n\r\n");
  await client.see("fine", 2);
  assert.equal(origin.peers.length, 1);
  assert.match(heads[0] ?? "", /^Host: a\.test\r$/m);
  assert.match(heads[1] ?? "", /^Host: localhost\r$/m);
  await origin.close();
  const next = await rig.client();
  next.write(request("GET", "/3"));
  await next.see("502 Bad Gateway");
  const lines = await rig.log(3);
  assert.deepEqual(
    lines.map((line) => [line["endpoint"], line["status"], line["failure"]]),
    [
      [`unix:${path}`, 200, undefined],
      [`unix:${path}`, 200, undefined],
      [`unix:${path}`, 502, "connect-failed"],
    ],
  );
  await rig.close();
});

test("TlsConnection reaches an endpoint over a Unix socket, with a PROXY header", async (t) => {
  const rig = await Rig.create(t);
  const path = socketPath(t);
  const hello = helloWith(serverNames(HOST));
  const origin = await rig.origin(undefined, { path });
  await rig.serve({ tls: [`unix:${path}`], service: 'proxy_protocol = "v1"' });
  const client = await rig.tlsClient();
  client.write(hello);
  const peer = await origin.peer();
  await peer.see(hello.toString("latin1"));
  assert.match(peer.text, /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n\x16/);
  peer.write("back");
  await client.see("back");
  // A Unix socket has no reset: the other side of a tunnel that breaks is closed.
  client.reset();
  await rig.log(1);
  assert.equal((await rig.line())["endpoint"], `unix:${path}`);
  await rig.close();
});

for (const kind of ["http", "tls"] as const) {
  test(`the log of ${kind} names the family that won the race`, async (t) => {
    const port = await stalledPort(t, "::1");
    const rig = await Rig.create(t);
    const origin = await rig.origin(
      (peer) => peer.socket.once("data", () => peer.write(answer("fine"))),
      { host: "127.0.0.1", port },
    );
    await rig.serve({});
    const traits = { port, weight: 1, dnsName: "both.test" };
    const silent: Endpoint = { host: "::1", name: `[::1]:${port}`, ...traits };
    const sibling: Endpoint = { host: "127.0.0.1", name: origin.address, ...traits };
    // The one family is the only choice at first; the other one comes as a backup.
    const endpoints = [silent, { ...sibling, priority: 1 }];
    rig.send({ type: "endpoints", service: kind === "http" ? "web" : "tls", endpoints });
    const client = await (kind === "http" ? rig.client() : rig.tlsClient());
    client.write(kind === "http" ? request("GET", "/") : helloWith(serverNames(HOST)));
    await client.see("fine");
    client.reset();
    const line = await rig.line();
    assert.equal(line["endpoint"], sibling.name);
    assert.equal(line["attempts"], kind === "http" ? 1 : undefined);
    assert.equal(rig.metric("gatehouse_retries_total"), 0);
    await rig.close();
  });
}
