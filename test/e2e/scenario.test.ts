/** The seed scenario through the built executable, with real servers and real clients. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasCommand } from "../packages.ts";
import { type ProgramResult, runProgram } from "../processes.ts";
import { refusesConnections } from "./raw-tcp.ts";
import { PAGE, REDIRECT_LOCATION, type Seed, startSeed } from "./seed.ts";

const missing = ["nginx", "curl", "openssl"].filter((command) => !hasCommand(command));
const skip = missing.length > 0 && `needs ${missing.join(", ")}`;

for (const workers of [1, 2]) {
  test(`the seed scenario, workers = ${workers}`, { skip }, async (t) => {
    const seed = await startSeed(t, { workers });
    await t.test("http: Host nginx.com is answered with the page of my own nginx", () =>
      servesMyPage(seed),
    );
    await t.test(
      "tls: SNI nginx.com reaches the other site, which redirects with an HTML body",
      () => passesThrough(seed),
    );
    await t.test("tls: the certificate is the site's own, with and without the box", () =>
      showsSameCertificate(seed),
    );
    await t.test("http: any other Host is 404, is logged, and reaches no endpoint", () =>
      refusesUnknownHosts(seed),
    );
    await t.test(
      "tls: any other SNI is unrecognized_name, is logged, and reaches no endpoint",
      () => refusesUnknownNames(seed),
    );
    await t.test("a gateway for other boxes is not served, and run and check say why", () =>
      tellsUnserved(seed),
    );
    await t.test("show tells what runs, as a table and as JSON", () =>
      showsWhatRuns(seed, workers),
    );
    await t.test("metrics count what was served and what was refused", () => counts(seed));
  });
}

async function servesMyPage({ gatehouse, httpPort, page }: Seed): Promise<void> {
  const { status, stdout } = await runProgram("curl", [
    "-sSi",
    "-H",
    "Host: nginx.com",
    `http://127.0.0.1:${httpPort}/index.html?secret=1`,
  ]);
  assert.equal(status, 0);
  const [head = "", body] = split(stdout);
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(head, /^server: nginx\//im);
  assert.equal(body, PAGE);
  assert.deepEqual(page.requests(), ["GET /index.html?secret=1 HTTP/1.1"]);
  const line = await gatehouse.accessLog.waitFor({ kind: "http", status: 200 });
  assert.equal(line["gateway"], "web");
  assert.equal(line["host"], "nginx.com");
  assert.equal(line["path"], "/index.html");
  assert.equal(line["service"], "my-nginx");
  assert.equal(line["endpoint"], `127.0.0.1:${page.port}`);
  assert.equal(line["failure"], undefined);

  // The same by name, IPv6 and another spelling: it is one host.
  const named = await runProgram("curl", [
    "-sS",
    "--resolve",
    `NGINX.com.:${httpPort}:[::1]`,
    `http://NGINX.com.:${httpPort}/`,
  ]);
  assert.equal(named.stdout, PAGE, named.stderr);
}

async function passesThrough(seed: Seed): Promise<void> {
  const { gatehouse, site } = seed;
  const { status, stdout, stderr } = await curlTls(seed, "nginx.com");
  assert.equal(status, 0, stderr);
  const [head = "", body = ""] = split(stdout);
  assert.match(head, /^HTTP\/1\.1 301 /);
  assert.match(head, new RegExp(`^location: ${REDIRECT_LOCATION}\r?$`, "im"));
  assert.match(body, /<h1>301 Moved Permanently<\/h1>/);
  assert.deepEqual(site.requests(), ["GET / HTTP/1.1"]);
  const line = await gatehouse.accessLog.waitFor({ kind: "tls", sni: "nginx.com" });
  assert.equal(line["gateway"], "tls");
  assert.equal(line["service"], "nginx.com");
  assert.equal(line["endpoint"], `127.0.0.1:${site.port}`);
  assert.deepEqual(line["alpn"], ["h2", "http/1.1"]);
  assert.equal(line["failure"], undefined);
}

async function showsSameCertificate({ tlsPort, site, certificate }: Seed): Promise<void> {
  const through = await fingerprint(tlsPort);
  assert.equal(through, await fingerprint(site.port));
  assert.equal(through, certificate.fingerprint);
}

async function refusesUnknownHosts({ gatehouse, httpPort, page }: Seed): Promise<void> {
  const before = await page.accepted();
  const hosts = ["example.com", "www.nginx.com", "nginx.com.example.com", "127.0.0.1"];
  for (const host of hosts) {
    const { stdout } = await runProgram("curl", [
      "-sSi",
      "-H",
      `Host: ${host}`,
      `http://127.0.0.1:${httpPort}/`,
    ]);
    assert.match(stdout, /^HTTP\/1\.1 404 Not Found\r\n/, host);
    const line = await gatehouse.accessLog.waitFor({ kind: "http", host });
    assert.equal(line["failure"], "no-virtual-host");
    assert.equal(line["status"], 404);
    assert.equal(line["endpoint"], undefined);
  }
  assert.equal((await page.accepted()) - before, 1);
}

async function refusesUnknownNames(seed: Seed): Promise<void> {
  const { gatehouse, tlsPort, site, page } = seed;
  const before = [await site.accepted(), await page.accepted()];
  const curl = await curlTls(seed, "other.example");
  assert.equal(curl.status, 35);
  assert.match(curl.stderr, /unrecognized name/);
  await gatehouse.accessLog.waitFor({ sni: "other.example", failure: "unknown-server-name" });
  const openssl = await sClient(tlsPort, ["-servername", "www.nginx.com"]);
  assert.match(openssl.stderr, /unrecognized name.*SSL alert number 112/);
  const line = await gatehouse.accessLog.waitFor({ sni: "www.nginx.com" });
  assert.equal(line["kind"], "tls");
  assert.equal(line["failure"], "unknown-server-name");
  assert.equal(line["endpoint"], undefined);
  const nameless = await sClient(tlsPort, ["-noservername"]);
  assert.match(nameless.stderr, /SSL alert number 109/);
  await gatehouse.accessLog.waitFor({ failure: "missing-server-name" });
  const after = [await site.accepted(), await page.accepted()];
  assert.deepEqual(
    after,
    before.map((count) => count + 1),
  );
}

async function tellsUnserved({ gatehouse, unservedPort }: Seed): Promise<void> {
  const line = await gatehouse.log.waitFor({ level: "warning", path: "gateway[2].selector" });
  assert.match(String(line["message"]), /"elsewhere" is not served here: .*region.*"eu".*"us"/);
  const { status, stdout, stderr } = await gatehouse.check();
  assert.equal(status, 0, stderr);
  assert.match(
    stdout + stderr,
    /:\d+:\d+: warning: .*"elsewhere" is not served here: .*region.*"eu".*"us"/,
  );
  assert.equal(await refusesConnections(unservedPort), true);
  const { unserved } = await showJson(gatehouse, "listeners");
  assert.equal((unserved as readonly { name: string }[])[0]?.name, "elsewhere");
}

async function showsWhatRuns(seed: Seed, workers: number): Promise<void> {
  const { gatehouse, httpPort, tlsPort, page, site } = seed;
  const rows: Readonly<Record<string, readonly RegExp[]>> = {
    listeners: [
      new RegExp(`^:${httpPort} +http +web +nginx\\.com `, "m"),
      new RegExp(`^:${tlsPort} +tls +tls +nginx\\.com `, "m"),
      /^elsewhere .*region/m,
    ],
    routes: [
      /^web +nginx\.com +everything +forward to my-nginx /m,
      /^tls +nginx\.com +sni nginx\.com +forward to nginx\.com /m,
    ],
    services: [
      new RegExp(`^my-nginx +1/1 +127\\.0\\.0\\.1:${page.port} `, "m"),
      new RegExp(
        `^nginx\\.com +1/1 +127\\.0\\.0\\.1:${site.port} +dns nginx\\.com:${site.port} `,
        "m",
      ),
    ],
    snapshot: [/^version +1$/m, /^labels +region=eu$/m, new RegExp(`^workers +${workers}$`, "m")],
  };
  for (const [what, patterns] of Object.entries(rows)) {
    const table = await gatehouse.command("show", what);
    assert.equal(table.status, 0, table.stderr);
    for (const pattern of patterns) assert.match(table.stdout, pattern);
  }
  const listeners = (await showJson(gatehouse, "listeners"))["listeners"];
  assert.deepEqual(pluck(listeners, "address"), [`:${httpPort}`, `:${tlsPort}`]);
  const routes = (await showJson(gatehouse, "routes"))["routes"];
  assert.deepEqual(pluck(routes, "services"), [["my-nginx"], ["nginx.com"]]);
  const services = (await showJson(gatehouse, "services"))["services"];
  const endpoints = pluck(services, "endpoints");
  assert.deepEqual(
    endpoints.map((list) => pluck(list, "address")),
    [[`127.0.0.1:${page.port}`], [`127.0.0.1:${site.port}`]],
  );
  assert.deepEqual(
    endpoints.map((list) => pluck(list, "state")),
    [["healthy"], ["healthy"]],
  );
  const snapshot = await showJson(gatehouse, "snapshot");
  assert.equal(snapshot["version"], 1);
  assert.deepEqual(pluck(snapshot["routes"], "gateway"), ["web", "tls"]);
}

/** After everything above, to the last one. */
async function counts({ gatehouse, httpPort, tlsPort }: Seed): Promise<void> {
  const total = (name: string, labels: Readonly<Record<string, string>>) =>
    gatehouse.metric(`gatehouse_${name}`, labels);
  assert.equal(await total("requests_total", { service: "my-nginx", code: "2xx" }), 2);
  assert.equal(await total("requests_total", { code: "4xx" }), 4);
  assert.equal(await total("failures_total", { kind: "no-virtual-host" }), 4);
  assert.equal(await total("failures_total", { kind: "unknown-server-name" }), 2);
  assert.equal(await total("failures_total", { kind: "missing-server-name" }), 1);
  assert.equal(await total("tunnels_total", { gateway: "tls", service: "nginx.com" }), 2);
  assert.equal(await total("connections_total", { listener: `:${httpPort}` }), 6);
  assert.equal(await total("connections_total", { listener: `:${tlsPort}` }), 5);
  assert.equal(await total("snapshot_version", {}), 1);
}

function curlTls({ tlsPort, certificate }: Seed, name: string): Promise<ProgramResult> {
  return runProgram("curl", [
    "-sSi",
    "--cacert",
    certificate.certificateFile,
    "--resolve",
    `${name}:${tlsPort}:127.0.0.1`,
    `https://${name}:${tlsPort}/`,
  ]);
}

function sClient(port: number, args: readonly string[]): Promise<ProgramResult> {
  return runProgram("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...args]);
}

async function fingerprint(port: number): Promise<string> {
  const { stdout } = await sClient(port, ["-servername", "nginx.com"]);
  const printed = await runProgram("openssl", ["x509", "-noout", "-fingerprint", "-sha256"], {
    input: stdout,
  });
  return printed.stdout.trim().split("=")[1] ?? printed.stderr;
}

function split(answer: string): readonly string[] {
  const end = answer.indexOf("\r\n\r\n");
  return [answer.slice(0, end + 2), answer.slice(end + 4)];
}

async function showJson(
  gatehouse: Seed["gatehouse"],
  what: string,
): Promise<Readonly<Record<string, unknown>>> {
  const { status, stdout, stderr } = await gatehouse.command("show", what, "--json");
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
}

function pluck(list: unknown, key: string): readonly unknown[] {
  return (list as readonly Readonly<Record<string, unknown>>[]).map((each) => each[key]);
}
