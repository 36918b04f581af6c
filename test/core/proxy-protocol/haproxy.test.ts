/** A second opinion: Debian's HAProxy writes headers for us to read, and reads those that we write. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { ProxyHeader } from "../../../src/core/proxy-protocol/header.ts";
import {
  ProxyHeaderReader,
  type ProxyHeaderResult,
} from "../../../src/core/proxy-protocol/reader.ts";
import { writeProxyV1, writeProxyV2 } from "../../../src/core/proxy-protocol/write.ts";
import { makeTestCertificate } from "../../e2e/certificate.ts";
import { type Scope, temporaryFolder } from "../../e2e/harness.ts";
import { findCommand, hasCommand } from "../../packages.ts";
import { endProcess, findFreePort, until } from "../../processes.ts";
import { mutate } from "../tls/mutate.ts";
import { seededRandom } from "../tls/seeded-random.ts";
import { VECTORS } from "./vectors.ts";

const skip = hasCommand("haproxy") ? false : "haproxy is not installed";

const NAMES = ["plain1", "plain2", "every", "both1", "both2", "read1", "read2"] as const;
type Ports = Record<(typeof NAMES)[number], number>;

/** What HAProxy sent on one connection: the header, and behind it what the client said. */
interface Seen {
  readonly result: ProxyHeaderResult;
  readonly stream: string;
}

const cleaners: (() => Promise<void> | void)[] = [];
const scope: Scope = { after: (clean) => void cleaners.push(clean) };
const GREETING = "hello";

let ports: Ports;
/** Connections that HAProxy made and nobody has asked for yet. */
const arrived: Socket[] = [];
const local: ProxyHeader[] = [];

before(async () => {
  if (skip !== false) return;
  const sink = await startSink((socket) => arrived.push(socket));
  const checks = await startSink((socket) => {
    socket.once("data", (bytes) => {
      const result = new ProxyHeaderReader().push(bytes);
      if (result.kind === "header") local.push(result.header);
    });
  });
  const numbers = await Promise.all(NAMES.map(() => findFreePort()));
  ports = Object.fromEntries(NAMES.map((name, i) => [name, numbers[i] ?? 0])) as Ports;
  await startHaproxy({ sink, checks });
});

after(async () => {
  for (const clean of cleaners.toReversed()) await clean();
});

async function startSink(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

async function startHaproxy(peers: { sink: number; checks: number }): Promise<void> {
  const folder = temporaryFolder(scope);
  const made = await makeTestCertificate(scope, ["nginx.com"]);
  const pem = join(folder, "both.pem");
  writeFileSync(pem, readFileSync(made.keyFile) + "\n" + readFileSync(made.certificateFile));
  const config = join(folder, "haproxy.cfg");
  writeFileSync(config, configuration(pem, peers));
  const child = spawn(findCommand("haproxy") ?? "haproxy", ["-db", "-f", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  scope.after(() => endProcess(child));
  const output = { stderr: "" };
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.stderr += text;
  });
  await until("HAProxy listens", async () => {
    if (child.exitCode !== null) throw new Error(`HAProxy ended: ${output.stderr}`);
    return local.length > 0 ? true : undefined;
  });
}

function configuration(pem: string, { sink, checks }: { sink: number; checks: number }): string {
  const options = "ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id";
  const tls = `ssl crt ${pem} alpn h2,http/1.1`;
  return `
global
  maxconn 200
  nbthread 1
defaults
  mode tcp
  timeout connect 10s
  timeout client 10s
  timeout server 10s
listen version1
  bind 127.0.0.1:${ports.plain1}
  bind ::1:${ports.plain1}
  bind :::${ports.both1} v4v6
  bind 127.0.0.1:${ports.read1} accept-proxy
  server sink 127.0.0.1:${sink} send-proxy
listen version2
  bind 127.0.0.1:${ports.plain2}
  bind ::1:${ports.plain2}
  bind :::${ports.both2} v4v6
  bind 127.0.0.1:${ports.read2} accept-proxy
  server sink 127.0.0.1:${sink} send-proxy-v2 proxy-v2-options crc32c
listen every
  unique-id-format some-%[rand]
  bind 127.0.0.1:${ports.every} ${tls}
  server sink 127.0.0.1:${sink} send-proxy-v2 proxy-v2-options ${options}
  server checks 127.0.0.1:${checks} check inter 100ms send-proxy-v2 check-send-proxy proxy-v2-options crc32c backup
`;
}

/** What arrives on the next connection; undefined when `client` closes before there is one. */
async function nextArrival(client: Socket): Promise<Seen | undefined> {
  const closed = { yes: false };
  client.once("close", () => {
    closed.yes = true;
  });
  const socket = await until("a connection of HAProxy or its end", () => {
    const next = arrived.shift();
    return next ?? (closed.yes ? "none" : undefined);
  });
  if (socket === "none") return undefined;
  const seen = await readToGreeting(socket);
  socket.destroy();
  return seen;
}

/** The stream ends in the greeting. The client stays: an end that comes early makes HAProxy reset the connection. */
async function readToGreeting(socket: Socket): Promise<Seen> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return until("the greeting through HAProxy", () => {
    const bytes = Buffer.concat(chunks);
    const result = new ProxyHeaderReader().push(bytes);
    const start = result.kind === "header" ? result.streamStart : 0;
    const stream = bytes.subarray(start).toString("latin1");
    return stream.endsWith(GREETING) ? { result, stream } : undefined;
  });
}

/** Sends bytes to HAProxy; says what it made of them and from which port they came. */
async function ask(
  port: number,
  bytes: Uint8Array | string,
  host = "127.0.0.1",
): Promise<{ seen: Seen | undefined; clientPort: number }> {
  const client = connect({ port, host });
  client.on("error", () => undefined).resume();
  await once(client, "connect");
  const clientPort = client.localPort ?? 0;
  client.write(bytes);
  const seen = await nextArrival(client);
  client.destroy();
  return { seen, clientPort };
}

function headerOf(seen: Seen | undefined): ProxyHeader {
  assert.ok(seen?.result.kind === "header", JSON.stringify(seen));
  return seen.result.header;
}

const OWN: readonly (readonly [version: 1 | 2, name: keyof Ports, host: string, ip: string])[] = [
  [1, "plain1", "127.0.0.1", "127.0.0.1"],
  [1, "plain1", "::1", "::1"],
  [1, "both1", "127.0.0.1", "127.0.0.1"],
  [2, "plain2", "127.0.0.1", "127.0.0.1"],
  [2, "plain2", "::1", "::1"],
  [2, "both2", "127.0.0.1", "127.0.0.1"],
];

for (const [version, name, host, address] of OWN) {
  const what = `version ${version} from HAProxy's ${name}, dialled at ${host}`;
  test(`ProxyHeaderReader reads ${what}`, { skip }, async () => {
    const { seen, clientPort } = await ask(ports[name], GREETING, host);
    assert.deepEqual(headerOf(seen), {
      version,
      command: "proxy",
      addresses: {
        client: { address, port: clientPort },
        destination: { address, port: ports[name] },
      },
      tlvs: {},
    });
    assert.equal(seen?.stream, GREETING);
  });
}

test(
  "ProxyHeaderReader reads every field that HAProxy has for a TLS client",
  { skip },
  async () => {
    const options = { host: "127.0.0.1", port: ports.every, servername: "www.Nginx.com" };
    const client = connectTls({ ...options, ALPNProtocols: ["h2"], rejectUnauthorized: false });
    client.on("error", () => undefined).resume();
    await once(client, "secureConnect");
    client.write(GREETING);
    const seen = await nextArrival(client);
    client.destroy();
    const { tlvs } = headerOf(seen);
    assert.match(tlvs.uniqueId ?? "", /^some-\d+$/);
    const { uniqueId: _, ...others } = tlvs;
    assert.deepEqual(others, { alpn: "h2", authority: "www.Nginx.com", ssl: true });
    assert.equal(seen?.stream, GREETING);
  },
);

test("ProxyHeaderReader reads HAProxy's health check as LOCAL", { skip }, () => {
  const [first] = local;
  assert.deepEqual(first, { version: 2, command: "local", addresses: undefined, tlvs: {} });
});

const ENDS: readonly (readonly [client: string, destination: string])[] = [
  ["192.0.2.1", "198.51.100.2"],
  ["::ffff:192.0.2.1", "::ffff:198.51.100.2"],
  ["2001:db8::1", "2001:db8::2"],
  ["::", "2001:0:0:1::"],
];

for (const [from, to] of ENDS) {
  for (const write of [writeProxyV1, writeProxyV2]) {
    test(`${write.name}() is read by HAProxy: ${from} → ${to}`, { skip }, async () => {
      const client = { address: from, port: 65_535 };
      const destination = { address: to, port: 0 };
      const tlvs = { alpn: "h2", authority: "nginx.com" };
      const bytes = Buffer.concat([write(client, destination, tlvs), Buffer.from(GREETING)]);
      const expected = new ProxyHeaderReader().push(bytes);
      for (const port of [ports.read1, ports.read2]) {
        const { seen } = await ask(port, bytes);
        assert.ok(expected.kind === "header");
        assert.deepEqual(headerOf(seen).addresses, expected.header.addresses);
        assert.equal(seen?.stream, GREETING);
      }
    });
  }
}

test("writeProxyV2() of two families is read by HAProxy", { skip }, async () => {
  const client = { address: "192.0.2.1", port: 1 };
  const destination = { address: "2001:db8::2", port: 2 };
  const { seen } = await ask(
    ports.read2,
    Buffer.concat([writeProxyV2(client, destination), Buffer.from(GREETING)]),
  );
  assert.deepEqual(headerOf(seen).addresses, { client, destination });
});

test(
  "ProxyHeaderReader never reads other addresses or another end than HAProxy",
  { skip },
  async () => {
    const random = seededRandom(80);
    let compared = 0;
    for (let i = 0; i < 600; i += 1) {
      const { bytes } = VECTORS[i % VECTORS.length] ?? { bytes: Buffer.alloc(0) };
      const mutated = mutate(bytes, random);
      const wire = Buffer.concat([mutated, Buffer.from(GREETING)]);
      const ours = new ProxyHeaderReader().push(wire);
      // The greeting must be left for the stream.
      if (ours.kind !== "header" || ours.streamStart > mutated.length) continue;
      const { seen, clientPort } = await ask(ports.read2, wire);
      if (seen === undefined) continue;
      compared += 1;
      const hex = wire.toString("hex");
      const own = {
        client: { address: "127.0.0.1", port: clientPort },
        destination: { address: "127.0.0.1", port: ports.read2 },
      };
      assert.deepEqual(headerOf(seen).addresses, ours.header.addresses ?? own, hex);
      assert.equal(seen.stream, wire.subarray(ours.streamStart).toString("latin1"), hex);
    }
    assert.ok(compared > 50, `only ${compared} were taken by both`);
  },
);
