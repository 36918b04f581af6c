import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { connectionsTable } from "../../src/cli/connections-table.ts";
import { formatBytes } from "../../src/cli/sizes.ts";
import { startAdmin } from "../../src/control/admin-server.ts";
import type { ConnectionView } from "../../src/core/views.ts";
import { createFunctions } from "../admin/fixtures/functions.ts";
import { runWords } from "./fixtures/io.ts";

async function startBox(t: TestContext): Promise<string> {
  const { functions } = createFunctions();
  const admin = await startAdmin({ kind: "tcp", host: "127.0.0.1", port: 0 }, functions);
  t.after(() => admin.close());
  return admin.address;
}

/** The cells of each line: widths are renderTable()'s own affair. */
function words(text: string): string[] {
  return text.split("\n").map((line) => line.split(/ {2,}/).join("  "));
}

test("gatehouse show connections prints how many there are and a row for each", async (t) => {
  const { code, stdout, stderr } = await runWords([
    "show",
    "connections",
    "--admin",
    await startBox(t),
  ]);
  assert.equal(stderr, "");
  assert.equal(code, 0);
  assert.deepEqual(words(stdout), [
    "3 open",
    "Worker 0 does not answer: its connections are missing here.",
    "",
    "KIND  STATE  CLIENT  GATEWAY  HOST  SERVICE  ENDPOINT  IN  OUT  AGE",
    "tls  tunnel  [2001:db8::1]:50000  tls  nginx.com  nginx.com  192.0.2.7:443  2.0KiB  300KiB  2h",
    "http  request  10.1.2.3:4711  web  www.nginx.com  my-nginx  10.0.0.11:80  512B  1.5MiB  90s",
    "tls  hello  -  :443  -  -  -  0B  0B  1s",
    "",
  ]);
});

test("gatehouse show connections hands its filters on, and says how many are not shown", async (t) => {
  const address = await startBox(t);
  const ask = async (...filters: string[]): Promise<string> => {
    const given = ["show", "connections", "--admin", address, ...filters];
    return (await runWords(given)).stdout;
  };
  const largest = await ask("--sort", "bytes", "--limit", "1");
  assert.match(largest, /^3 open, 1 of them here\n/);
  assert.match(largest, /http +request/);
  assert.match(await ask("--client", "2001:db8::/32"), /^1 open\n[^]*tls +tunnel/);
  assert.match(await ask("--host", "*.nginx.com"), /^1 open\n[^]*http +request/);
  assert.match(await ask("--service", "my-nginx", "--kind", "tls"), /^0 open\n/);
  const json = JSON.parse(await ask("--gateway", "web", "--json"));
  assert.equal(json.total, 1);
  assert.deepEqual(json.silent_workers, [0]);
  assert.deepEqual(json.connections, [
    {
      kind: "http",
      state: "request",
      worker: 1,
      listener: ":80",
      gateway: "web",
      client: "10.1.2.3:4711",
      host: "www.nginx.com",
      service: "my-nginx",
      endpoint: "10.0.0.11:80",
      opened_at: "2026-11-22T11:58:30.000Z",
      age_ms: 90_000,
      bytes_in: 512,
      bytes_out: 1_572_864,
      requests: 3,
    },
  ]);
});

test("connectionsTable() lets nothing from the network act on the terminal", () => {
  const evil: ConnectionView = {
    kind: "tls",
    state: "hello",
    worker: 0,
    listener: ":443",
    sni: "a\u001b[2J\r\n\u202eb",
    opened_at: "2026-11-22T11:58:30.000Z",
    age_ms: 0,
    bytes_in: 0,
    bytes_out: 0,
  };
  const table = connectionsTable({ total: 1, connections: [evil], silent_workers: [] }, false);
  assert.ok(table.includes("a\\u001b[2J\\u000d\\u000a\\u202eb"), table);
  assert.equal(table.split("\n").length, 5);
});

test("formatBytes() has two or three digits and a unit", () => {
  const rows: readonly [bytes: number, text: string][] = [
    [0, "0B"],
    [1023, "1023B"],
    [1024, "1.0KiB"],
    [10 * 1024, "10KiB"],
    [1024 ** 2 - 1, "1.0MiB"],
    [1.5 * 1024 ** 3, "1.5GiB"],
    [2 ** 53, "8.0PiB"],
    [2 ** 63, "8192PiB"],
  ];
  for (const [bytes, text] of rows) assert.equal(formatBytes(bytes), text);
});
