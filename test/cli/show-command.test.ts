import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import type { AdminFunctions } from "../../src/admin/app.ts";
import { startAdmin } from "../../src/control/admin-server.ts";
import type { NameView } from "../../src/core/views.ts";
import { createFunctions } from "../admin/fixtures/functions.ts";
import { NOW, runWords } from "./fixtures/io.ts";

async function startBox(t: TestContext, overrides: Partial<AdminFunctions> = {}) {
  const { functions, calls } = createFunctions(overrides);
  const admin = await startAdmin({ kind: "tcp", host: "127.0.0.1", port: 0 }, functions);
  t.after(() => admin.close());
  return { address: admin.address, calls };
}

/** A port on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

const TABLES: readonly [thing: string, lines: readonly string[]][] = [
  [
    "listeners",
    [
      "ADDRESS  PROTOCOL  GATEWAY  HOSTS      OPEN  TOTAL  LINE",
      ":80      http      web      nginx.com  2     12     3",
      ":443     tls       tls      nginx.com  1     5      10",
      "",
      "Not served here:",
      "GATEWAY   ADDRESS  PROTOCOL  HOSTS  WHY                                                     LINE",
      'internal  :8080    http      *      the label zone is missing here, the selector wants "b"  20',
    ],
  ],
  [
    "routes",
    [
      "GATEWAY  HOSTS                     MATCH                                                             ACTION                                     VIRTUAL SERVICE  ROUTE      LINE",
      "web      nginx.com, www.nginx.com  path segment /old, method GET or HEAD; or path /x, gateway web  redirect 301 (scheme https, path /new)     nginx            old        31",
      "web      nginx.com, www.nginx.com  everything                                                        forward to my-nginx                        nginx            my-nginx   40",
      "web      *.example.com             path prefix /, port 80                                            forward to my-nginx (90%), nginx.com (10%)  wild             split      51",
      "tls      nginx.com                 sni nginx.com, alpn h2                                            forward to nginx.com                       nginx            nginx.com  61",
    ],
  ],
  [
    "services",
    [
      "SERVICE    HEALTHY  ENDPOINTS                              SOURCES                                BALANCER     TIMEOUTS    OPEN  ACTIVE  LOOKED UP  LINE",
      "my-nginx   2/2      10.0.0.11:80, 10.0.0.12:80 (weight 2)  -                                      round_robin  5s/1m/1m    3     2       -          70",
      "nginx.com  0/0      none                                   dns nginx.com:443                      round_robin  5s/1m/1m    3     0       ENOTFOUND  75",
    ],
  ],
  [
    "snapshot",
    [
      "SNAPSHOT",
      "version          4",
      "file             /etc/gatehouse/gatehouse.toml",
      "hash             0123456789ab",
      "loaded           2026-11-22T11:20:08.123Z",
      "labels           site=edge",
      "listeners        :80, :443",
      "not served here  internal",
      "routes           4",
      "services         2",
      "workers          2",
      "admin            127.0.0.1:9901",
      "log              info, json",
      "access log       stdout",
      "drain            0s delay, 30s requests, 5m tunnels",
      "DNS servers      from resolv.conf",
    ],
  ],
];

/** The cells of each line: widths are renderTable()'s own affair. */
function words(text: string): string[] {
  return text.split("\n").map((line) => line.split(/ {2,}/).join("  "));
}

for (const [thing, lines] of TABLES) {
  test(`gatehouse show ${thing} prints a table of what runs`, async (t) => {
    const { address } = await startBox(t);
    const { code, stdout, stderr } = await runWords(["show", thing, "--admin", address]);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.deepEqual(words(stdout), words(`${lines.join("\n")}\n`));
  });

  test(`gatehouse show ${thing} --json prints what the API says`, async (t) => {
    const { address } = await startBox(t);
    const { code, stdout } = await runWords(["show", thing, "--json", "--admin", address]);
    assert.equal(code, 0);
    const { functions } = createFunctions();
    const expected = await functions[thing as "services"]();
    assert.deepEqual(JSON.parse(stdout), expected);
  });
}

function agedName(error?: string): NameView[] {
  const resolved_at = new Date(NOW - 90_000).toISOString();
  const name = { name: "a", kind: "name", addresses: [], resolved_at, ttl_seconds: 300 };
  return [error === undefined ? name : { ...name, error }];
}

test("gatehouse show services says how old the answer of DNS is", async (t) => {
  const { functions } = createFunctions();
  const { address } = await startBox(t, {
    services: async () => {
      const view = await functions.services();
      const [first, second] = view.services;
      assert.ok(first !== undefined && second !== undefined);
      const services = [
        { ...first, names: agedName() },
        { ...second, names: agedName("ETIMEOUT") },
      ];
      return { ...view, services };
    },
  });
  const { stdout } = await runWords(["show", "services", "--admin", address]);
  assert.doesNotMatch(stdout, /names/);
  assert.match(stdout, / 90s ago, ttl 300s \(210s left\) /);
  assert.match(stdout, / ETIMEOUT, answer 90s ago /);
});

test("gatehouse show services says of several names the oldest answer and the first trouble", async (t) => {
  const { functions } = createFunctions();
  const { address } = await startBox(t, {
    services: async () => {
      const view = await functions.services();
      const [first, second] = view.services;
      assert.ok(first !== undefined && second !== undefined);
      const fresh = { name: "b", kind: "name", addresses: [] };
      const resolved_at = new Date(NOW - 1000).toISOString();
      const services = [
        { ...first, names: [{ ...fresh, resolved_at }, ...agedName("ETIMEOUT")] },
        { ...second, names: [fresh, fresh] },
      ];
      return { ...view, services };
    },
  });
  const { stdout } = await runWords(["show", "services", "--admin", address]);
  assert.match(stdout, / 2 names, 90s ago, a: ETIMEOUT /);
  assert.match(stdout, / 2 names, asking /);
});

test("gatehouse show endpoints says of each how it is and why, as a table and as JSON", async (t) => {
  const { functions } = createFunctions();
  const { address } = await startBox(t, {
    services: async () => {
      const view = await functions.services();
      const [first, second] = view.services;
      const [one, two] = first?.endpoints ?? [];
      assert.ok(first && second && one && two);
      const ejected = {
        ...one,
        state: "ejected",
        because: "5 errors in a row",
        ejected_until: new Date(NOW + 12_000).toISOString(),
        ejections: 2,
        priority: 65_536,
        check: { passed: true, detail: "status 200", at: new Date(NOW - 3000).toISOString() },
      };
      const labels = { version: "v2" };
      const other = { ...two, labels, zone: "eu", priority: 1 };
      const timing = { interval_ms: 1, timeout_ms: 1, unhealthy: 1, healthy: 1 };
      const health_check = { kind: "tcp", ...timing };
      const checked = { ...first, health_check, endpoints: [ejected, other], panic: true };
      return { ...view, services: [{ ...checked, out_elsewhere: ["10.0.0.9:80"] }, second] };
    },
  });
  const shown = await runWords(["show", "endpoints", "--admin", address]);
  assert.deepEqual(
    words(shown.stdout),
    words(
      [
        "SERVICE  ADDRESS  STATE  SINCE  WHY  LAST CHECK  ACTIVE  EJECTIONS  WEIGHT  LABELS",
        "my-nginx  10.0.0.11:80  ejected, used (panic)  0s ago  5 errors in a row, back in 12s  status 200, 3s ago  2  2  1  backup",
        "my-nginx  10.0.0.12:80  healthy  0s ago  -  not yet  0  0  2  version=v2, zone eu, priority 1",
        "my-nginx  10.0.0.9:80  out  -  by hand; it is not there now  -  -  -  -  -",
        "",
      ].join("\n"),
    ),
  );
  const { stdout } = await runWords(["show", "endpoints", "--json", "--admin", address]);
  const { endpoints } = JSON.parse(stdout) as { endpoints: Record<string, unknown>[] };
  assert.deepEqual(
    endpoints.map(({ service, address: at, state }) => [service, at, state]),
    [
      ["my-nginx", "10.0.0.11:80", "ejected"],
      ["my-nginx", "10.0.0.12:80", "healthy"],
    ],
  );
});

test("gatehouse show finds the address in GATEHOUSE_ADMIN, and --admin before it", async (t) => {
  const { address } = await startBox(t);
  const environment = { GATEHOUSE_ADMIN: address };
  assert.equal((await runWords(["show", "routes"], { environment })).code, 0);
  const other = { environment: { GATEHOUSE_ADMIN: "127.0.0.1:1" } };
  assert.equal((await runWords(["show", "routes", "--admin", address], other)).code, 0);
});

test("gatehouse show says what was tried and where the address came from when nothing answers", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const { code, stderr } = await runWords(["show", "routes"], {
    environment: { GATEHOUSE_ADMIN: address },
  });
  assert.equal(code, 1);
  assert.equal(
    stderr,
    `gatehouse show: No box answers at ${address} (from GATEHOUSE_ADMIN): nothing listens there. Is it running?\n`,
  );
});

test("gatehouse show says so when a unix socket is not there", async () => {
  const { code, stderr } = await runWords(["show", "routes", "--admin", "unix:/nowhere/x.sock"]);
  assert.equal(code, 1);
  assert.match(stderr, /unix:\/nowhere\/x\.sock \(from --admin\): there is no such socket/);
});

async function startOther(t: TestContext, answer: string, status = 200): Promise<string> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(status).end(answer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("gatehouse show says so when something else answers", async (t) => {
  const address = await startOther(t, "<html>");
  const { code, stderr } = await runWords(["show", "routes", "--admin", address]);
  assert.equal(code, 1);
  assert.match(stderr, /is not gatehouse/);
});

test("gatehouse show says so when the box is of a version with other words", async (t) => {
  const address = await startOther(t, '{"rows":[]}');
  const { code, stderr } = await runWords(["show", "routes", "--admin", address]);
  assert.equal(code, 1);
  assert.match(stderr, /speaks another version/);
});

test("gatehouse show passes on why it was refused, without control characters", async (t) => {
  const address = await startOther(t, '{"error":"no\\u001b[2J"}', 403);
  const { code, stderr } = await runWords(["show", "routes", "--admin", address]);
  assert.equal(code, 1);
  assert.match(stderr, /refuses: no\\u001b\[2J\n$/);
});

test("gatehouse show --watch draws again until it is stopped, within the screen", async (t) => {
  const { address } = await startBox(t);
  let pauses = 0;
  const { code, stdout } = await runWords(["show", "snapshot", "--watch", "--admin", address], {
    rows: 8,
    pause: (ms) => {
      assert.equal(ms, 1000);
      pauses += 1;
      return Promise.resolve(pauses < 3);
    },
  });
  assert.equal(code, 0);
  const screens = stdout.split("\u001b[H\u001b[2J").slice(1);
  assert.equal(screens.length, 3);
  for (const screen of screens) {
    assert.equal(screen.split("\n").length, 8);
    assert.match(screen, /… 10 more lines\n$/);
  }
});
