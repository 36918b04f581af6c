import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runWords } from "./fixtures/io.ts";

const FINE = `
[[gateway]]
name = "web"
listen = ":8080"
protocol = "http"
hosts = ["nginx.com"]

[[virtual_service]]
hosts = ["nginx.com"]
[[virtual_service.http]]
route = "a"

[service.a]
endpoints = ["10.0.0.1:80"]
`;

function writeConfig(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "gatehouse-check-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "gatehouse.toml");
  writeFileSync(path, text);
  return path;
}

test("gatehouse check says of a right file what it has and exits 0", async (t) => {
  const path = writeConfig(t, FINE);
  const { code, stdout, stderr } = await runWords(["check", "-c", path]);
  assert.equal(stderr, `${path}: no errors (1 listener, 1 gateway, 1 service)\n`);
  assert.equal(stdout, "");
  assert.equal(code, 0);
});

test("gatehouse check prints every error with its place and exits 2", async (t) => {
  const path = writeConfig(t, FINE.replace('"http"', '"htp"').replace("listen", "lisen"));
  const { code, stderr } = await runWords(["check", "-c", path]);
  const lines = stderr.trimEnd().split("\n");
  assert.equal(code, 2);
  assert.ok(
    lines.some((line) => line.startsWith(`${path}:4:1: error: gateway[0].lisen: `)),
    stderr,
  );
  assert.ok(lines.some((line) => line.startsWith(`${path}:5:1: error: gateway[0].protocol: `)));
  assert.match(lines.at(-1) ?? "", /: \d+ errors/);
});

test("gatehouse check colours the severity only where stderr may be coloured", async (t) => {
  const path = writeConfig(t, "nonsense = 1\n");
  const plain = await runWords(["check", "-c", path]);
  assert.ok(!plain.stderr.includes("\u001b"));
  const coloured = await runWords(["check", "-c", path], {
    colour: { stdout: true, stderr: true },
  });
  assert.ok(coloured.stderr.includes("\u001b[31merror\u001b[0m"));
});

test("gatehouse check takes the file from GATEHOUSE_CONFIG, and -c before it", async (t) => {
  const path = writeConfig(t, FINE);
  const environment = { GATEHOUSE_CONFIG: path };
  assert.equal((await runWords(["check"], { environment })).code, 0);
  const missing = await runWords(["check", "-c", `${path}.no`], { environment });
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /^gatehouse check: .*gatehouse\.toml\.no does not exist/);
});

test("gatehouse check names the gateways that are not served here and why", async (t) => {
  const selected = FINE.replace(
    'hosts = ["nginx.com"]',
    'hosts = ["nginx.com"]\nselector = { site = "b" }',
  );
  const path = writeConfig(t, selected);
  const { code, stderr } = await runWords(["check", "-c", path]);
  assert.equal(code, 0);
  assert.match(stderr, /: warning: gateway\[0\]\.selector: .*not served here: .*site/);
});

test("gatehouse check --json prints one object on stdout and nothing else", async (t) => {
  const path = writeConfig(t, FINE.replace('"http"', '"htp"'));
  const { code, stdout, stderr } = await runWords(["check", "-c", path, "--json"]);
  assert.equal(code, 2);
  assert.equal(stderr, "");
  const report = JSON.parse(stdout);
  assert.equal(report.ok, false);
  assert.equal(report.file, path);
  assert.deepEqual(
    [report.findings[0].line, report.findings[0].column, report.findings[0].severity],
    [5, 1, "error"],
  );
  const missing = await runWords(["check", "-c", `${path}.no`, "--json"]);
  assert.match(JSON.parse(missing.stdout).error, /does not exist/);
});

test("gatehouse check --diff says in words what would change", async (t) => {
  const old = writeConfig(t, FINE);
  const path = writeConfig(
    t,
    `${FINE.replace("10.0.0.1", "10.0.0.2")}[service.b]\nendpoints = ["10.0.0.3:80"]\n`,
  );
  const { code, stderr } = await runWords(["check", "-c", path, "--diff", old]);
  assert.match(stderr, /\n {2}service a changed: .+\n {2}service b added\n$/);
  assert.equal(code, 0);
  const same = await runWords(["check", "-c", old, "--diff", old]);
  assert.match(same.stderr, /\n {2}nothing would change\n$/);
  const json = await runWords(["check", "-c", path, "--json", "--diff", old]);
  const report = JSON.parse(json.stdout) as { readonly changes: readonly string[] };
  assert.deepEqual(report.changes, [
    "service a changed: source 10.0.0.2:80 added, source 10.0.0.1:80 removed",
    "service b added",
  ]);
});

test("gatehouse check --diff exits 2 when the older file cannot be compared with", async (t) => {
  const path = writeConfig(t, FINE);
  const { code, stderr } = await runWords(["check", "-c", path, "--diff", `${path}.gone`]);
  assert.equal(code, 2);
  assert.match(stderr, /nothing to compare with: /);
});
