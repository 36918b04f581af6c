/** TLS to real endpoints: nginx, and openssl where nginx does not tell enough. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { type TestContext, before, describe, test } from "node:test";
import { X509Certificate } from "node:crypto";
import { type KeyPair, PemFolder, TestAuthority } from "../certificates.ts";
import { hasCommand } from "../packages.ts";
import { endProcess, findFreePort, until } from "../processes.ts";
import { type Gatehouse, startGatehouse } from "./harness.ts";
import { startNginx } from "./nginx.ts";
import { dial } from "./raw-tcp.ts";

const DAY_MS = 24 * 3_600_000;
const NEEDS_NGINX = { skip: !hasCommand("nginx") && "needs nginx" };
const NEEDS_OPENSSL = { skip: !hasCommand("openssl") && "needs openssl" };
const LOCATIONS = `
  location / { return 200 "$ssl_server_name $ssl_protocol $ssl_session_reused $ssl_client_s_dn $request_uri\\n"; }`;

interface Answer {
  readonly status: number;
  readonly text: string;
}

function ask(port: number, path = "/"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = get({ port, path, host: "127.0.0.1", agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on("error", reject);
  });
}

/** A configuration with one service that speaks TLS. */
function config(
  port: number,
  endpoint: number,
  { tls, more = "" }: { tls: string; more?: string },
): string {
  return `
[[gateway]]
name = "web"
listen = "127.0.0.1:${port}"
protocol = "http"
[[virtual_service]]
hosts = ["*"]
[[virtual_service.http]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${endpoint}"]
tls = ${tls}
${more}`;
}

/** nginx with this certificate, and the program in front of it. */
async function startBoth(
  t: TestContext,
  pair: KeyPair,
  tls: string,
): Promise<{
  gatehouse: Gatehouse;
  port: number;
  endpoint: number;
  accepted: () => Promise<number>;
}> {
  const folder = new PemFolder(t);
  const { certificate: certificateFile, privateKey: keyFile } = folder.keep("site", pair);
  const { fingerprint256: fingerprint } = new X509Certificate(pair.certificate);
  const certificate = { certificateFile, keyFile, fingerprint };
  const nginx = await startNginx(t, { locations: LOCATIONS, certificate });
  const port = await findFreePort();
  const gatehouse = await startGatehouse(t, {
    workers: 1,
    config: config(port, nginx.port, { tls }),
  });
  return { gatehouse, port, endpoint: nginx.port, accepted: async () => nginx.accepted() };
}

describe("TLS to nginx", NEEDS_NGINX, () => {
  let authority: TestAuthority;
  let other: TestAuthority;
  before(async () => {
    authority = await TestAuthority.make();
    other = await TestAuthority.make("other");
  });
  const trusting = (t: TestContext, sni = "a.test"): string => {
    const ca = new PemFolder(t).write("ca.pem", authority.own.certificate);
    return `{ sni = "${sni}", ca = "${ca}" }`;
  };

  test("requests go over one connection that is verified and kept alive", async (t) => {
    const both = await startBoth(t, await authority.issue(["a.test"]), trusting(t));
    const before = await both.accepted();
    for (let i = 0; i < 5; i += 1) {
      const { status, text } = await ask(both.port, `/${i}`);
      assert.equal(status, 200);
      assert.match(text, new RegExp(`^a\\.test TLSv1\\.[23] \\. .*/${i}\\n$`));
    }
    // The question is a connection too.
    assert.equal((await both.accepted()) - before, 2);
  });

  for (const [name, detail, make] of [
    [
      "has expired",
      /^expired: /,
      async (a: TestAuthority) =>
        a.issue(["a.test"], { fromMs: Date.now() - 3 * DAY_MS, toMs: Date.now() - DAY_MS }),
    ],
    [
      "is for another name",
      /^wrong name: .*b\.test/,
      async (a: TestAuthority) => a.issue(["b.test"]),
    ],
    [
      "comes from nobody known",
      /^unknown authority: /,
      async (_a: TestAuthority, o: TestAuthority) => o.issue(["a.test"]),
    ],
  ] as const) {
    test(`a certificate that ${name} is 502, and the log says why`, async (t) => {
      const both = await startBoth(t, await make(authority, other), trusting(t));
      const { status, text } = await ask(both.port);
      assert.equal(status, 502);
      assert.match(text, /^502 Bad gateway\nRequest id: [-0-9a-f]+\n$/);
      await both.gatehouse.accessLog.waitFor({ kind: "http", failure: "connect-certificate" });
      const line = await both.gatehouse.log.waitFor({ failure: "connect-certificate" });
      assert.match(String(line["detail"]), detail);
      assert.equal(
        await both.gatehouse.metric("gatehouse_failures_total", { kind: "connect-certificate" }),
        1,
      );
    });
  }

  test("a reload takes what has changed in the files, and the key shows nowhere", async (t) => {
    const folder = new PemFolder(t);
    const ca = folder.write("ca.pem", other.own.certificate);
    const own = folder.keep("own", await authority.issue(["client.test"]));
    const tls = `{ mode = "mutual", sni = "a.test", ca = "${ca}", certificate = "${own.certificate}", private_key = "${own.privateKey}" }`;
    const both = await startBoth(t, await authority.issue(["a.test"]), tls);
    assert.equal((await ask(both.port)).status, 502);
    folder.write("ca.pem", authority.own.certificate);
    const reloaded = await both.gatehouse.ask("/reload", "POST");
    assert.match(reloaded.text, /service s/);
    assert.equal((await ask(both.port)).status, 200);
    // Back again: what was kept alive by other rules is not used.
    folder.write("ca.pem", other.own.certificate);
    assert.equal((await both.gatehouse.ask("/reload", "POST")).status, 200);
    assert.equal((await ask(both.port)).status, 502);
    folder.write("ca.pem", "nothing");
    const refused = await both.gatehouse.ask("/reload", "POST");
    assert.match(refused.text, /has no PEM certificate/);
    const said = [
      refused.text,
      reloaded.text,
      both.gatehouse.log.text,
      both.gatehouse.accessLog.text,
    ];
    for (const path of ["/snapshot", "/services", "/metrics", "/"]) {
      said.push((await both.gatehouse.ask(path)).text);
    }
    const secret = readFileSync(own.privateKey, "utf8").split("\n")[1] ?? "";
    const shown = readFileSync(own.certificate, "utf8").split("\n")[1] ?? "";
    for (const text of said) assert.ok(!text.includes(secret) && !text.includes(shown));
    assert.ok(secret.length > 20 && shown.length > 20);
  });

  test("sessions are resumed, as nginx sees it", async (t) => {
    const folder = new PemFolder(t);
    const pair = folder.keep("site", await authority.issue(["a.test"]));
    const nginx = await startNginx(t, {
      locations: LOCATIONS,
      certificate: { certificateFile: pair.certificate, keyFile: pair.privateKey, fingerprint: "" },
    });
    const port = await findFreePort();
    await startGatehouse(t, {
      workers: 1,
      config: config(port, nginx.port, {
        tls: trusting(t),
        more: "pool.requests_per_connection = 1",
      }),
    });
    const seen: string[] = [];
    for (let i = 0; i < 4; i += 1) seen.push((await ask(port)).text.split(" ")[2] ?? "");
    assert.deepEqual(seen, [".", "r", "r", "r"]);
  });
});

describe("TLS to openssl s_server", NEEDS_OPENSSL, () => {
  test("mutual: the endpoint sees and verifies our certificate; without one the handshake fails", async (t) => {
    const authority = await TestAuthority.make();
    const folder = new PemFolder(t);
    const site = folder.keep("site", await authority.issue(["a.test"]));
    const own = folder.keep("own", await authority.issue(["client.test"]));
    const ca = folder.write("ca.pem", authority.own.certificate);
    const endpoint = await findFreePort();
    const args = ["s_server", "-accept", `127.0.0.1:${endpoint}`, "-cert", site.certificate];
    const verify = ["-key", site.privateKey, "-Verify", "1", "-CAfile", ca, "-verify_return_error"];
    const child = spawn("openssl", [...args, ...verify, "-www"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    t.after(() => endProcess(child));
    const output = { text: "" };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output.text += text;
      });
    }
    await until("s_server listens", () => (output.text.includes("ACCEPT") ? true : undefined));
    const port = await findFreePort();
    const base = `sni = "a.test", ca = "${ca}"`;
    const mutual = `{ mode = "mutual", ${base}, certificate = "${own.certificate}", private_key = "${own.privateKey}" }`;
    const gatehouse = await startGatehouse(t, {
      workers: 1,
      config: config(port, endpoint, { tls: mutual }),
    });
    const { status, text } = await ask(port);
    assert.equal(status, 200);
    assert.match(text, /Verification: OK|Verify return code: 0 \(ok\)/);
    assert.match(output.text, /CN ?= ?client\.test/);
    gatehouse.writeConfig(config(port, endpoint, { tls: `{ ${base} }` }));
    assert.equal((await gatehouse.ask("/reload", "POST")).status, 200);
    assert.equal((await ask(port)).status, 502);
    const line = await gatehouse.log.waitFor({ failure: "upstream-reset" });
    assert.match(String(line["detail"]), /wants a certificate of ours/);
  });

  test("a tcp route may speak TLS to its endpoint", async (t) => {
    const authority = await TestAuthority.make();
    const folder = new PemFolder(t);
    const site = folder.keep("site", await authority.issue(["a.test"]));
    const ca = folder.write("ca.pem", authority.own.certificate);
    const endpoint = await findFreePort();
    const child = spawn(
      "openssl",
      [
        "s_server",
        "-accept",
        `127.0.0.1:${endpoint}`,
        "-cert",
        site.certificate,
        "-key",
        site.privateKey,
        "-rev",
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    t.after(() => endProcess(child));
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    await until("s_server listens", () => (said.includes("ACCEPT") ? true : undefined));
    const port = await findFreePort();
    await startGatehouse(t, {
      config: `
[[gateway]]
name = "tcp"
listen = "127.0.0.1:${port}"
protocol = "tcp"
[[virtual_service]]
hosts = ["*"]
[[virtual_service.tcp]]
route = "s"
[service.s]
endpoints = ["127.0.0.1:${endpoint}"]
tls = { sni = "a.test", ca = "${ca}" }
`,
    });
    const client = await dial(t, port);
    let text = "";
    client.setEncoding("utf8").on("data", (part: string) => (text += part));
    client.write("olleh\n");
    await until("the line reversed", () => (text.includes("hello") ? true : undefined));
  });
});
