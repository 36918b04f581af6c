/** Between real programs that speak the PROXY protocol: HAProxy sends version 2, nginx reads it. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hasCommand } from "../packages.ts";
import { findFreePort, runProgram } from "../processes.ts";
import { makeTestCertificate, type TestCertificate } from "./certificate.ts";
import { type Scope, startGatehouse, temporaryFolder } from "./harness.ts";
import { startProgram } from "./programs.ts";

const NAME = "a.test";
const skip = ["haproxy", "nginx", "curl"].every(hasCommand)
  ? false
  : "needs haproxy, nginx and curl";

test("HAProxy before and nginx behind: the client is known all the way", { skip }, async (t) => {
  const scope: Scope = t;
  const ports: Ports = {
    site: await findFreePort(),
    plain: await findFreePort(),
    tls: await findFreePort(),
    http: await findFreePort(),
    tlsFront: await findFreePort(),
    httpFront: await findFreePort(),
  };
  const certificate = await makeTestCertificate(scope, [NAME]);
  await startSite(scope, certificate, ports);
  const gatehouse = await startGatehouse(scope, { config: configuration(ports) });
  await startFront(scope, ports);

  await t.test("a passed-through connection, version 2 on both sides", async () => {
    assert.equal(await ask(certificate, "https", ports.tlsFront), "client 127.0.0.9");
    const line = await gatehouse.accessLog.waitFor({ kind: "tls", sni: NAME });
    assert.match(String(line["client"]), /^127\.0\.0\.9:/);
  });

  await t.test("a request, in the header and in X-Forwarded-For", async () => {
    const said = await ask(certificate, "http", ports.httpFront);
    assert.equal(said, "client 127.0.0.9, forwarded 127.0.0.9");
  });

  await t.test("who comes past HAProxy without a header is refused", async () => {
    const { stdout, status } = await runProgram("curl", ["-s", `http://127.0.0.1:${ports.http}/`]);
    assert.equal(stdout, "");
    assert.notEqual(status, 0);
    await gatehouse.accessLog.waitFor({ failure: "proxy-header-missing" });
  });
});

/** What nginx says of whom the header names, asked by a client with an address of its own. */
async function ask(
  certificate: TestCertificate,
  scheme: "http" | "https",
  port: number,
): Promise<string> {
  const { stdout, stderr } = await runProgram("curl", [
    "-sS",
    "--interface",
    "127.0.0.9",
    "--cacert",
    certificate.certificateFile,
    "--resolve",
    `${NAME}:${port}:127.0.0.1`,
    `${scheme}://${NAME}:${port}/`,
  ]);
  assert.equal(stderr, "");
  return stdout;
}

type Ports = Readonly<Record<"site" | "plain" | "tls" | "http" | "tlsFront" | "httpFront", number>>;

function configuration(ports: Ports): string {
  return `
[[gateway]]
name = "tls"
listen = "127.0.0.1:${ports.tls}"
protocol = "tls"
proxy_protocol = { trusted = ["127.0.0.1"] }
[[gateway]]
name = "web"
listen = "127.0.0.1:${ports.http}"
protocol = "http"
proxy_protocol = { trusted = ["127.0.0.1"] }
[[virtual_service]]
hosts = ["${NAME}"]
[[virtual_service.tls]]
route = "tls"
[[virtual_service.http]]
route = "web"
[service.tls]
endpoints = ["127.0.0.1:${ports.site}"]
proxy_protocol = "v2"
[service.web]
endpoints = ["127.0.0.1:${ports.plain}"]
proxy_protocol = "v1"
`;
}

async function startSite(scope: Scope, certificate: TestCertificate, ports: Ports): Promise<void> {
  const folder = temporaryFolder(scope);
  mkdirSync(join(folder, "tmp"));
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr error;
events {}
http {
  ${temporary.map((name) => `${name}_temp_path ${folder}/tmp/${name};`).join("\n  ")}
  access_log off;
  server {
    listen 127.0.0.1:${ports.site} ssl proxy_protocol;
    ssl_certificate ${certificate.certificateFile};
    ssl_certificate_key ${certificate.keyFile};
    location / { return 200 "client $proxy_protocol_addr"; }
  }
  server {
    listen 127.0.0.1:${ports.plain} proxy_protocol;
    location / { return 200 "client $proxy_protocol_addr, forwarded $http_x_forwarded_for"; }
  }
}
`,
  );
  await startProgram(scope, ["nginx", "-p", folder, "-c", file, "-e", "stderr"], ports.plain);
}

function section(name: string, bind: number, to: number): string {
  return `listen ${name}\n  bind 127.0.0.1:${bind}\n  server box 127.0.0.1:${to} send-proxy-v2\n`;
}

async function startFront(scope: Scope, ports: Ports): Promise<void> {
  const file = join(temporaryFolder(scope), "haproxy.cfg");
  writeFileSync(
    file,
    `defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
${section("tls", ports.tlsFront, ports.tls)}${section("web", ports.httpFront, ports.http)}`,
  );
  await startProgram(scope, ["haproxy", "-f", file], ports.httpFront);
}
