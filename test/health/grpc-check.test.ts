/** Checks by the health checking protocol of gRPC. */
import assert from "node:assert/strict";
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type TestContext, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { Endpoint, EndpointTls } from "../../src/core/service.ts";
import { createStartCheck } from "../../src/health/start-check.ts";
import { TestAuthority } from "../certificates.ts";
import { until } from "../proxy/peer.ts";
import { checkedService, listen, listenRaw, runCheck } from "./harness.ts";

interface Call {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Answer = (stream: ServerHttp2Stream, call: Call) => void;

/** A gRPC server in clear. */
function listenGrpc(t: TestContext, answer: Answer): Promise<Endpoint> {
  const server = createServer();
  server.on("stream", (stream, headers) => collect(stream, headers, answer));
  return listen(t, server);
}

function collect(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, answer: Answer): void {
  const chunks: Buffer[] = [];
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("end", () => answer(stream, { headers, body: Buffer.concat(chunks) }));
}

/** A whole answer with this status of health. */
function say(stream: ServerHttp2Stream, status: number, grpcStatus = "0"): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": grpcStatus }));
  stream.end(Buffer.of(0, 0, 0, 0, 2, 8, status));
}

const SERVICE = checkedService({ kind: "grpc", grpcService: "shop.Cart" });

test("grpc check: asks for the service and passes on SERVING", async (t) => {
  const calls: Call[] = [];
  const endpoint = await listenGrpc(t, (stream, call) => {
    calls.push(call);
    say(stream, 1);
  });
  assert.deepEqual(await runCheck({ service: SERVICE, endpoint }), {
    passed: true,
    detail: "SERVING",
  });
  const [call] = calls;
  assert.equal(call?.headers[":path"], "/grpc.health.v1.Health/Check");
  assert.equal(call?.headers[":authority"], "web");
  assert.equal(call?.headers["content-type"], "application/grpc");
  assert.equal(call?.headers["te"], "trailers");
  assert.equal(call?.headers["grpc-timeout"], "2000m");
  assert.deepEqual([...(call?.body ?? [])], [0, 0, 0, 0, 11, 10, 9, ...Buffer.from("shop.Cart")]);
});

const trailersOnly =
  (status: string): Answer =>
  (stream) =>
    stream.respond(
      { ":status": 200, "content-type": "application/grpc", "grpc-status": status },
      { endStream: true },
    );

const ANSWERS: readonly (readonly [what: string, answer: Answer, detail: string | RegExp])[] = [
  ["NOT_SERVING", (stream) => say(stream, 2), "NOT_SERVING"],
  ["UNKNOWN", (stream) => say(stream, 0), "UNKNOWN"],
  ["a status that nobody knows", (stream) => say(stream, 9), "malformed answer"],
  ["SERVING with an error", (stream) => say(stream, 1, "13"), "grpc-status 13"],
  ["an unknown service", trailersOnly("5"), "the service is not known there (NOT_FOUND)"],
  ["no health service", trailersOnly("12"), "health checks are not known there (UNIMPLEMENTED)"],
  ["no gRPC", (stream) => stream.respond({ ":status": 404 }, { endStream: true }), "status 404"],
  [
    "an empty answer",
    (stream) => stream.respond({ ":status": 200 }, { endStream: true }),
    "closed before the answer",
  ],
  [
    "a body that does not end",
    (stream) => {
      stream.respond({ ":status": 200 });
      stream.write(Buffer.alloc(1 << 20));
    },
    "the answer is too large",
  ],
  ["a stream that is reset", (stream) => stream.close(2), /NGHTTP2_INTERNAL_ERROR/],
  ["a session that is destroyed", (stream) => stream.session?.destroy(), /./],
];

for (const [what, answer, expected] of ANSWERS) {
  test(`grpc check: fails on ${what}`, async (t) => {
    const endpoint = await listenGrpc(t, answer);
    const { passed, detail } = await runCheck({ service: SERVICE, endpoint });
    assert.equal(passed, false);
    if (typeof expected === "string") assert.equal(detail, expected);
    else assert.match(detail, expected);
  });
}

test("grpc check: fails on what is no HTTP/2", async (t) => {
  const endpoint = await listenRaw(t, (socket) => void socket.write("HTTP/1.1 400 No\r\n\r\n"));
  assert.equal((await runCheck({ service: SERVICE, endpoint })).passed, false);
});

/** Frames of RFC 9113 §4.1 by hand. */
function frame(type: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const HOSTILE: readonly (readonly [what: string, piece: Buffer])[] = [
  ["an endless header block", frame(9, 1, Buffer.alloc(16_000, 0x40))],
  ["endless settings", frame(4, 0, Buffer.alloc(0))],
  ["endless pings", frame(6, 0, Buffer.alloc(8))],
];

for (const [what, piece] of HOSTILE) {
  test(`grpc check: ${what} cost little, however long they last`, async (t) => {
    const memory = process.memoryUsage().rss;
    const state = { left: 4096, isOver: false };
    const endpoint = await listenRaw(t, (socket) => {
      socket.resume().on("close", () => (state.isOver = true));
      socket.write(frame(4, 0, Buffer.alloc(0)));
      if (what.includes("header")) socket.write(frame(1, 1, Buffer.of(0x88)));
      const pour = (): void => {
        while (state.left > 0 && !socket.destroyed && socket.write(piece)) state.left -= 1;
      };
      socket.on("drain", pour);
      pour();
    });
    const results: boolean[] = [];
    const task = { service: SERVICE, endpoint };
    const cancel = createStartCheck()(task, (result) => results.push(result?.passed === true));
    await until(() => state.isOver || state.left === 0 || results.length > 0, "it is poured");
    // As the checker does when the time is over.
    cancel();
    await until(() => state.isOver, "it is closed");
    assert.ok(!results.includes(true));
    const grown = (process.memoryUsage().rss - memory) / 1e6;
    assert.ok(grown < 100, `${grown} MB`);
  });
}

const AUTHORITY = await TestAuthority.make();
const SITE = await AUTHORITY.issue(["site.test"]);
const TLS: EndpointTls = {
  serverName: "site.test",
  ca: AUTHORITY.own.certificate,
  certificate: undefined,
  privateKey: undefined,
  insecure: false,
};

test("grpc check: over TLS with HTTP/2, and not without", async (t) => {
  const files = { cert: SITE.certificate, key: SITE.privateKey };
  const server = createSecureServer(files);
  server.on("stream", (stream, headers) => {
    collect(stream, headers, (each, call) => {
      assert.equal(call.headers[":scheme"], "https");
      say(each, 1);
    });
  });
  const endpoint = await listen(t, server);
  const service = checkedService({ kind: "grpc" }, { tls: TLS });
  assert.equal((await runCheck({ service, endpoint })).detail, "SERVING");
  const plain = createTlsServer(files, (socket) => void socket.on("error", () => undefined));
  const other = await listen(t, plain);
  assert.equal((await runCheck({ service, endpoint: other })).detail, "TLS without HTTP/2 (ALPN)");
});

test("grpc check: a cancel at any moment leaves nothing open", async (t) => {
  const sockets = new Set<object>();
  const endpoint = await listenGrpc(t, (stream) => void stream.session?.ping(() => undefined));
  const counted = await listenRaw(t, (socket) => {
    sockets.add(socket);
    socket.resume().on("close", () => sockets.delete(socket));
  });
  for (const each of [endpoint, counted]) {
    for (let turns = 0; turns < 24; turns += 1) {
      const cancel = createStartCheck()({ service: SERVICE, endpoint: each }, () => undefined);
      for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
      cancel();
    }
  }
  await until(() => sockets.size === 0, "all are closed");
});
