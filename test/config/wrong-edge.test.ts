/** Mistakes in what concerns clients and proxies around this one: bodies, trust, upgrades. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";
import type { Row } from "./wrong-files.ts";

const ROWS: readonly Row[] = [
  {
    name: "limits.body",
    text: file({ web: "limits.body = '0B'", tls: "limits.body = '1PiB'" }),
    lines: [
      '7:8: error: gateway[0].limits.body: expected 1B to 1024TiB, or "off", found "0B"',
      '13:8: error: gateway[1].limits.body: expected a size such as "512B", "64KiB" or "1MiB", or "off", found "1PiB"',
    ],
  },
  {
    name: "limits.body as number",
    text: file({ web: "limits.body = 1000" }),
    lines: [
      '7:8: error: gateway[0].limits.body: expected a size such as "10MiB", or "off", found 1000',
    ],
  },
  {
    name: "a limit that cannot be off",
    text: file({ web: "limits.header_bytes = 'off'" }),
    lines: [
      '7:8: error: gateway[0].limits.header_bytes: expected a size such as "512B", "64KiB" or "1MiB", found "off"',
    ],
  },
  {
    name: "limits.requests_per_connection",
    text: file({
      web: "limits.requests_per_connection = 0",
      tls: "limits.requests_per_connection = 'of'",
    }),
    lines: [
      '7:8: error: gateway[0].limits.requests_per_connection: expected a whole number from 1 to 1000000000, or "off", found 0',
      '13:8: error: gateway[1].limits.requests_per_connection: expected a whole number from 1 to 1000000000, or "off", found "of"',
    ],
  },
  {
    name: "limits.requests_per_connection as list",
    text: file({ web: "limits.requests_per_connection = [1]" }),
    lines: [
      '7:8: error: gateway[0].limits.requests_per_connection: expected a whole number from 1 to 1000000000, or "off", found a list',
    ],
  },
  {
    name: "limits that differ on one address",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8080'\nprotocol = 'http'\nhosts = ['*.a.com']\nlimits.body = '1GiB'\nlimits.requests_per_connection = 5",
    }),
    lines: [
      '28:8: error: gateway[2].limits.body: differs from gateway "web" (line 2) on :8080; gateways on one address must agree',
      '29:8: error: gateway[2].limits.requests_per_connection: differs from gateway "web" (line 2) on :8080; gateways on one address must agree',
    ],
  },
  {
    name: "trusted_proxies as text",
    text: file({ web: "trusted_proxies = '10.0.0.0/8'" }),
    lines: [
      '7:1: error: gateway[0].trusted_proxies: expected a list such as ["10.0.0.0/8"], found "10.0.0.0/8"',
    ],
  },
  {
    name: "trusted_proxies",
    text: file({
      web: "trusted_proxies = ['10.0.0.1/8', 'proxy.local', '2001:db8::1/32', '10.0.0.0/33', '::ffff:10.0.0.0/104']",
    }),
    lines: [
      '7:20: error: gateway[0].trusted_proxies[0]: bits stand beyond the prefix: write "10.0.0.0/8", or "10.0.0.1" for one address, found "10.0.0.1/8"',
      '7:34: error: gateway[0].trusted_proxies[1]: expected a network such as "10.0.0.0/8", or an address such as "10.0.0.1", found "proxy.local"',
      '7:49: error: gateway[0].trusted_proxies[2]: bits stand beyond the prefix: write "2001:db8::/32", or "2001:db8::1" for one address, found "2001:db8::1/32"',
      '7:67: error: gateway[0].trusted_proxies[3]: expected a network such as "10.0.0.0/8", or an address such as "10.0.0.1", found "10.0.0.0/33"',
      '7:82: error: gateway[0].trusted_proxies[4]: write an IPv4 network in its own form, not inside IPv6, found "::ffff:10.0.0.0/104"',
    ],
  },
  {
    name: "a trusted network twice",
    text: file({ web: "trusted_proxies = ['10.0.0.1', '10.0.0.1/32']" }),
    lines: ['7:32: error: gateway[0].trusted_proxies[1]: "10.0.0.1/32" stands in this list twice'],
  },
  {
    name: "forwarded and via",
    text: file({ web: "forwarded = 1\nvia = 'on'" }),
    lines: [
      "7:1: error: gateway[0].forwarded: expected true or false, found 1",
      '8:1: error: gateway[0].via: expected true or false, found "on"',
    ],
  },
  {
    name: "what only http gateways have",
    text: file({ tls: "trusted_proxies = []\nforwarded = false\nvia = true" }),
    lines: [
      '13:1: error: gateway[1].trusted_proxies: only for protocol = "http": a tls gateway reads no HTTP headers',
      '14:1: error: gateway[1].forwarded: only for protocol = "http": a tls gateway reads no HTTP headers',
      '15:1: error: gateway[1].via: only for protocol = "http": a tls gateway reads no HTTP headers',
    ],
  },
  {
    name: "upgrade as text",
    text: file({ http: "route = 's'\nupgrade = 'websocket'" }),
    lines: [
      '19:1: error: virtual_service[0].http[0].upgrade: expected a list such as ["websocket"], found "websocket"',
    ],
  },
  {
    name: "upgrade protocols",
    text: file({ http: "route = 's'\nupgrade = ['web socket', 'a/b/c', 'H2C', '']" }),
    lines: [
      '19:12: error: virtual_service[0].http[0].upgrade[0]: expected a protocol such as "websocket", found "web socket"',
      '19:26: error: virtual_service[0].http[0].upgrade[1]: expected a protocol such as "websocket", found "a/b/c"',
      '19:35: error: virtual_service[0].http[0].upgrade[2]: HTTP/2 in cleartext is not passed on: its requests would escape the routes, found "H2C"',
      '19:42: error: virtual_service[0].http[0].upgrade[3]: expected a protocol such as "websocket", found ""',
    ],
  },
  {
    name: "upgrade twice",
    text: file({ http: "route = 's'\nupgrade = ['websocket', 'WebSocket']" }),
    lines: [
      '19:25: error: virtual_service[0].http[0].upgrade[1]: "websocket" stands in this list twice',
    ],
  },
  {
    name: "upgrade without route",
    text: file({ http: "respond = { status = 204 }\nupgrade = []" }),
    lines: [
      "19:1: error: virtual_service[0].http[0].upgrade: only together with route: nothing else passes an upgrade on",
    ],
  },
];

testWrongFiles("limits, trust and upgrades", ROWS);

test("checkConfig() warns of a gateway that trusts everybody", () => {
  const { snapshot, lines } = check(file({ web: "trusted_proxies = ['0.0.0.0/0', '::/0']" }));
  assert.ok(snapshot);
  assert.deepEqual(lines, [
    "7:20: warning: gateway[0].trusted_proxies[0]: trusts everybody: any client can say which address it comes from",
    "7:33: warning: gateway[0].trusted_proxies[1]: trusts everybody: any client can say which address it comes from",
  ]);
});
