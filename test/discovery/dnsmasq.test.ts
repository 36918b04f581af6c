import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { parseEndpointFile } from "../../src/config/endpoint-file.ts";
import { createDiscovery } from "../../src/discovery/discovery.ts";
import { hasCommand } from "../packages.ts";
import { service } from "./harness.ts";

const skip = hasCommand("dnsmasq") ? false : "dnsmasq is not installed";

test("apply() resolves through dnsmasq: A, AAAA, CNAME, TTL and NXDOMAIN", { skip }, async (t) => {
  const server = await startDnsmasq(t, [
    "--host-record=site.test,10.0.0.1,fd00::1,33",
    "--host-record=site.test,10.0.0.2,33",
    "--cname=alias.test,site.test,22",
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
  discovery.apply(services, [server]);
  await discovery.settled(services, 20_000);
  const sets = discovery.endpoints();
  const expected = ["10.0.0.1:443", "10.0.0.2:443", "[fd00::1]:443"];
  for (const name of ["site.test", "alias.test"]) {
    const names = sets[name]?.map((each) => each.name) ?? [];
    // Without IPv6 beyond this machine the third one is left out.
    assert.deepEqual(names, expected.slice(0, names.length));
    assert.ok(names.length >= 2);
  }
  assert.equal(discovery.status("site.test")[0]?.ttlMs, 33_000);
  assert.equal(discovery.status("alias.test")[0]?.ttlMs, 22_000);
  assert.equal(discovery.status("absent.test")[0]?.error, "ENOTFOUND");
});

/** Starts dnsmasq on a free loopback port in the foreground; gone when the test ends. */
async function startDnsmasq(t: TestContext, records: readonly string[]): Promise<string> {
  const port = await freeUdpPort();
  const child = spawn(
    "dnsmasq",
    [
      "--keep-in-foreground",
      "--conf-file=/dev/null",
      "--log-facility=-",
      "--no-resolv",
      "--no-hosts",
      "--bind-interfaces",
      "--listen-address=127.0.0.1",
      `--port=${port}`,
      "--pid-file=",
      "--user=root",
      ...records,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  t.after(() => stop(child));
  await started(child);
  return `127.0.0.1:${port}`;
}

async function started(child: ChildProcess): Promise<void> {
  let text = "";
  await new Promise<void>((resolve, reject) => {
    // The pipe is read to the end: dnsmasq must never wait for us.
    child.stderr?.on("data", (chunk: Buffer) => {
      text += String(chunk);
      if (text.includes("started")) resolve();
    });
    child.once("exit", () => reject(new Error(`dnsmasq did not start: ${text}`)));
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill();
  await once(child, "exit");
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
