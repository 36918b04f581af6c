/** Checks over TCP and HTTP against peers that answer, refuse, and worse. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import type { EndpointTls } from "../../src/core/service.ts";
import { createStartCheck } from "../../src/health/start-check.ts";
import { TestAuthority } from "../certificates.ts";
import { findFreePort, runProgram } from "../processes.ts";
import { until } from "../proxy/peer.ts";
import { checkedService, endpointAt, listen, listenRaw, runCheck } from "./harness.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

test("http check: asks for the path with the endpoint's name, and passes on an expected status", async (t) => {
  const heads: string[] = [];
  const endpoint = await listenRaw(t, (socket) => {
    socket.on("data", (chunk) => {
      heads.push(chunk.toString("latin1"));
      socket.write(OK);
    });
  });
  const service = checkedService({ path: "/up?deep=1" });
  assert.deepEqual(await runCheck({ service, endpoint }), { passed: true, detail: "status 200" });
  const named = { ...endpoint, dnsName: "nginx.com" };
  await runCheck({ service, endpoint: named });
  await runCheck({ service: checkedService({ host: "h:1" }), endpoint: named });
  await runCheck({ service: { ...service, name: "my/näme" }, endpoint });
  assert.match(heads[0] ?? "", /^GET \/up\?deep=1 HTTP\/1\.1\r\nHost: web\r\n/);
  const hosts = heads.map((head) => /^Host: (.*)\r$/m.exec(head)?.[1]);
  assert.deepEqual(hosts, ["web", "nginx.com", "h:1", endpoint.name]);
});

const ANSWERS: readonly (readonly [what: string, answer: string, detail: string])[] = [
  ["another status", "HTTP/1.1 500 No\r\n\r\n", "status 500, expected 200 or 204"],
  ["a redirect", "HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n", "status 302, expected 200 or 204"],
  ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n\r\n", "malformed status line (RFC 9112 §4)"],
  ["a bare line feed", "HTTP/1.1 200 OK\n\n", "malformed answer"],
  [
    "a head without end",
    `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(4000)}`,
    "the head of the answer is too large",
  ],
  [
    "interim answers without end",
    "HTTP/1.1 100 Continue\r\n\r\n".repeat(2000),
    "the head of the answer is too large",
  ],
];

for (const [what, answer, detail] of ANSWERS) {
  test(`http check: fails on ${what}`, async (t) => {
    const endpoint = await listenRaw(t, (socket) => void socket.write(answer));
    const service = checkedService({ expect: [200, 204] });
    assert.deepEqual(await runCheck({ service, endpoint }), { passed: false, detail });
  });
}

test("http check: interim heads before the answer are passed over, in whatever pieces", async (t) => {
  const endpoint = await listenRaw(t, (socket) => {
    const bytes = `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`;
    socket.setNoDelay();
    void (async () => {
      for (const byte of bytes) {
        if (socket.destroyed) return;
        await new Promise((resolve) => socket.write(byte, resolve));
      }
    })();
  });
  assert.equal((await runCheck({ service: checkedService(), endpoint })).passed, true);
});

test("http check: of a body of 1 GiB only what came with the head is read", async (t) => {
  const sent = { bytes: 0, isClosed: false };
  const piece = Buffer.alloc(65_536);
  const endpoint = await listenRaw(t, (socket) => {
    socket.on("close", () => (sent.isClosed = true));
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
    const pour = (): void => {
      while (!socket.destroyed && socket.write(piece)) sent.bytes += piece.length;
    };
    socket.on("drain", pour);
    pour();
  });
  assert.equal((await runCheck({ service: checkedService(), endpoint })).passed, true);
  await until(() => sent.isClosed, "the connection is dropped");
  assert.ok(sent.bytes < 64 * 1024 * 1024, `${sent.bytes} bytes`);
});

test("http check: says that the peer closed, reset or refused", async (t) => {
  const service = checkedService();
  const closing = await listenRaw(t, (socket) => void socket.end());
  const resetting = await listenRaw(t, (socket) => void socket.resetAndDestroy());
  const nobody = endpointAt(await findFreePort());
  const details = [];
  for (const endpoint of [closing, resetting, nobody]) {
    const { passed, detail } = await runCheck({ service, endpoint });
    assert.equal(passed, false);
    details.push(detail);
  }
  assert.deepEqual(details, ["closed before the answer", "connection reset", "connect refused"]);
});

/** Uses up all descriptors, then makes one check and prints what became of it. */
const STARVING = `
import { openSync } from "node:fs";
const { createStartCheck } = await import(process.argv[1]);
const { checkedService, endpointAt } = await import(process.argv[2]);
try {
  for (;;) openSync("/dev/null");
} catch {
  const task = { service: checkedService(), endpoint: endpointAt(9) };
  createStartCheck()(task, (result) => console.log(JSON.stringify(result ?? "nothing")));
}
`;

test("a check for which this box has no descriptor says nothing of the endpoint", async () => {
  const modules = ["../../src/health/start-check.ts", "./harness.ts"].map(
    (path) => new URL(path, import.meta.url).href,
  );
  const words = ["--input-type=module", "-e", STARVING, ...modules];
  const shell = ["-c", 'ulimit -n 64; exec "$0" "$@"', process.execPath, ...words];
  const { stdout, stderr } = await runProgram("sh", shell);
  assert.equal(stdout, '"nothing"\n', stderr);
});

test("http check: through a Unix socket", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-health-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "socket");
  const server = createHttpServer((_, answer) => answer.end());
  server.listen(path);
  await once(server, "listening");
  t.after(() => server.close());
  const endpoint = { host: path, port: 0, weight: 1, name: `unix:${path}` };
  const service = checkedService();
  assert.equal((await runCheck({ service, endpoint })).passed, true);
  const missing = { ...endpoint, host: `${path}-not` };
  assert.equal((await runCheck({ service, endpoint: missing })).detail, "no such socket");
});

for (const [version, header] of [
  ["v1", "PROXY UNKNOWN\r\n"],
  ["v2", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"],
] as const) {
  test(`checks begin with the PROXY header ${version} of the box's own connections`, async (t) => {
    const seen: string[] = [];
    const endpoint = await listenRaw(t, (socket) => {
      socket.on("data", (chunk) => {
        seen.push(chunk.toString("latin1"));
        if (seen.join("").includes("GET ")) socket.write(OK);
      });
    });
    const more = { proxyProtocol: version };
    assert.equal((await runCheck({ service: checkedService({}, more), endpoint })).passed, true);
    assert.ok(seen.join("").startsWith(`${header}GET /healthz`), JSON.stringify(seen));
    seen.length = 0;
    await runCheck({ service: checkedService({ kind: "tcp" }, more), endpoint });
    await until(() => seen.join("") === header, "the header of a tcp check");
  });
}

test("tcp check: passes when the connection is there, and closes it", async (t) => {
  const closed: Socket[] = [];
  const endpoint = await listenRaw(t, (socket) => {
    socket.resume().on("close", () => closed.push(socket));
  });
  const service = checkedService({ kind: "tcp" });
  assert.deepEqual(await runCheck({ service, endpoint }), { passed: true, detail: "connected" });
  await until(() => closed.length === 1, "it is closed");
  const nobody = endpointAt(await findFreePort());
  assert.equal((await runCheck({ service, endpoint: nobody })).detail, "connect refused");
});

test("createStartCheck() says nothing after a cancel, and drops the connection", async (t) => {
  const sockets: Socket[] = [];
  const endpoint = await listenRaw(t, (socket) => void sockets.push(socket.resume()));
  for (const kind of ["http", "tcp", "grpc"] as const) {
    const results: unknown[] = [];
    const service = checkedService({ kind });
    const cancel = createStartCheck()({ service, endpoint }, (result) => results.push(result));
    if (kind !== "tcp") {
      const before = sockets.length;
      await until(() => sockets.length > before, "it has connected");
    }
    cancel();
    cancel();
    await until(
      () => sockets.every((socket) => socket.destroyed || socket.readableEnded),
      "dropped",
    );
    assert.deepEqual(results, []);
  }
});

const AUTHORITY = await TestAuthority.make();
const SITE = await AUTHORITY.issue(["site.test"]);
const STRANGER = await (await TestAuthority.make("stranger")).issue(["site.test"]);
const OLD = await AUTHORITY.issue(["site.test"], {
  fromMs: Date.UTC(2020),
  toMs: Date.UTC(2021),
});
const TLS: EndpointTls = {
  serverName: "site.test",
  ca: AUTHORITY.own.certificate,
  certificate: undefined,
  privateKey: undefined,
  insecure: false,
};

const HANDSHAKES: readonly (readonly [
  what: string,
  pair: typeof SITE,
  tls: Partial<EndpointTls>,
  detail: RegExp,
])[] = [
  ["a certificate for the name", SITE, {}, /^status 200$/],
  ["another name", SITE, { serverName: "b.test" }, /Hostname\/IP does not match.*b\.test/],
  ["an unknown authority", STRANGER, {}, /unable to (get|verify)|self-signed/],
  ["an expired certificate", OLD, {}, /^certificate has expired$/],
  ["anything when it is not verified", OLD, { insecure: true }, /^status 200$/],
  ["no name", SITE, { serverName: undefined }, /^no name to verify: say tls\.sni$/],
  ["no name, not verified", SITE, { serverName: undefined, insecure: true }, /^status 200$/],
];

for (const [what, pair, tls, expected] of HANDSHAKES) {
  test(`http check over TLS: ${what}`, async (t) => {
    const server = createTlsServer({ cert: pair.certificate, key: pair.privateKey }, (socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => socket.end(OK));
    });
    const endpoint = await listen(t, server);
    const service = checkedService({}, { tls: { ...TLS, ...tls } });
    const { detail, passed } = await runCheck({ service, endpoint });
    assert.match(detail, expected);
    assert.equal(passed, detail === "status 200");
  });
}

test("http check over TLS: shows the certificate of the service, and sends name and PROXY header", async (t) => {
  const names: unknown[] = [];
  const secure = createTlsServer(
    {
      cert: SITE.certificate,
      key: SITE.privateKey,
      ca: AUTHORITY.own.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => {
      names.push(socket.servername, socket.getPeerCertificate().subject.CN);
      socket.on("error", () => undefined).once("data", () => socket.end(OK));
    },
  );
  const headers: string[] = [];
  const front = createServer((socket) => {
    socket.once("readable", () => {
      headers.push(String(socket.read(15)));
      secure.emit("connection", socket);
    });
  });
  const endpoint = await listen(t, front);
  const client = await AUTHORITY.issue(["box.test"]);
  const more = { certificate: client.certificate, privateKey: client.privateKey };
  const service = checkedService({}, { tls: { ...TLS, ...more }, proxyProtocol: "v1" });
  assert.equal((await runCheck({ service, endpoint })).detail, "status 200");
  assert.deepEqual(names, ["site.test", "box.test"]);
  assert.deepEqual(headers, ["PROXY UNKNOWN\r\n"]);
});

test("a check over TLS fails on garbage and on a key that nobody can read", async (t) => {
  const endpoint = await listenRaw(t, (socket) => void socket.write("HTTP/1.1 400 Bad\r\n\r\n"));
  const service = checkedService({ kind: "tcp" }, { tls: TLS });
  assert.match(
    (await runCheck({ service, endpoint })).detail,
    /wrong version number|packet length/,
  );
  const broken = { ...TLS, certificate: "x", privateKey: "y" };
  const { passed } = await runCheck({ service: { ...service, tls: broken }, endpoint });
  assert.equal(passed, false);
});
