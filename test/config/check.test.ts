import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricLayout } from "../../src/core/metric-layout.ts";
import { check, compile, file } from "./check-text.ts";

test("checkConfig() has nothing to say of the file that the tables of wrong files change", () => {
  assert.deepEqual(check(file()).lines, []);
});

test("checkConfig() reports mistakes of every kind at once, in the order of the file", () => {
  const text = file({
    box: "worker = 1",
    web: "timeouts.hello = 5",
    tls: 'tls.mode = "mutual"',
    http: 'route = "nope"',
    tlsRoute: "match = [{ sni = 5 }]",
    tail: '[[gateway]]\nname = "x"\nlisten = ":8080"\nprotocol = "http"\nhosts = ["a.com"]',
  });
  assert.deepEqual(check(text).lines, [
    '1:1: error: worker: unknown key; did you mean "workers"?',
    '7:10: error: gateway[0].timeouts.hello: expected a duration such as "5s", found 5',
    '13:5: error: gateway[1].tls.mode: "mutual" is not supported by this version, expected "passthrough"',
    '18:1: error: virtual_service[0].http[0].route: there is no service "nope"',
    '19:1: error: virtual_service[0].tls[0].route: missing, expected a service such as "my-service", or a list such as [{ to = "my-service", weight = 1 }]',
    '20:12: error: virtual_service[0].tls[0].match[0].sni: expected a list such as ["example.com"], found 5',
    '27:10: error: gateway[2].hosts[0]: gateways "web" (line 2) and "x" (line 23) both claim "a.com" on :8080',
  ]);
});

test("checkConfig() makes no second mistake out of a part that it had to set aside", () => {
  // The gateways, the service and its endpoints are wrong themselves; what refers to them is not.
  const text = file({
    web: "hosts = 5",
    virtualService: 'gateways = ["web", "tls"]',
    service: 'endpoints = ["nowhere"]',
  }).replace('hosts = ["a.com"]\nhosts', "hosts");
  assert.deepEqual(check(text).lines, [
    '6:1: error: gateway[0].hosts: expected a list such as ["example.com"], found 5',
    '21:14: error: service.s.endpoints[0]: a port is missing, found "nowhere"',
  ]);
});

test("checkConfig() checks the rest when every gateway is wrong", () => {
  const text = '[[gateway]]\nname = "x"\n[[virtual_service]]\nhosts = ["a.com"]\n[service.s]\n';
  assert.deepEqual(check(text).lines, [
    '1:1: error: gateway[0].listen: missing, expected an address such as ":80"',
    '1:1: error: gateway[0].protocol: missing, expected one of "http", "tls", "tcp"',
    '5:1: error: service.s: has no endpoints: say endpoints = ["10.0.0.1:80"], dns = "name:port", srv or file',
  ]);
});

test("checkConfig() shows indexes as they stand in the file, also behind a part that was set aside", () => {
  const text = file({
    http: [
      "match = 1",
      'route = "s"',
      "[[virtual_service.http]]",
      'route = "nope"',
      'match = [{ path = { exact = "/x" } }]',
    ].join("\n"),
  });
  assert.deepEqual(check(text).lines, [
    '18:1: error: virtual_service[0].http[0].match: expected a list such as [{ path = { prefix = "/" } }], found 1',
    '21:1: error: virtual_service[0].http[1].route: there is no service "nope"',
  ]);
});

test("checkConfig() asks the layout for nothing when the file is wrong", () => {
  const layout = new MetricLayout();
  check(file({ box: "worker = 1" }), layout);
  assert.equal(layout.size, 0);
});

test("checkConfig() gives the same snapshot for the same text, and the same slots on one layout", () => {
  const layout = new MetricLayout();
  const first = check(file(), layout);
  const size = layout.size;
  assert.deepEqual(check(file(), layout), first);
  assert.equal(layout.size, size);
  assert.deepEqual(check(file()), first);
});

test("checkConfig() reads bytes, CRLF and a byte order mark as it reads text", () => {
  const bytes = new TextEncoder().encode(`\uFEFF${file().replaceAll("\n", "\r\n")}`);
  const { snapshot, lines } = check(bytes);
  assert.deepEqual(lines, []);
  assert.deepEqual({ ...snapshot, hash: "" }, { ...compile(file()), hash: "" });
});

test("checkConfig() finds the byte that is not UTF-8", () => {
  const bytes = new Uint8Array([...new TextEncoder().encode('a = 1\nb = "é'), 0xc3, 0x28]);
  assert.deepEqual(check(bytes).lines, ["2:7: error: not valid UTF-8: save the file as UTF-8"]);
  const cutOff = new Uint8Array([0x23, 0xe2, 0x82]);
  assert.deepEqual(check(cutOff).lines, ["1:2: error: not valid UTF-8: save the file as UTF-8"]);
});

test("checkConfig() warns of a gateway that this box does not serve and keeps it apart", () => {
  const text = file({
    box: 'labels = { region = "eu" }',
    tls: 'selector = { region = "eu" }',
    tail: [
      '[[gateway]]\nname = "us"\nlisten = ":8080"\nprotocol = "http"\nhosts = ["a.com"]',
      'selector = { region = "us" }',
      '[[gateway]]\nname = "zone"\nlisten = "127.0.0.1:8080"\nprotocol = "tls"',
      'selector = { region = "eu", zone = "a" }',
    ].join("\n"),
  });
  const { snapshot, lines } = check(text);
  const us = 'label region is "eu", the selector wants "us"';
  const zone = 'this box has no label "zone", the selector wants "a"';
  assert.deepEqual(lines, [
    `28:1: warning: gateway[2].selector: gateway "us" is not served here: ${us}`,
    `33:1: warning: gateway[3].selector: gateway "zone" is not served here: ${zone}`,
  ]);
  assert.deepEqual(
    snapshot?.gateways.map(({ name }) => name),
    ["web", "tls"],
  );
  assert.deepEqual(snapshot?.unserved, [
    {
      name: "us",
      listen: ":8080",
      protocol: "http",
      hosts: ["a.com"],
      reason: us,
      origin: { line: 23, column: 1 },
    },
    {
      name: "zone",
      listen: "127.0.0.1:8080",
      protocol: "tls",
      hosts: ["*"],
      reason: zone,
      origin: { line: 29, column: 1 },
    },
  ]);
});

test("checkConfig() finds a mistake behind the first piece of a long file, at its place", () => {
  const hosts = Array.from(
    { length: 5000 },
    (_, i) => `[[virtual_service]]\nhosts = ["h${i}.b.com"]\nhttp = [{ route = "s" }]`,
  );
  const text = file({
    web: "",
    tail: `[[virtual_service]]\nhosts = ["b.com"]\n${hosts.join("\n")}\nzzz = 1`,
  });
  const wrong = check(text).lines.filter((line) => line.includes("error"));
  assert.deepEqual(wrong, [
    "15025:1: error: virtual_service[5001].zzz: unknown key; expected one of name, hosts, gateways, http, tls, tcp",
  ]);
  assert.deepEqual(check(text.replace("zzz = 1", "zzz = ")).lines, [
    "15025:5: error: not valid TOML: a value is missing after =",
  ]);
});
