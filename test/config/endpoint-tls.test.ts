import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { type TestContext, describe, test } from "node:test";
import { check, compile, file } from "./check-text.ts";
import { type KeyPair, PemFolder, TestAuthority, type Validity } from "../certificates.ts";

/** The file with a service that speaks TLS, used by the HTTP route alone. */
const withTls = (tls: string, endpoints = 'endpoints = ["a.com:443"]'): string =>
  file({
    tlsRoute: 'route = "plain"',
    service: `${endpoints}\ntls = ${tls}\n[service.plain]\nendpoints = ["10.0.0.2:80"]`,
  });

/** The texts of the findings, whose places are the service's `tls` in line 23 or nearby. */
const linesOf = (tls: string, endpoints?: string): readonly string[] =>
  check(withTls(tls, endpoints)).lines;

/** What is said of `pool.warm`. */
function warmLines(more: string, tlsRoute = 'route = "s"'): readonly string[] {
  const others = '[service.o]\nendpoints = ["10.0.0.2:80"]';
  const service = `endpoints = ["10.0.0.1:80"]\npool.warm = 2\n${more}\n${others}`;
  return check(file({ tlsRoute, service })).lines.filter((line) => line.includes("warm"));
}

/** The check is asked at the beginning of 2026. */
const NOW: Validity = { fromMs: Date.UTC(2025, 0, 1), toMs: Date.UTC(2027, 0, 1) };
const AUTHORITY = await TestAuthority.make();

const year = (from: number): Validity => ({ fromMs: Date.UTC(from), toMs: Date.UTC(from + 1) });

/** A folder with `own.pem` and `own.key`. */
async function folderOf(t: TestContext): Promise<PemFolder & { readonly own: KeyPair }> {
  const folder = new PemFolder(t);
  return Object.assign(folder, { own: folder.keep("own", await AUTHORITY.issue(["own"], NOW)) });
}

describe("checkConfig() on tls of a service", () => {
  test("puts the texts of the files into the snapshot", async (t) => {
    const { certificate: pem, privateKey: key } = (await folderOf(t)).own;
    const snapshot = compile(
      withTls(
        `{ mode = "mutual", sni = "B.com.", ca = "${pem}", certificate = "${pem}", private_key = "${key}" }`,
      ),
    );
    assert.deepEqual(snapshot.services[0]?.tls, {
      serverName: "b.com",
      ca: readFileSync(pem, "latin1"),
      certificate: readFileSync(pem, "latin1"),
      privateKey: readFileSync(key, "latin1"),
      insecure: false,
    });
    assert.deepEqual(compile(withTls("{}")).services[0]?.tls, {
      serverName: undefined,
      ca: undefined,
      certificate: undefined,
      privateKey: undefined,
      insecure: false,
    });
  });

  test("demands a name to verify for addresses, but not of insecure", () => {
    const endpoints = 'endpoints = ["a.com:443", "10.0.0.1:443"]';
    assert.deepEqual(linesOf("{}", endpoints), [
      "22:27: error: service.s.endpoints[1]: has no name to verify its certificate against: say tls.sni",
    ]);
    assert.deepEqual(linesOf("{}", 'endpoints = ["unix:/x"]'), [
      "22:14: error: service.s.endpoints[0]: has no name to verify its certificate against: say tls.sni",
    ]);
    assert.deepEqual(linesOf("{}", 'srv = "_https._tcp.a.com"'), [
      "22:1: error: service.s.srv: what it says is no name to verify certificates against: say tls.sni",
    ]);
    assert.deepEqual(linesOf("{}", 'file = "/x"'), [
      "22:1: error: service.s.file: may list addresses, which have no name to verify against: say tls.sni",
    ]);
    assert.deepEqual(linesOf('{ sni = "a.com" }', endpoints), []);
    assert.deepEqual(linesOf("{ insecure = true }", endpoints), [
      "23:9: warning: service.s.tls.insecure: certificates of endpoints are not verified: anybody between may answer",
    ]);
  });

  test("demands certificate and key for mutual, and neither without", () => {
    assert.deepEqual(linesOf('{ mode = "mutual" }'), [
      '23:1: error: service.s.tls.certificate: missing, mode = "mutual" needs it',
      '23:1: error: service.s.tls.private_key: missing, mode = "mutual" needs it',
    ]);
    assert.match(linesOf('{ certificate = "/x" }').join("\n"), /only shown with mode = "mutual"/);
  });

  test("says what is wrong with a file", async (t) => {
    const folder = await folderOf(t);
    const key = folder.path("own.key");
    const broken = folder.write(
      "broken.pem",
      "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    );
    const huge = folder.write("huge.pem", " ".repeat(1024 * 1024 + 1));
    assert.equal(spawnSync("mkfifo", [folder.path("pipe")]).status, 0);
    const ROWS: readonly (readonly [path: string, says: string])[] = [
      [folder.path("none"), "does not exist"],
      [folder.folder, "is not a file"],
      [folder.path("pipe"), "is not a file"],
      ["/dev/zero", "is not a file"],
      [key, "has no PEM certificate (-----BEGIN CERTIFICATE-----)"],
      [broken, "certificate 1 in it cannot be read"],
      [huge, "is larger than 1 MiB: is this the right file?"],
    ];
    for (const [path, says] of ROWS) {
      assert.deepEqual(linesOf(`{ ca = "${path}" }`), [
        `23:9: error: service.s.tls.ca: ${path} ${says}`,
      ]);
    }
    assert.match(linesOf('{ ca = "own.pem" }').join(), /expected an absolute path/);
  });

  test("says what is wrong with a key, and warns when every user may read it", async (t) => {
    const folder = await folderOf(t);
    folder.keep("other", await AUTHORITY.issue(["other"], NOW));
    const { certificate: pem } = folder.own;
    const keyLines = (key: string): readonly string[] =>
      linesOf(`{ mode = "mutual", certificate = "${pem}", private_key = "${key}" }`).map((line) =>
        line.replace(/^\d+:\d+: /, ""),
      );
    const place = "service.s.tls.private_key: ";
    const [own, other] = [folder.path("own.key"), folder.path("other.key")];
    assert.deepEqual(keyLines(other), [
      `error: ${place}${other} does not belong to the certificate`,
    ]);
    const open = folder.write("open.pem", readFileSync(pem, "latin1"), 0o644);
    assert.deepEqual(
      keyLines(open),
      [
        `warning: ${place}every user of this box may read ${open}: chmod o-r`,
        `error: ${place}${open} has no PEM private key that can be read (-----BEGIN PRIVATE KEY-----)`,
      ].toSorted(),
    );
    const secret = folder.path("secret.key");
    const args = ["pkcs8", "-topk8", "-in", own, "-out", secret, "-passout", "pass:x"];
    assert.equal(spawnSync("openssl", args).status, 0);
    chmodSync(secret, 0o600);
    assert.deepEqual(keyLines(secret), [
      `error: ${place}${secret} is encrypted: a passphrase cannot be given`,
    ]);
    chmodSync(own, 0o644);
    assert.deepEqual(keyLines(own), [
      `warning: ${place}every user of this box may read ${own}: chmod o-r`,
    ]);
  });

  test("warns of what has expired or is not valid yet", async (t) => {
    const folder = await folderOf(t);
    folder.keep("old", await AUTHORITY.issue(["old"], year(2020)));
    folder.keep("new", await AUTHORITY.issue(["new"], year(2040)));
    const linesWith = (name: string): readonly string[] => {
      const [pem, key] = [folder.path(`${name}.pem`), folder.path(`${name}.key`)];
      return linesOf(
        `{ mode = "mutual", ca = "${pem}", certificate = "${pem}", private_key = "${key}" }`,
      ).map((line) => line.replace(/^\d+:\d+: /, ""));
    };
    assert.deepEqual(linesWith("old"), [
      `warning: service.s.tls.ca: every certificate in ${folder.path("old.pem")} has expired`,
      "warning: service.s.tls.certificate: the certificate of CN=old has expired on 2021-01-01",
    ]);
    assert.deepEqual(linesWith("new"), [
      "warning: service.s.tls.certificate: the certificate of CN=new is valid only from 2040-01-01",
    ]);
  });

  test("refuses TLS within TLS, which tcp routes do not make", () => {
    const says =
      'service "s" speaks TLS to its endpoints, and what is passed through is TLS already: route to one without tls';
    const service = 'endpoints = ["a.com:443"]\ntls = {}';
    assert.deepEqual(check(file({ service })).lines, [
      `20:1: error: virtual_service[0].tls[0].route[0]: ${says}`,
    ]);
    const nameless = file({
      tls: 'no_sni = "s"',
      tlsRoute: 'route = "plain"',
      service: `${service}\n[service.plain]\nendpoints = ["10.0.0.2:80"]`,
    });
    assert.deepEqual(check(nameless).lines, [`13:1: error: gateway[1].no_sni: ${says}`]);
    const tcp = `[[gateway]]\nname = "t"\nlisten = ":9"\nprotocol = "tcp"
[[virtual_service]]\nhosts = ["*"]\ngateways = ["t"]\n[[virtual_service.tcp]]\nroute = "s"`;
    assert.deepEqual(check(`${withTls("{}")}\n${tcp}`).lines, []);
  });
});

describe("checkConfig() on pool of a service", () => {
  test("compiles limits and their defaults", () => {
    assert.deepEqual(compile(file()).services[0]?.pool, {
      connectionsMax: 1024,
      pendingMax: 1024,
      requestsPerConnectionMax: undefined,
      retriesMax: 3,
      endpointConnectionsMax: undefined,
      warm: 0,
    });
    const pool =
      "{ connections = 1, endpoint_connections = 2, pending = 0, requests_per_connection = 3, retries = 0, warm = 4 }";
    assert.deepEqual(
      compile(file({ service: `endpoints = ["10.0.0.1:80"]\npool = ${pool}` })).services[0]?.pool,
      {
        connectionsMax: 1,
        pendingMax: 0,
        requestsPerConnectionMax: 3,
        retriesMax: 0,
        endpointConnectionsMax: 2,
        warm: 4,
      },
    );
  });

  test("refuses a service without any connection", () => {
    const { lines } = check(file({ service: 'endpoints = ["10.0.0.1:80"]\npool.connections = 0' }));
    assert.match(lines.join(), /pool\.connections: expected a whole number from 1 to 1000000/);
  });

  test("warns of warm connections that nobody would use", () => {
    assert.deepEqual(warmLines(""), []);
    assert.deepEqual(warmLines('proxy_protocol = "v2"'), [
      "23:6: warning: service.s.pool.warm: does nothing with proxy_protocol, whose header speaks of a client",
    ]);
    assert.deepEqual(warmLines("", 'route = "o"'), [
      "23:6: warning: service.s.pool.warm: does nothing but hold connections: only tls and tcp routes use them",
    ]);
  });
});
