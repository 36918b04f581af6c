/**
 * A worker reads all its sockets into one buffer (src/transport/socket-memory.ts): whoever keeps bytes of it, or hands them
 * to a write, sends one client's bytes to another. Here many connections at once, each with bytes of its own, are cut at
 * random, wait for slow readers on both sides, and are checked byte by byte.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { writeProxyV1, writeProxyV2 } from "../../src/core/proxy-protocol/write.ts";
import { PemFolder, TestAuthority } from "../certificates.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { HOST, Rig, request } from "./harness.ts";
import { PatternCheck, patternOf } from "./pattern.ts";
import {
  type Exchanged,
  HttpPatternEndpoint,
  type Witness,
  pathOf,
  pauseFor,
  preambleOf,
  seen,
  witnessTunnel,
} from "./pattern-endpoints.ts";
import { findFreePort as freePort } from "../processes.ts";
import type { Peer } from "./peer.ts";

const CLIENTS = 60;
const MIB = 1024 * 1024;
const KINDS = ["request", "answer", "asked again", "copy", "upgrade", "tls", "tcp", "tunnel"];
const CLIENT = { address: "192.0.2.7", port: 4711 };
const DESTINATION = { address: "198.51.100.1", port: 443 };

for (const seed of [1, 2, 3]) {
  test(`nobody gets a byte of another connection, seed ${seed}`, async (t) => {
    const setup = await open(t, seed);
    const { rig, witness } = setup;
    await Promise.all(Array.from({ length: CLIENTS }, (_, index) => converse(setup, index)));
    for (const endpoint of setup.http) await endpoint.close();
    await rig.close();
    assert.deepEqual(witness.problems, []);
    for (const kind of KINDS) assert.ok((witness.checked.get(kind) ?? 0) > 3, `${kind} was tried`);
  });
}

interface Setup {
  readonly rig: Rig;
  readonly witness: Witness;
  readonly http: readonly HttpPatternEndpoint[];
  readonly ports: Readonly<Record<"http" | "tls" | "tcp" | "proxiedHttp" | "proxiedTls", number>>;
  /** The next stream that nobody has used. */
  readonly next: () => number;
}

async function open(t: TestContext, seed: number): Promise<Setup> {
  const witness: Witness = { random: seededRandom(seed), problems: [], checked: new Map() };
  const rig = await Rig.create(t);
  const authority = await TestAuthority.make();
  const ca = new PemFolder(t).write("ca.pem", authority.own.certificate);
  const plain = await HttpPatternEndpoint.listen(witness);
  const secure = await HttpPatternEndpoint.listen(witness, await authority.issue([HOST]));
  const tls = await rig.origin(witnessTunnel(witness, "tls"));
  const tcp = await rig.origin(witnessTunnel(witness, "tcp"));
  const ports = {
    http: rig.httpPort,
    tls: rig.tlsPort,
    tcp: await freePort(),
    proxiedHttp: await freePort(),
    proxiedTls: await freePort(),
  };
  await rig.load(`${gateways(ports)}
[[virtual_service]]
hosts = ["${HOST}"]
[[virtual_service.http]]
match = [{ path = { segment = "/secure" } }]
route = "secure"
[[virtual_service.http]]
route = "plain"
retries = { attempts = 2, on = ["5xx", "connect-failure"] }
mirror = { to = "copies" }
[[virtual_service.tls]]
route = "tls"
[[virtual_service.tcp]]
route = "tcp"
[service.plain]
endpoints = ["${plain.address}"]
pool.connections = 16
pool.retries = 64
[service.copies]
endpoints = ["${plain.address}"]
[service.secure]
endpoints = ["${secure.address}"]
tls = { sni = "${HOST}", ca = "${ca}" }
[service.tls]
endpoints = ["${tls.address}"]
[service.tcp]
endpoints = ["${tcp.address}"]
pool.warm = 3
`);
  let number = 0;
  const next = (): number => (number += 1);
  return { rig, witness, http: [plain, secure], ports, next };
}

function gateways({ http, tls, tcp, proxiedHttp, proxiedTls }: Setup["ports"]): string {
  const rows = [
    ["http", http, ""],
    ["tls", tls, ""],
    ["tcp", tcp, ""],
    ["http", proxiedHttp, 'proxy_protocol = { trusted = ["127.0.0.1"] }'],
    ["tls", proxiedTls, 'proxy_protocol = { trusted = ["127.0.0.1"] }'],
  ] as const;
  const texts = rows.map(([protocol, port, more]) => {
    const hosts = protocol === "tcp" ? "" : `hosts = ["${HOST}"]`;
    return `[[gateway]]\nname = "g${port}"\nlisten = "127.0.0.1:${port}"\nprotocol = "${protocol}"\n${hosts}\n${more}\n`;
  });
  return texts.join("");
}

async function converse(setup: Setup, index: number): Promise<void> {
  const { ports } = setup;
  const isLarge = index < 10;
  switch (index % 5) {
    case 0:
      return converseTunnel(setup, { port: ports.tls, kind: "tls", isLarge });
    case 1:
      return converseTunnel(setup, { port: ports.tcp, kind: "tcp", isLarge });
    case 2:
      return converseTunnel(setup, { port: ports.proxiedTls, kind: "tls", isLarge });
    case 3:
      return converseHttp(setup, ports.http, isLarge);
    default:
      return converseHttp(setup, ports.proxiedHttp, isLarge);
  }
}

interface TunnelPlan {
  readonly port: number;
  readonly kind: "tls" | "tcp";
  readonly isLarge: boolean;
}

async function converseTunnel(setup: Setup, { port, kind, isLarge }: TunnelPlan): Promise<void> {
  const { rig, witness, next } = setup;
  const stream = { number: next(), up: sizeOf(witness, isLarge), down: sizeOf(witness, isLarge) };
  const client = await rig.clientOn(port);
  client.keep = false;
  const check = new PatternCheck(2 * stream.number + 1);
  client.socket.on("data", (bytes: Buffer) => check.take(bytes));
  holdNowAndThen(witness, client);
  const sent = [preambleOf(stream, kind), patternOf(2 * stream.number, 0, stream.up)];
  await send(witness, client, Buffer.concat([...proxyHeader(setup, port), ...sent]));
  client.end();
  await client.seeEnd();
  seen(witness, "tunnel", check.problem(stream.down));
}

/** Requests, many of them ahead of the answers; the last one ends the connection or makes it a tunnel. */
async function converseHttp(setup: Setup, port: number, isLarge: boolean): Promise<void> {
  const { rig, witness, next } = setup;
  const { random } = witness;
  const asked: Asked[] = [];
  const count = 2 + random(5);
  for (let i = 1; i <= count; i += 1) {
    const up = i === count && random(2) === 0 ? 0 : sizeOf(witness, isLarge && i === 1);
    const stream = { number: next(), up, down: sizeOf(witness, isLarge && i === 2) };
    asked.push(i < count ? ask(witness, stream) : askLast(witness, stream));
  }
  const sent = [...proxyHeader(setup, port), ...asked.map(({ bytes }) => bytes)];
  const client = await rig.clientOn(port);
  holdNowAndThen(witness, client);
  await send(witness, client, Buffer.concat(sent));
  client.end();
  await client.seeEnd();
  checkAnswers(witness, client.bytes, asked);
}

function sizeOf({ random }: Witness, isLarge: boolean): number {
  if (isLarge) return 3 * MIB + random(MIB);
  return random(random(4) === 0 ? 100_000 : 3000);
}

function proxyHeader({ witness, ports }: Setup, port: number): Buffer[] {
  if (port !== ports.proxiedHttp && port !== ports.proxiedTls) return [];
  const write = witness.random(2) === 0 ? writeProxyV1 : writeProxyV2;
  return [Buffer.from(write(CLIENT, DESTINATION))];
}

interface Asked {
  readonly stream: Exchanged;
  /** See `pathOf`. */
  readonly kind: string;
  readonly bytes: Buffer;
}

function ask(witness: Witness, stream: Exchanged, more: readonly string[] = []): Asked {
  const { random } = witness;
  const body = patternOf(2 * stream.number, 0, stream.up);
  const isSecure = random(4) === 0;
  // What is asked again must have come whole with its head.
  const kind = "ckr"[random(isSecure || body.length > 2000 ? 2 : 3)] ?? "c";
  const path = `${isSecure ? "/secure" : ""}${pathOf(stream, kind)}`;
  if (kind === "r" || random(2) === 0) {
    const head = request("POST", path, [`Content-Length: ${body.length}`, ...more]);
    return { stream, kind, bytes: Buffer.concat([Buffer.from(head), body]) };
  }
  const head = request("PUT", path, ["Transfer-Encoding: chunked", ...more]);
  return { stream, kind, bytes: Buffer.concat([Buffer.from(head), ...chunksOf(witness, body)]) };
}

function chunksOf({ random }: Witness, body: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const piece = body.subarray(at, at + 1 + random(random(4) === 0 ? 50_000 : 500));
    parts.push(Buffer.from(`${piece.length.toString(16)};x=y\r\n`), piece, Buffer.from("\r\n"));
    at += piece.length;
  }
  return [...parts, Buffer.from("0\r\n\r\n")];
}

/** Its answer ends the connection, or makes it a tunnel that has begun already. */
function askLast(witness: Witness, stream: Exchanged): Asked {
  if (witness.random(2) === 0) return ask(witness, stream, ["Connection: close"]);
  const head = request("GET", pathOf(stream, "u"), ["Connection: Upgrade", "Upgrade: websocket"]);
  const bytes = Buffer.concat([Buffer.from(head), patternOf(2 * stream.number, 0, stream.up)]);
  return { stream, kind: "u", bytes };
}

/** In pieces of any size, some of them together in one segment. */
async function send({ random }: Witness, client: Peer, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !client.closed;) {
    const size = 1 + random(random(3) === 0 ? 100_000 : 700);
    client.write(bytes.subarray(at, at + size));
    at += size;
    if (random(2) === 0) await pauseFor(1 + random(3));
  }
  await turn();
}

function holdNowAndThen({ random }: Witness, client: Peer): void {
  client.socket.on("data", () => {
    if (random(6) > 0) return;
    client.hold();
    void pauseFor(random(random(8) === 0 ? 200 : 10)).then(() => client.release());
  });
}

/** All answers of one connection, in the order of the requests. */
function checkAnswers(witness: Witness, bytes: Buffer, asked: readonly Asked[]): void {
  let at = 0;
  for (const { stream, kind } of asked) {
    const { number, down } = stream;
    const check = new PatternCheck(2 * number + 1);
    const bodyStart = bytes.indexOf("\r\n\r\n", at) + 4;
    const head = bytes.toString("latin1", at, bodyStart);
    // One that did not come whole with its head cannot be asked again.
    const isRefused = kind === "r" && head.startsWith("HTTP/1.1 503 ");
    if (bodyStart < 4 || (!isRefused && !/^HTTP\/1\.1 (200|101) /.test(head))) {
      return seen(witness, "answer", `to ${number}: ${JSON.stringify(head.slice(0, 300))}`);
    }
    at = bodyStart;
    const length = isRefused ? 0 : down;
    if (/^transfer-encoding: chunked/im.test(head)) at = takeChunks(bytes, at, check);
    else {
      check.take(bytes.subarray(at, at + length));
      at += length;
    }
    seen(witness, isRefused || kind !== "r" ? "answer" : "asked again", check.problem(length));
  }
  if (at !== bytes.length) witness.problems.push(`${bytes.length - at} bytes behind the answers`);
}

function takeChunks(bytes: Buffer, start: number, check: PatternCheck): number {
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2 + size + 2;
    if (lineEnd < 0 || !(size > 0)) return at;
    check.take(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
  }
}
