/** Strangers at both ports: each is closed, logged with a kind and counted, and nobody else suffers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import type { Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { mutate } from "../core/tls/mutate.ts";
import { seededRandom } from "../core/tls/seeded-random.ts";
import { loadCorpus } from "../corpus/hello/corpus.ts";
import { hasCommand } from "../packages.ts";
import { findFreePort, until } from "../processes.ts";
import { makeTestCertificate } from "./certificate.ts";
import {
  countDescriptors,
  type Gatehouse,
  type Scope,
  startGatehouse,
  untilMetric,
} from "./harness.ts";
import { fetchStatus, type LoadReport, runLoad } from "./http-client.ts";
import { startNginx } from "./nginx.ts";
import { dial, readToEnd } from "./raw-tcp.ts";

const missing = ["nginx", "openssl"].filter((command) => !hasCommand(command));
const skip = missing.length > 0 && `needs ${missing.join(", ")}`;

const HELLO = loadCorpus().find(({ file }) => file === "curl-h2.hex")?.bytes ?? Buffer.alloc(0);
const SHORT_MS = 300;

/** One stranger, and what the box has to say of it. */
interface Stranger {
  readonly name: string;
  readonly at: "http" | "tls";
  readonly kind: string;
  readonly act: (socket: Socket) => void;
  /** What it is told. */
  readonly answer: RegExp;
}

const NOTHING = /^$/;
/** Fatal alerts: `unexpected_message`, `decode_error`, `protocol_version` (RFC 8446 §6). */
const UNEXPECTED = /^\x15\x03[\x01\x03]\0\x02\x02\x0a$/;
const DECODE_ERROR = /^\x15\x03[\x01\x03]\0\x02\x02\x32$/;
const PROTOCOL_VERSION = /^\x15\x03[\x01\x03]\0\x02\x02\x46$/;
const BAD_REQUEST = /^HTTP\/1\.1 400 /;

const STRANGERS: readonly Stranger[] = [
  stranger(
    "plain HTTP on the TLS port",
    "tls",
    "not-tls",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    BAD_REQUEST,
  ),
  stranger("SSH on the TLS port", "tls", "not-tls", "SSH-2.0-OpenSSH_9.2p1\r\n", NOTHING),
  stranger("random bytes on the TLS port", "tls", "not-tls", randomBytes(200), NOTHING),
  stranger(
    "a hello of another version",
    "tls",
    "not-tls",
    "\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",
    PROTOCOL_VERSION,
  ),
  stranger("a record that is no handshake", "tls", "not-tls", "\x17\x03\x03\x00\x05hello", NOTHING),
  stranger(
    "a handshake that is no hello",
    "tls",
    "hello-malformed",
    "\x16\x03\x01\x00\x04\x02\x00\x00\x00",
    UNEXPECTED,
  ),
  stranger("a hello that never ends", "tls", "hello-too-large", endlessHello(), DECODE_ERROR),
  stranger("TLS on the HTTP port", "http", "not-http", HELLO, BAD_REQUEST),
  stranger("random bytes on the HTTP port", "http", "not-http", randomBytes(200), BAD_REQUEST),
  stranger(
    "SSH on the HTTP port",
    "http",
    "bad-request",
    "SSH-2.0-OpenSSH_9.2p1\r\n\r\n",
    BAD_REQUEST,
  ),
  stranger(
    "a head that never ends",
    "http",
    "head-too-large",
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40_000)}`,
    /^HTTP\/1\.1 431 /,
  ),
  stranger(
    "a request line that never ends",
    "http",
    "uri-too-long",
    `GET /${"x".repeat(40_000)}`,
    /^HTTP\/1\.1 414 /,
  ),
  ...(["http", "tls"] as const).flatMap((at): Stranger[] => [
    {
      name: `an empty connection to ${at}`,
      at,
      kind: "connection-empty",
      act: (socket) => socket.end(),
      answer: NOTHING,
    },
    {
      name: `a reset at ${at}`,
      at,
      kind: "connection-empty",
      act: reset,
      answer: NOTHING,
    },
    {
      name: `silence at ${at}`,
      at,
      kind: at === "tls" ? "hello-timeout" : "header-timeout",
      act: () => undefined,
      answer: NOTHING,
    },
  ]),
  stranger("half a hello, then silence", "tls", "hello-timeout", HELLO.subarray(0, 90), NOTHING),
  stranger(
    "half a head, then silence",
    "http",
    "header-timeout",
    "GET / HTTP/1.1\r\nHo",
    /^HTTP\/1\.1 408 /,
  ),
  {
    name: "half a hello, then the end",
    at: "tls",
    kind: "hello-truncated",
    act: (socket) => socket.end(HELLO.subarray(0, 90)),
    answer: NOTHING,
  },
  {
    name: "half a head, then the end",
    at: "http",
    kind: "client-closed",
    act: (socket) => socket.end("GET / HTTP/1.1\r\nHo"),
    answer: NOTHING,
  },
];

test(
  "strangers are closed, logged with a kind and counted, while others are served",
  { skip },
  async (t) => {
    const box = await startBox(t);
    const good = startGoodClients(box);
    for (const stranger of STRANGERS) {
      await t.test(stranger.name, () => checkStranger(t, box, stranger));
    }
    await assertUnharmed(box, await good.stop());
  },
);

const MUTATED = 1500;
const AT_ONCE = 25;

test(
  `${MUTATED} mutated hellos and ${MUTATED} mutated heads leave nothing behind`,
  { skip },
  async (t) => {
    const box = await startBox(t);
    await settle(box);
    // One more than later, if the last question to the admin API is still being closed.
    const descriptors = countDescriptors(box.gatehouse.pid);
    const good = startGoodClients(box);
    const random = seededRandom(20_261_122);
    const corpus = loadCorpus();
    const hellos = Array.from({ length: MUTATED }, () => {
      return mutate(corpus[random(corpus.length)]?.bytes ?? HELLO, random);
    });
    const heads = Array.from({ length: MUTATED }, () => {
      return mutate(HEADS[random(HEADS.length)] ?? HELLO, random);
    });
    await sendAll(t, box.tlsPort, hellos);
    await sendAll(t, box.httpPort, heads);
    await assertUnharmed(box, await good.stop());
    await settle(box);
    await until("no more descriptors than before", () => {
      return countDescriptors(box.gatehouse.pid) <= descriptors ? true : undefined;
    });
  },
);

const HEADS = [
  "GET / HTTP/1.1\r\nHost: nginx.com\r\nUser-Agent: x\r\n\r\n",
  "POST /a?b=c HTTP/1.1\r\nHost: nginx.com\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: nginx.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "GET http://nginx.com/ HTTP/1.1\r\nHost: nginx.com\r\nConnection: close\r\n\r\n",
  "HEAD / HTTP/1.0\r\nHost: nginx.com\r\nConnection: keep-alive\r\nAccept: */*\r\n\r\n",
].map((text) => Buffer.from(text));

interface Box {
  readonly gatehouse: Gatehouse;
  readonly httpPort: number;
  readonly tlsPort: number;
  readonly ca: Buffer;
}

/** Limits of time are short, so that silence is cheap; the endpoints' idle connections go soon. */
async function startBox(scope: Scope): Promise<Box> {
  const certificate = await makeTestCertificate(scope, ["nginx.com"]);
  const page = await startNginx(scope, { locations: "location / { return 200 'here'; }" });
  const site = await startNginx(scope, {
    certificate,
    locations: "location / { return 200 'there'; }",
  });
  const httpPort = await findFreePort();
  const tlsPort = await findFreePort();
  const gatehouse = await startGatehouse(scope, {
    config: `
[[gateway]]
name = "web"
listen = "127.0.0.1:${httpPort}"
protocol = "http"
hosts = ["nginx.com"]
timeouts.header = "${SHORT_MS}ms"
timeouts.body_idle = "${SHORT_MS}ms"

[[gateway]]
name = "tls"
listen = "127.0.0.1:${tlsPort}"
protocol = "tls"
hosts = ["nginx.com"]
timeouts.hello = "${SHORT_MS}ms"

[[virtual_service]]
hosts = ["nginx.com"]

[[virtual_service.http]]
route = "page"

[[virtual_service.tls]]
route = "site"

[service.page]
endpoints = ["127.0.0.1:${page.port}"]
timeouts.idle = "100ms"

[service.site]
endpoints = ["127.0.0.1:${site.port}"]
`,
  });
  return { gatehouse, httpPort, tlsPort, ca: readFileSync(certificate.certificateFile) };
}

async function checkStranger(
  scope: Scope,
  box: Box,
  { at, kind, act, answer }: Stranger,
): Promise<void> {
  const { gatehouse } = box;
  const port = at === "tls" ? box.tlsPort : box.httpPort;
  const failures = { name: "gatehouse_failures_total", labels: { kind } };
  const before = await gatehouse.metric(failures.name, failures.labels);
  // The kernel gives a client's port away again soon.
  const from = gatehouse.accessLog.lines.length;
  const socket = await dial(scope, port);
  const client = `127.0.0.1:${socket.localPort}`;
  const told = readToEnd(socket);
  act(socket);
  assert.match((await told).toString("latin1"), answer);
  // The address of one that is gone before it was accepted is not known.
  const known = act === reset ? {} : { client };
  const fields = { kind: at, failure: kind, ...known };
  const line = await gatehouse.accessLog.waitFor(fields, from);
  assert.equal(line["endpoint"], undefined);
  await untilMetric(gatehouse, failures, before + 1);
}

/** One keep-alive client on the HTTP port, and one after the other on the TLS port. */
function startGoodClients(box: Box): { readonly stop: () => Promise<[LoadReport, number]> } {
  const running = { on: true };
  const more = (): boolean => running.on;
  const http = runLoad({
    port: box.httpPort,
    host: "nginx.com",
    connections: 1,
    marker: "here",
    more,
  });
  const tls = (async () => {
    let served = 0;
    for (; running.on; served += 1) assert.equal(await fetchTls(box), "there");
    return served;
  })();
  return {
    stop: () => {
      running.on = false;
      return Promise.all([http, tls]);
    },
  };
}

function fetchTls({ tlsPort, ca }: Box): Promise<string> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 0 });
    const options = { host: "127.0.0.1", port: tlsPort, servername: "nginx.com", ca, agent };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("latin1").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    sent.on("error", reject).end();
  });
}

async function assertUnharmed(box: Box, [http, tlsServed]: [LoadReport, number]): Promise<void> {
  assert.deepEqual(http.failures, []);
  assert.equal(http.ports.length, 1);
  assert.ok(http.answered > 0);
  assert.ok(tlsServed > 0);
  assert.equal(await fetchStatus(box.httpPort, "nginx.com"), 200);
  assert.equal(await box.gatehouse.metric("gatehouse_worker_restarts_total"), 0);
  assert.equal(await box.gatehouse.metric("gatehouse_failures_total", { kind: "internal" }), 0);
  assert.deepEqual(box.gatehouse.log.having({ level: "error" }), []);
}

/** Nothing is open any more. */
async function settle({ gatehouse }: Box): Promise<void> {
  for (const what of ["connections", "tunnels", "upstream_connections"]) {
    await untilMetric(gatehouse, { name: `gatehouse_${what}_active` }, 0);
  }
}

/** Each on a connection of its own, a few at a time, with the end right behind. */
async function sendAll(t: TestContext, port: number, inputs: readonly Buffer[]): Promise<void> {
  const left = [...inputs];
  const sendSome = async (): Promise<void> => {
    for (let bytes = left.pop(); bytes !== undefined; bytes = left.pop()) {
      const socket = await dial(t, port);
      const told = readToEnd(socket);
      socket.end(bytes);
      await told;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
}

function reset(socket: Socket): void {
  socket.resetAndDestroy();
}

function stranger(
  ...[name, at, kind, bytes, answer]: [string, "http" | "tls", string, Buffer | string, RegExp]
): Stranger {
  return { name, at, kind, answer, act: (socket) => void socket.write(bytes, "latin1") };
}

/** Begins with a byte that begins neither a TLS record nor a request. */
function randomBytes(length: number): Buffer {
  const random = seededRandom(1);
  return Buffer.from([0x93, ...Array.from({ length }, () => random(256))]);
}

/** A hello that says it is 128 KiB long, and enough of it to pass every limit. */
function endlessHello(): Buffer {
  const record = Buffer.alloc(5 + 16_384);
  record.set([0x16, 3, 1, 0x40, 0]);
  const first = Buffer.from(record);
  first.set([1, 2, 0, 0], 5);
  return Buffer.concat([first, record, record, record, record]);
}
