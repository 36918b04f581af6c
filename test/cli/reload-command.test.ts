import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { startAdmin } from "../../src/control/admin-server.ts";
import type { ReloadReport } from "../../src/core/views.ts";
import { createFunctions } from "../admin/fixtures/functions.ts";
import { runWords } from "./fixtures/io.ts";

async function startBox(t: TestContext, report?: ReloadReport) {
  const { functions, calls } = createFunctions(
    report === undefined ? {} : { reload: () => Promise.resolve(report) },
  );
  const admin = await startAdmin({ kind: "tcp", host: "127.0.0.1", port: 0 }, functions);
  t.after(() => admin.close());
  return { address: admin.address, calls };
}

const FINDING = {
  file: "g.toml",
  line: 3,
  column: 5,
  severity: "error",
  path: "gateway[0].name",
  message: "expected a string",
} as const;
const WARNING = { ...FINDING, severity: "warning" } as const;

const REPORTS: readonly [report: ReloadReport, code: number, text: string][] = [
  [
    { ok: true, version: 5, changes: ["service a is new", "gateway b is gone"], findings: [] },
    0,
    "Reloaded as version 5:\n  service a is new\n  gateway b is gone\n",
  ],
  [
    { ok: true, version: 5, changes: [], findings: [WARNING] },
    0,
    "g.toml:3:5: warning: gateway[0].name: expected a string\n" +
      "Reloaded as version 5: nothing is different.\n",
  ],
  [
    { ok: false, version: 4, findings: [FINDING, FINDING, WARNING] },
    2,
    "g.toml:3:5: error: gateway[0].name: expected a string\n" +
      "g.toml:3:5: error: gateway[0].name: expected a string\n" +
      "g.toml:3:5: warning: gateway[0].name: expected a string\n" +
      "Not reloaded: 2 errors, 1 warning. Nothing has changed; version 4 serves on.\n",
  ],
  [
    { ok: false, version: 4, findings: [], error: "port 80 is taken" },
    1,
    "Not reloaded: port 80 is taken. Nothing has changed; version 4 serves on.\n",
  ],
];
for (const [report, code, text] of REPORTS) {
  test(`gatehouse reload exits ${code} with: ${text.split("\n").at(-2) ?? ""}`, async (t) => {
    const { address } = await startBox(t, report);
    const plain = await runWords(["reload", "--admin", address]);
    assert.equal(plain.stderr, text);
    assert.equal(plain.stdout, "");
    assert.equal(plain.code, code);
    const json = await runWords(["reload", "--json", "--admin", address]);
    assert.deepEqual(JSON.parse(json.stdout), report);
    assert.equal(json.stderr, "");
    assert.equal(json.code, code);
  });
}

test("gatehouse reload and drain exit 1 when nothing answers", async () => {
  for (const command of ["reload", "drain"]) {
    const { code, stderr } = await runWords([command, "--admin", "unix:/nowhere/x.sock"]);
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^gatehouse ${command}: No box answers at unix:/nowhere`));
  }
});

test("gatehouse reload asks once, by POST", async (t) => {
  const { address, calls } = await startBox(t);
  await runWords(["reload", "--admin", address]);
  assert.deepEqual([calls.reloads, calls.drains], [1, 0]);
});

test("gatehouse drain says how long things may take", async (t) => {
  const { address, calls } = await startBox(t);
  const { code, stderr } = await runWords(["drain", "--admin", address]);
  assert.equal(code, 0);
  assert.equal(stderr, "The box drains: requests have 30s, tunnels 5m, then it stops.\n");
  assert.equal(calls.drains, 1);
  const json = await runWords(["drain", "--json", "--admin", address]);
  assert.equal(JSON.parse(json.stdout).draining, true);
});
