import assert from "node:assert/strict";
import { test } from "node:test";
import { diffSnapshots, fixedDifferences } from "../../src/control/snapshot-diff.ts";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import type { Snapshot } from "../../src/core/model.ts";
import { compile, configText } from "./fake-threads.ts";

const MORE = `
[[gateway]]
name = "more"
listen = "127.0.0.1:9"
protocol = "http"
hosts = ["b.test"]
[[virtual_service]]
hosts = ["b.test"]
[[virtual_service.http]]
route = "first"
[service.first]
endpoints = ["127.0.0.1:3"]
`;

test("diffSnapshots() finds nothing when nothing but positions, versions and slots differ", () => {
  const before = snapshot(configText(), new MetricLayout(), 1);
  const layout = new MetricLayout();
  layout.slot("gatehouse_retries_total", { service: "another" });
  assert.deepEqual(diffSnapshots(before, snapshot(`\n\n${configText()}`, layout, 2)), []);
});

test("diffSnapshots() names what is new and gone, though it moves every index", () => {
  const before = snapshot(configText());
  const after = snapshot(`${MORE}${configText()}`);
  assert.deepEqual(diffSnapshots(before, after), [
    "listener 127.0.0.1:9 added",
    "gateway more added",
    "virtual host b.test added",
    "service first added",
  ]);
  assert.deepEqual(diffSnapshots(after, before), [
    "listener 127.0.0.1:9 removed",
    "gateway more removed",
    "virtual host b.test removed",
    "service first removed",
  ]);
});

/** A line of the configuration, what takes its place, and the sentences. */
const CHANGES: readonly (readonly [from: string, to: string, changes: readonly string[]])[] = [
  [
    'hosts = ["a.test"]\n[[virtual',
    'hosts = ["a.test", "c.test"]\n[[virtual',
    ["gateway web changed: host c.test added"],
  ],
  [
    'protocol = "http"',
    'protocol = "http"\\ntimeouts.header = "3s"',
    ["listener 127.0.0.1:1 changed: timeouts.header: 10s → 3s"],
  ],
  [
    "127.0.0.1:2",
    "127.0.0.1:3",
    ["service web changed: source 127.0.0.1:3 added, source 127.0.0.1:2 removed"],
  ],
  [
    'route = "web"',
    "respond = { status = 204 }",
    ["virtual host a.test changed: route a.test/http[0].action: forward → respond 204"],
  ],
  [
    "[[gateway]]",
    'drain.requests = "1s"\\n[[gateway]]',
    ["setting drain changed: requests: 30s → 1s"],
  ],
  [
    "[[gateway]]",
    "access_log.query = true\\n[[gateway]]",
    ["setting access_log changed: query: false → true"],
  ],
];

for (const [from, to, changes] of CHANGES) {
  test(`diffSnapshots() says: ${changes.join(", ")}`, () => {
    const text = configText();
    assert.ok(text.includes(from));
    const after = snapshot(text.replace(from, to.replaceAll("\\n", "\n")));
    assert.deepEqual(diffSnapshots(snapshot(text), after), changes);
  });
}

test("fixedDifferences() names what a reload cannot change", () => {
  const before = snapshot(configText());
  assert.deepEqual(fixedDifferences(before, snapshot(configText())), []);
  const after = snapshot(`workers = 3\nadmin.listen = "off"\n${configText()}`);
  assert.deepEqual(fixedDifferences(before, after), [
    "workers: takes effect after a restart",
    "admin.listen: takes effect after a restart",
  ]);
});

function snapshot(text: string, layout = new MetricLayout(), version = 1): Snapshot {
  return compile(text, layout, version);
}
