import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startAdmin } from "../../src/control/admin-server.ts";
import { success } from "../../src/core/result.ts";
import { readQuestion } from "../../src/routing/explain-question.ts";
import { explain } from "../../src/routing/explain.ts";
import { createFunctions } from "../admin/fixtures/functions.ts";
import { compile } from "../config/check-text.ts";
import { runWords } from "./fixtures/io.ts";

const FILE = `[[gateway]]
name = "web"
listen = ":8080"
protocol = "http"
hosts = ["a.com"]
[[gateway]]
name = "tls"
listen = ":8443"
protocol = "tls"
hosts = ["a.com"]
[[virtual_service]]
hosts = ["a.com"]
[[virtual_service.http]]
match = [{ method = ["POST"] }, { headers = { x-v = { exact = "2" } } }]
route = "s"
[[virtual_service.http]]
match = [{ path = { segment = "/app" } }]
rewrite = { path = "/v2", host = "in.side" }
route = [{ to = "s", weight = 3 }, { to = "t" }]
[[virtual_service.tls]]
match = [{ alpn = ["h3"] }, { source = ["10.0.0.0/8"] }]
route = "s"
[[virtual_service.tls]]
route = "t"
[service.s]
endpoints = ["10.0.0.1:80"]
[service.t]
dns = "t.com:443"
`;

const STREAMS = `[[gateway]]
name = "ssh"
listen = ":22"
protocol = "tcp"
[[gateway]]
name = "tls"
listen = ":443"
protocol = "tls"
hosts = ["a.com"]
no_sni = "s"
[[virtual_service]]
hosts = ["a.com"]
[[virtual_service.tcp]]
match = [{ source = ["10.0.0.0/8"] }]
route = "s"
[service.s]
endpoints = ["10.0.0.1:22"]
`;

function write(t: TestContext, text = FILE): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-explain-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "f.toml");
  writeFileSync(path, text);
  return path;
}

test("gatehouse explain shows the way of a request, the losers and why, and exits 0", async (t) => {
  const f = write(t);
  const { code, stdout } = await runWords(["explain", "-c", f, "http://a.com:8080/app/x?y"]);
  assert.equal(
    stdout,
    `GET http://a.com:8080/app/x?y
  listener: :8080
  gateway: web (${f}:1)
  virtual service: a.com (${f}:11)
    not route a.com/http[0] (${f}:13)
      method is POST; found GET
      header x-v is "2"; found not there
  route: a.com/http[1] (${f}:16)
  action: forward
  request: GET /v2/x?y, Host in.side
  service: s (${f}:25), 75%
    10.0.0.1:80, weight 1
  service: t (${f}:27), 25%
    dns t.com:443, weight 1
`,
  );
  assert.equal(code, 0);
});

test("gatehouse explain takes method, headers and Host as the request has them", async (t) => {
  const f = write(t);
  const post = await runWords(["explain", "-c", f, "-X", "POST", "http://a.com:8080/"]);
  assert.match(post.stdout, /route: a\.com\/http\[0\]/);
  const headers = ["-H", "x-v: 2", "-H", "Host: A.com.", "-H", "x-w: 1"];
  const told = await runWords(["explain", "-c", f, ...headers, "http://127.0.0.1:8080/"]);
  assert.match(told.stdout, /route: a\.com\/http\[0\]/);
});

test("gatehouse explain tls:// looks at name, ALPN and source", async (t) => {
  const f = write(t);
  const plain = await runWords(["explain", "-c", f, "tls://a.com:8443"]);
  assert.match(
    plain.stdout,
    /alpn offers h3; found none\n {6}source is in 10\.0\.0\.0\/8; found 192\.0\.2\.1\n/,
  );
  assert.match(plain.stdout, /route: a\.com\/tls\[1\]/);
  for (const more of [
    ["--alpn", "h2,h3"],
    ["--source", "10.1.1.1"],
  ]) {
    const { stdout } = await runWords(["explain", "-c", f, ...more, "tls://a.com:8443"]);
    assert.match(stdout, /route: a\.com\/tls\[0\]/, more.join(" "));
  }
});

test("gatehouse explain takes tcp:// and tls:// without a name", async (t) => {
  const f = write(t, STREAMS);
  const tcp = ["explain", "-c", f, "tcp://:22", "--source"];
  const near = await runWords([...tcp, "10.1.1.1"]);
  assert.equal(
    near.stdout,
    `tcp://:22
  listener: :22
  gateway: ssh (${f}:1)
  virtual service: a.com (${f}:11)
  route: a.com/tcp[0] (${f}:13)
  action: forward
  service: s (${f}:16)
    10.0.0.1:22, weight 1
`,
  );
  assert.equal(near.code, 0);
  const far = await runWords([...tcp, "192.0.2.1"]);
  assert.match(
    far.stdout,
    /source is in 10\.0\.0\.0\/8; found 192\.0\.2\.1\n {2}refused: .*no-route/,
  );
  assert.equal(far.code, 1);
  const nameless = await runWords(["explain", "--json", "-c", f, "tls://:443"]);
  const view = JSON.parse(nameless.stdout) as Record<string, unknown>;
  assert.deepEqual([view["taken"], view["action"]], [true, "forward by no_sni"]);
});

test("gatehouse explain exits 1 when nothing takes it, and says the kind of the log", async (t) => {
  const f = write(t);
  const rows: readonly [url: string, refusal: RegExp][] = [
    [
      "http://a.com:8080/z",
      /not route a\.com\/http\[1\][^]*path is \/app or below it; found \/z\n {2}refused: no route takes it \(no-route\)/,
    ],
    [
      "http://b.com:8080/",
      /host is a\.com; found b\.com\n {2}refused: no gateway on :8080 lets "b\.com" in \(no-virtual-host\)/,
    ],
    ["tls://b.com:8443", /refused: .* \(unknown-server-name\)/],
    ["http://a.com/", /port is 8080; found 80\n[^]*refused: nothing listens for http on port 80/],
  ];
  for (const [url, refusal] of rows) {
    const { code, stdout } = await runWords(["explain", "-c", f, url]);
    assert.match(stdout, refusal);
    assert.equal(code, 1, url);
  }
});

test("gatehouse explain --json says the same as data", async (t) => {
  const f = write(t);
  const { stdout } = await runWords(["explain", "--json", "-c", f, "http://a.com:8080/app"]);
  const view = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(view["taken"], true);
  assert.deepEqual(view["route"], { name: "a.com/http[1]", line: 16 });
  assert.deepEqual(view["request"], { method: "GET", host: "in.side", path: "/v2" });
});

test("gatehouse explain exits 2 for a wrong question or a wrong file", async (t) => {
  const f = write(t);
  for (const url of [
    "a.com",
    "ftp://a.com/",
    "http://u:p@a.com/",
    "http://a.com/%zz",
    "http://a.com/\r\nx",
  ]) {
    assert.equal((await runWords(["explain", "-c", f, url])).code, 2, url);
  }
  const wrong = await runWords(["explain", "-c", write(t, "x = 1"), "http://a.com/"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /unknown key/);
  assert.equal((await runWords(["explain"])).code, 2);
});

test("gatehouse explain without -c asks the running box", async (t) => {
  const snapshot = compile(FILE);
  const { functions } = createFunctions({
    explain: (asked) => {
      const question = readQuestion(asked);
      if (!question.ok) return Promise.resolve(question);
      const sets = {
        s: [],
        t: [
          { host: "10.0.0.9", port: 443, weight: 2, name: "10.0.0.9:443", zone: "eu", priority: 3 },
        ],
      };
      const health = { t: { "10.0.0.9:443": { state: "ejected", sinceMs: 0 } } } as const;
      return Promise.resolve(success(explain(snapshot, question.value, { sets, health })));
    },
  });
  const admin = await startAdmin({ kind: "tcp", host: "127.0.0.1", port: 0 }, functions);
  t.after(() => admin.close());
  const words = ["explain", "--admin", admin.address, "-H", "x-v: 1", "http://a.com:8080/app"];
  const { code, stdout } = await runWords(words, { environment: { GATEHOUSE_CONFIG: "/nowhere" } });
  assert.match(stdout, /header x-v is "2"; found "1"/);
  assert.match(stdout, /service: s \(f:25\), 75%\n {4}no endpoint\n/);
  assert.match(
    stdout,
    /service: t \(f:27\), 25%\n {4}10\.0\.0\.9:443, weight 2, zone eu, priority 3, ejected\n/,
  );
  assert.equal(code, 0);
  const wrong = await runWords(["explain", "--admin", admin.address, "http://nginx.com:81/"]);
  assert.equal(wrong.code, 1);
});
