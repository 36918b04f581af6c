/** However a ClientHello is cut into TCP segments and TLS records, it is routed the same and passed on as it came. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { request } from "node:https";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { type Capture, loadCorpus } from "../corpus/hello/corpus.ts";
import { hasCommand } from "../packages.ts";
import { findFreePort, runProgram, until } from "../processes.ts";
import { makeTestCertificate, type TestCertificate } from "./certificate.ts";
import { type Gatehouse, type Scope, startGatehouse, temporaryFolder } from "./harness.ts";
import { readHello, type Split, SPLITS, splitRecords, writeSplit } from "./hello-splits.ts";
import { type Nginx, startNginx } from "./nginx.ts";
import { dial, readToEnd, startTcpServer } from "./raw-tcp.ts";

/** A browser takes its time on a busy machine. */
const CHROMIUM_MS = 90_000;

const AS_SENT: Split = { name: "as the client sent it", bytewise: false };

/** `missing_extension`, fatal, in a plain record (RFC 8446 §5.1 and §6). */
const ALERT_MISSING_EXTENSION = /^15030[13]0002026d$/;

test("every hello of the corpus, in whatever pieces, reaches the endpoint of its name byte by byte", async (t) => {
  const gatehouse = await startMirrors(t);
  for (const split of [AS_SENT, ...SPLITS]) {
    await t.test(split.name, async (t) => {
      await Promise.all(
        loadCorpus().map((capture) => sendCapture(t, gatehouse, { capture, split })),
      );
    });
  }
});

/** Two endpoints that send back their name and what they got. */
async function startMirrors(scope: Scope): Promise<Gatehouse & { readonly tlsPort: number }> {
  const [first, second] = await Promise.all([
    mirror(scope, "nginx.com"),
    mirror(scope, "localhost"),
  ]);
  const tlsPort = await findFreePort();
  const gatehouse = await startGatehouse(scope, {
    config: tlsConfig(tlsPort, { "nginx.com": first, localhost: second }),
  });
  return { ...gatehouse, tlsPort };
}

function mirror(scope: Scope, name: string): Promise<number> {
  return startTcpServer(scope, (socket) => {
    const chunks: Buffer[] = [Buffer.from(`${name}\n`)];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => socket.end(Buffer.concat(chunks)));
  });
}

async function sendCapture(
  t: TestContext,
  box: Gatehouse & { readonly tlsPort: number },
  { capture, split }: { readonly capture: Capture; readonly split: Split },
): Promise<void> {
  const { serverName, alpn, file } = capture;
  // The kernel gives a client's port away again soon.
  const from = box.accessLog.lines.length;
  const socket = await dial(t, box.tlsPort);
  const client = `127.0.0.1:${socket.localPort}`;
  const answer = readToEnd(socket);
  const bytes = splitRecords(capture.bytes, split);
  await writeSplit(socket, bytes, split);
  socket.end();
  const got = await answer;
  const line = await box.accessLog.waitFor({ kind: "tls", client }, from);
  assert.deepEqual(line["alpn"] ?? [], alpn, file);
  assert.equal(line["sni"], serverName, file);
  if (serverName === undefined) {
    assert.match(got.toString("hex"), ALERT_MISSING_EXTENSION, file);
    assert.equal(line["failure"], "missing-server-name", file);
    return;
  }
  assert.equal(
    got.toString("hex"),
    Buffer.concat([Buffer.from(`${serverName}\n`), bytes]).toString("hex"),
    file,
  );
  assert.equal(line["service"], serverName, file);
  assert.equal(line["failure"], undefined, file);
  assert.equal(line["bytes_in"], bytes.length, file);
}

const missing = ["nginx", "openssl"].filter((command) => !hasCommand(command));
const skip = missing.length > 0 && `needs ${missing.join(", ")}`;

test(
  "clients finish their handshake through the box, in whatever pieces their hello comes",
  { skip },
  async (t) => {
    const live = await startLive(t);
    const clients: Readonly<Record<string, (live: Live, relay: Relay) => Promise<void>>> = {
      openssl: withOpenssl,
      curl: withCurl,
      "Node 24": withNode,
    };
    for (const [name, run] of Object.entries(clients)) {
      const lacks = name === "curl" && !hasCommand("curl") && "needs curl";
      await t.test(name, { skip: lacks }, async () => {
        for (const relay of live.relays) await run(live, relay);
        await assertTunnels(live, live.relays.length);
      });
    }
    const lacks = !hasCommand("chromium") && "needs chromium";
    await t.test("Chromium", { skip: lacks }, (t) => withChromium(t, live));
  },
);

interface Relay {
  readonly port: number;
  readonly split: Split;
}

interface Live {
  readonly gatehouse: Gatehouse;
  readonly site: Nginx;
  readonly certificate: TestCertificate;
  readonly relays: readonly Relay[];
  readonly seen: { tunnels: number };
  /** For what clients leave behind; goes after they have gone. */
  readonly folder: string;
}

async function startLive(scope: Scope): Promise<Live> {
  const certificate = await makeTestCertificate(scope, ["nginx.com"]);
  const site = await startNginx(scope, {
    certificate,
    locations: "location / { return 200 'here'; }",
  });
  const tlsPort = await findFreePort();
  const gatehouse = await startGatehouse(scope, {
    config: tlsConfig(tlsPort, { "nginx.com": site.port }),
  });
  const relays: Relay[] = [];
  for (const split of SPLITS) {
    relays.push({ split, port: await startRelay(scope, tlsPort, split) });
  }
  return {
    gatehouse,
    site,
    certificate,
    relays,
    seen: { tunnels: 0 },
    folder: temporaryFolder(scope),
  };
}

/** Stands between a client and the box, and sends the client's hello on in other pieces. */
function startRelay(scope: Scope, tlsPort: number, split: Split): Promise<number> {
  return startTcpServer(scope, (client) => {
    const box = connect({ port: tlsPort, host: "127.0.0.1", noDelay: true });
    box.on("error", () => client.destroy());
    client.on("close", () => box.destroy());
    box.pipe(client);
    const early: Buffer[] = [];
    client.on("data", function collect(chunk: Buffer) {
      early.push(chunk);
      const bytes = Buffer.concat(early);
      if (readHello(bytes) === undefined) return;
      client.off("data", collect);
      client.pause();
      void writeSplit(box, splitRecords(bytes, split), split).then(() => client.pipe(box));
    });
  });
}

/** Each tunnel ended properly, and said where it went. */
async function assertTunnels({ gatehouse, seen }: Live, more: number): Promise<void> {
  seen.tunnels += more;
  const lines = await until("the lines of the tunnels", () => {
    const found = gatehouse.accessLog.having({ kind: "tls" });
    return found.length >= seen.tunnels ? found : undefined;
  });
  assert.equal(lines.length, seen.tunnels);
  for (const line of lines) {
    assert.equal(line["sni"], "nginx.com");
    assert.equal(line["service"], "nginx.com");
  }
}

async function withOpenssl({ certificate }: Live, { port, split }: Relay): Promise<void> {
  const { status, stdout, stderr } = await runProgram("openssl", [
    "s_client",
    "-connect",
    `127.0.0.1:${port}`,
    "-servername",
    "nginx.com",
    "-CAfile",
    certificate.certificateFile,
    "-verify_return_error",
    "-alpn",
    "http/1.1",
  ]);
  assert.equal(status, 0, `${split.name}: ${stderr}`);
  assert.match(stdout, /Verification: OK/, split.name);
}

async function withCurl({ certificate }: Live, { port, split }: Relay): Promise<void> {
  const { stdout, stderr } = await runProgram("curl", [
    "-sS",
    "--cacert",
    certificate.certificateFile,
    "--resolve",
    `nginx.com:${port}:127.0.0.1`,
    `https://nginx.com:${port}/`,
  ]);
  assert.equal(stdout, "here", `${split.name}: ${stderr}`);
}

async function withNode({ certificate }: Live, { port, split }: Relay): Promise<void> {
  assert.match(process.version, /^v24\./);
  const ca = readFileSync(certificate.certificateFile);
  const servername = "nginx.com";
  const sent = request({ host: "127.0.0.1", port, servername, ca, agent: false }).end();
  const [response] = (await once(sent, "response")) as [AsyncIterable<Buffer>];
  const body = Buffer.concat(await Array.fromAsync(response));
  assert.equal(body.toString(), "here", split.name);
}

/** One page with an image for each relay. */
async function withChromium(t: TestContext, live: Live): Promise<void> {
  const images = live.relays.map(
    ({ port }, i) => `<img src="https://nginx.com:${port}/image-${i}">`,
  );
  const page = createServer((_, response) => {
    response.setHeader("content-type", "text/html").end(`<!doctype html>${images.join("")}`);
  });
  page.listen(0, "127.0.0.1");
  await once(page, "listening");
  t.after(() => void page.close());
  const address = page.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const wanted = live.relays.map((_, i) => `GET /image-${i} HTTP/1.1`);
  startChromium(t, live.folder, `http://127.0.0.1:${port}/`);
  await until(
    "a request for each image",
    () => {
      const requests = live.site.requests();
      return wanted.every((line) => requests.includes(line)) ? true : undefined;
    },
    CHROMIUM_MS,
  );
  const refused = live.gatehouse.accessLog.lines.filter(({ service }) => service === undefined);
  assert.deepEqual(refused, []);
}

/** In a process group of its own: it has many processes, and all of them must go. */
function startChromium(t: TestContext, folder: string, url: string): void {
  const options = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
    "--host-resolver-rules=MAP nginx.com 127.0.0.1",
    `--user-data-dir=${folder}`,
  ];
  const child = spawn("chromium", [...options, url], {
    stdio: "ignore",
    detached: true,
    env: { ...process.env, TMPDIR: folder },
  });
  t.after(async () => {
    if (child.pid === undefined || child.exitCode !== null) return;
    const exited = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await exited;
  });
}

/** Each name has the service of that name on the loopback port. */
function tlsConfig(tlsPort: number, ports: Readonly<Record<string, number>>): string {
  const names = Object.keys(ports);
  const services = names.map(
    (name) => `
[[virtual_service]]
hosts = ["${name}"]

[[virtual_service.tls]]
route = "${name}"

[service."${name}"]
endpoints = ["127.0.0.1:${ports[name] ?? 0}"]
`,
  );
  return `
[[gateway]]
name = "tls"
listen = "127.0.0.1:${tlsPort}"
protocol = "tls"
hosts = [${names.map((name) => `"${name}"`).join(", ")}]
${services.join("")}`;
}
