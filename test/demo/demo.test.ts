import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { checkConfig } from "../../src/config/check.ts";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import { makeCertificate } from "../../src/demo/certificate.ts";
import { type DemoOptions, runDemo } from "../../src/demo/demo.ts";
import { demoConfiguration } from "../../src/demo/instructions.ts";
import { findFreePorts, startPlainSite, startTlsSite } from "../../src/demo/sites.ts";

const run = promisify(execFile);
const NOW = Date.UTC(2030, 0, 1);

test("makeCertificate() makes an EC P-256 certificate for all names, good for a week", async () => {
  const made = await makeCertificate(["nginx.com", "www.nginx.com"], NOW);
  const certificate = new X509Certificate(made.certificate);
  assert.equal(certificate.checkHost("nginx.com"), "nginx.com");
  assert.equal(certificate.checkHost("www.nginx.com"), "www.nginx.com");
  assert.equal(certificate.checkHost("example.com"), undefined);
  assert.equal(certificate.ca, false);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.equal(certificate.fingerprint256, made.fingerprint);
  assert.equal(Date.parse(certificate.validTo) - NOW, 7 * 24 * 3_600_000);
  assert.ok(certificate.verify(certificate.publicKey));
});

test("startPlainSite() answers with the page of your own nginx", async (t) => {
  const site = await startPlainSite();
  t.after(() => site.close());
  const answer = await fetch(`http://127.0.0.1:${site.port}/<x>?a="b"`);
  assert.equal(answer.status, 200);
  const text = await answer.text();
  assert.match(text, /<h1>Welcome to your own nginx<\/h1>/);
  assert.doesNotMatch(text, /<x>/);
});

test("startTlsSite() shows its certificate and answers with a redirect and HTML", async (t) => {
  const made = await makeCertificate(["nginx.com"], Date.now());
  const site = await startTlsSite(made);
  t.after(() => site.close());
  const socket = connect({
    host: "127.0.0.1",
    port: site.port,
    servername: "nginx.com",
    ca: made.certificate,
  });
  await once(socket, "secureConnect");
  assert.equal(socket.getPeerX509Certificate()?.fingerprint256, made.fingerprint);
  socket.end("GET /a HTTP/1.1\r\nHost: nginx.com\r\nConnection: close\r\n\r\n");
  const text = Buffer.concat(await Array.fromAsync(socket)).toString();
  assert.match(text, /^HTTP\/1\.1 301 .*^location: https:\/\/www\.nginx\.com\/a\r$.*<html/ims);
});

test("demoConfiguration() is the seed on loopback", () => {
  const text = demoConfiguration({
    httpPort: 8080,
    tlsPort: 8443,
    plainSitePort: 1001,
    tlsSitePort: 1002,
    adminPort: undefined,
    certificatePath: "/nowhere",
    fingerprint: "AB",
  });
  const listens = [...text.matchAll(/^listen = "(.*)"$/gm)].map((match) => match[1]);
  assert.deepEqual(listens, ["127.0.0.1:8080", "127.0.0.1:8443"]);
  assert.deepEqual(
    [...text.matchAll(/^endpoints = \["(.*)"\]/gm)].map((match) => match[1]),
    ["127.0.0.1:1001", "127.0.0.1:1002"],
  );
  assert.doesNotMatch(text, /^admin/m);
});

test("demoConfiguration() has nothing for `check` to say", () => {
  const text = demoConfiguration({
    httpPort: 8080,
    tlsPort: 8443,
    plainSitePort: 1001,
    tlsSitePort: 1002,
    adminPort: 9902,
    certificatePath: "/nowhere",
    fingerprint: "AB",
  });
  const { snapshot, findings } = checkConfig({
    text,
    file: "gatehouse.toml",
    version: 1,
    now: new Date(NOW).toISOString(),
    layout: new MetricLayout(),
    hash: () => "0".repeat(12),
  });
  assert.deepEqual(findings, []);
  assert.deepEqual(
    snapshot?.listeners.map((listener) => listener.id),
    ["127.0.0.1:8080", "127.0.0.1:8443"],
  );
  assert.deepEqual(snapshot?.admin, { kind: "tcp", host: "127.0.0.1", port: 9902 });
});

test("runDemo() gives the box its configuration as text and file, and leaves nothing behind", async () => {
  let file = "";
  let ports: number[] = [];
  const { code, text } = await demo({ http: 0, tls: 0 }, async (config) => {
    file = config.file;
    assert.equal(readFileSync(file, "utf8"), config.text);
    assert.equal(statSync(dirname(file)).mode & 0o777, 0o700);
    ports = [...config.text.matchAll(/^endpoints = \["127\.0\.0\.1:(\d+)"\]/gm)].map((match) =>
      Number(match[1]),
    );
    assert.equal((await fetch(`http://127.0.0.1:${ports[0]}/`)).status, 200);
    return 7;
  });
  assert.equal(code, 7);
  assert.ok(text.includes(file));
  assert.equal(existsSync(dirname(file)), false);
  assert.equal(ports.length, 2);
  for (const port of ports) await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
});

test("runDemo() prints three curl lines whose TLS one verifies the certificate", async () => {
  await demo({ http: 0, tls: 0 }, async (config, printed) => {
    const lines = printed().match(/^ {2}curl .*$/gm) ?? [];
    assert.equal(lines.length, 3);
    // No box runs here: the same line is sent to the site itself.
    const site = /^endpoints = .*:(\d+)"\] {3}# in earnest/m.exec(config.text)?.[1];
    const line = lines[1]?.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${site}`) ?? "";
    const { stdout } = await run("sh", ["-c", `${line} --silent --noproxy '*'`]);
    assert.match(stdout, /^HTTP\/1\.1 301 /);
    const fingerprint = /This prints ([0-9A-F:]{95}):/.exec(printed())?.[1];
    const pem = /--cacert '([^']+)'/.exec(line)?.[1] ?? "";
    assert.equal(new X509Certificate(readFileSync(pem)).fingerprint256, fingerprint);
    return 0;
  });
});

test("runDemo() gives the admin API another port where its own is taken", async (t) => {
  const holder = createServer().listen(0, "127.0.0.1");
  t.after(() => holder.close());
  await once(holder, "listening");
  const { port: taken } = holder.address() as AddressInfo;
  let text = "";
  await runDemo({
    print: (more) => (text += more),
    ports: { http: 0, tls: 0 },
    adminPort: taken,
    run: (config) => {
      const port = /^admin\.listen = "127\.0\.0\.1:(\d+)"$/m.exec(config.text)?.[1];
      assert.ok(port !== undefined && port !== String(taken));
      assert.ok(text.includes(`gatehouse show listeners --admin 127.0.0.1:${port}\n`));
      return Promise.resolve(0);
    },
  });
  assert.notEqual(text, "");
});

for (const [name, option] of [
  ["http", "--http-port"],
  ["tls", "--tls-port"],
] as const) {
  test(`runDemo() names ${option} in one line where that port is in use`, async (t) => {
    const holder = createServer().listen(0, "127.0.0.1");
    t.after(() => holder.close());
    await once(holder, "listening");
    const { port } = holder.address() as AddressInfo;
    const { code, text } = await demo({ http: 0, tls: 0, [name]: port }, () =>
      assert.fail("it must not run"),
    );
    assert.equal(code, 1);
    assert.equal(
      text,
      `Port ${port} of 127.0.0.1 is in use: choose another one with ${option} PORT\n`,
    );
  });
}

test("runDemo() refuses one port for both gateways", async () => {
  const [port = 0] = await findFreePorts(1);
  const { code, text } = await demo({ http: port, tls: port }, () => assert.fail("no"));
  assert.equal(code, 1);
  assert.match(text, /^Both gateways want port \d+: .*--http-port.*--tls-port PORT\n$/);
});

async function demo(
  ports: DemoOptions["ports"],
  body: (config: Parameters<DemoOptions["run"]>[0], printed: () => string) => Promise<number>,
): Promise<{ code: number; text: string }> {
  let text = "";
  const print = (more: string) => {
    text += more;
  };
  const code = await runDemo({ print, ports, run: (config) => body(config, () => text) });
  return { code, text };
}
