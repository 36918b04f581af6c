/** Subsets of services and the routes that name them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, compile, file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";

const SERVICE = `endpoints = [
  { address = "10.0.0.1:80", labels = { version = "v1", zone = "a" } },
  { address = "app.example.com:80", labels = { version = "v2" } },
  "10.0.0.3:80",
]
subsets = { v1 = { version = "v1" }, v2 = { version = "v2" }, all = {} }`;
const BOTH = 'route = [{ to = "s", subset = "v1", weight = 9 }, { to = "s", subset = "v2" }]';

test("compileSnapshot() keeps labels, subsets and which one a route names", () => {
  const text = file({ service: SERVICE, http: BOTH, tlsRoute: BOTH });
  const { services, virtualHosts, tlsChains } = compile(text);
  assert.deepEqual(services[0]?.subsets, [
    { name: "v1", labels: { version: "v1" } },
    { name: "v2", labels: { version: "v2" } },
    { name: "all", labels: {} },
  ]);
  const labels = services[0]?.sources.map((source) => {
    if (source.kind === "address") return source.endpoint.labels;
    return source.kind === "name" ? source.labels : undefined;
  });
  assert.deepEqual(labels, [{ version: "v1", zone: "a" }, { version: "v2" }, undefined]);
  const action = virtualHosts[0]?.routes[0]?.action;
  const destinations = action?.kind === "forward" ? action.destinations : [];
  for (const list of [destinations, tlsChains[0]?.routes[0]?.destinations ?? []]) {
    assert.deepEqual(
      list.map(({ subset, weight }) => ({ subset, weight })),
      [
        { subset: "v1", weight: 9 },
        { subset: "v2", weight: 1 },
      ],
    );
  }
});

test("compileSnapshot() says nothing of subsets where the file does not", () => {
  const { services, virtualHosts } = compile(file());
  assert.deepEqual(services[0]?.subsets, []);
  const action = virtualHosts[0]?.routes[0]?.action;
  assert.ok(action?.kind === "forward");
  assert.ok(action.destinations.every((destination) => !("subset" in destination)));
});

testWrongFiles("subsets", [
  {
    name: "one that the service does not have",
    text: file({ service: SERVICE, http: 'route = [{ to = "s", subset = "v3" }]' }),
    lines: [
      '18:22: error: virtual_service[0].http[0].route[0].subset: service "s" has no subset "v3", expected one of "v1", "v2", "all"; did you mean "v1"?',
    ],
  },
  {
    name: "one of a service that has none",
    text: file({ tlsRoute: 'route = [{ to = "s", subset = "v1" }]' }),
    lines: [
      '20:22: error: virtual_service[0].tls[0].route[0].subset: service "s" has no subset "v1": add subsets = { "v1" = { label = "value" } } to it',
    ],
  },
  {
    name: "one of many",
    text: file({
      service: `endpoints = ["10.0.0.1:80"]\nsubsets = { ${Array.from({ length: 12 }, (_, i) => `version-${i} = {}`).join(", ")} }`,
      http: 'route = [{ to = "s", subset = "blue" }]',
    }),
    lines: [
      '18:22: error: virtual_service[0].http[0].route[0].subset: service "s" has no subset "blue", expected one of "version-0", "version-1", "version-2", "version-3", "version-4", "version-5", "version-6", "version-7", "version-8", "version-9", …',
    ],
  },
  {
    name: "one of a service that is not there: only that is said",
    text: file({ http: 'route = [{ to = "t", subset = "v1" }]' }),
    lines: [
      '18:12: error: virtual_service[0].http[0].route[0].to: there is no service "t"; did you mean "s"?',
    ],
  },
  {
    name: "one of a service that is wrong itself: only that is said",
    text: file({
      service: 'endpoints = ["10.0.0.1:80"]\nsubsets = { v1 = { version = 1 } }',
      http: 'route = [{ to = "s", subset = "v1" }]',
    }),
    lines: ["23:20: error: service.s.subsets.v1.version: expected text, found 1"],
  },
  {
    name: "a name that is no table of labels",
    text: file({ service: 'endpoints = ["10.0.0.1:80"]\nsubsets = ["v1"]' }),
    lines: ["23:1: error: service.s.subsets: expected a table, found a list"],
  },
]);

describe("checkConfig() warns of", () => {
  const rows: readonly (readonly [name: string, service: string, lines: readonly string[]])[] = [
    ["no subset that an endpoint is in", SERVICE, []],
    [
      "a subset that no endpoint is in",
      'endpoints = [{ address = "10.0.0.1:80", labels = { version = "v1", zone = "a" } }]\nsubsets = { v1 = { version = "v1", zone = "b" }, v2 = { toString = "x" } }',
      [
        '23:13: warning: service.s.subsets.v1: no endpoint is in this subset: give one labels = { version = "v1", zone = "b" }',
        '23:50: warning: service.s.subsets.v2: no endpoint is in this subset: give one labels = { toString = "x" }',
      ],
    ],
    [
      "a subset of addresses that are looked up, which have no labels",
      'dns = "app.example.com:80"\nsubsets = { all = {}, v1 = { version = "v1" } }',
      [
        '23:23: warning: service.s.subsets.v1: no endpoint is in this subset: what DNS tells has no labels; in endpoints give one labels = { version = "v1" }',
      ],
    ],
  ];
  for (const [name, service, lines] of rows) {
    test(name, () => {
      const checked = check(file({ service }));
      assert.deepEqual(checked.lines, lines);
      assert.ok(checked.snapshot !== undefined);
    });
  }
});
