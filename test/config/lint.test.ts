import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check, file } from "./check-text.ts";

const ROWS: readonly { name: string; text: string; lines: readonly string[] }[] = [
  {
    name: "a host that is let in and routed nowhere",
    text: file({
      tail: '[[gateway]]\nname = "x"\nlisten = ":81"\nprotocol = "http"\nhosts = ["a.com", "b.com", "*.com"]',
    }),
    lines: [
      '27:19: warning: gateway[2].hosts[1]: "b.com" is let in and routed nowhere: no virtual service of this gateway has http routes for it',
    ],
  },
  {
    name: "a gateway whose default hosts lead nowhere",
    text: file({
      virtualService: 'gateways = ["web", "tls"]',
      tail: '[[gateway]]\nname = "x"\nlisten = ":81"\nprotocol = "tls"',
    }),
    lines: [
      '23:1: warning: gateway[2].hosts: "*" is let in and routed nowhere: no virtual service of this gateway has tls routes for it',
    ],
  },
  {
    name: "a host that is routed and let in nowhere",
    text: file({
      tail: '[[virtual_service]]\nhosts = ["b.com", "*.a.com", "*.com"]\nhttp = [{ route = "s" }]',
    }),
    lines: [
      '24:10: warning: virtual_service[1].hosts[0]: "b.com" is routed and let in nowhere: add it to the hosts of gateway "web"',
      '24:19: warning: virtual_service[1].hosts[1]: "*.a.com" is routed and let in nowhere: add it to the hosts of gateway "web"',
    ],
  },
  {
    name: "a host that only another box lets in: nothing",
    text: file({
      box: 'labels = { region = "eu" }',
      tail: [
        '[[gateway]]\nname = "us"\nlisten = ":81"\nprotocol = "http"\nhosts = ["b.com"]',
        'selector = { region = "us" }',
        '[[virtual_service]]\nhosts = ["b.com"]\nhttp = [{ route = "s" }]',
      ].join("\n"),
    }),
    lines: [
      '28:1: warning: gateway[2].selector: gateway "us" is not served here: label region is "eu", the selector wants "us"',
    ],
  },
  {
    name: "a service that no route leads to",
    text: file({ tail: '[service.t]\nendpoints = ["10.0.0.9:80"]' }),
    lines: ["23:1: warning: service.t: no route leads to this service: route to it or remove it"],
  },
  {
    name: "a virtual service without routes",
    text: file({ tail: '[[virtual_service]]\nhosts = ["a.com"]' }),
    lines: [
      "23:1: warning: virtual_service[1]: has no routes: add [[virtual_service.http]], [[virtual_service.tls]] or [[virtual_service.tcp]]",
    ],
  },
  {
    name: "routes behind one that takes everything",
    text: file({
      http: [
        'match = [{ method = ["GET"], path = { prefix = "/" } }]\nroute = "s"',
        '[[virtual_service.http]]\nmatch = [{ path = { exact = "/x" } }, { path = { segment = "/" } }]\nroute = "s"',
        '[[virtual_service.http]]\nroute = "s"',
      ].join("\n"),
      tlsRoute: [
        'match = [{ alpn = ["h2"] }]\nroute = "s"',
        '[[virtual_service.tls]]\nmatch = [{ sni = ["a.com"] }]\nroute = "s"',
        '[[virtual_service.tls]]\nroute = "s"',
      ].join("\n"),
    }),
    lines: [
      "23:1: warning: virtual_service[0].http[2]: never reached: the route in line 20 takes everything; move this one before it",
      "31:1: warning: virtual_service[0].tls[2]: never reached: the route in line 28 takes everything; move this one before it",
    ],
  },
  {
    name: "a prefix that takes more than it seems",
    text: file({
      http: 'match = [{ path = { prefix = "/foo" } }, { path = { prefix = "/bar/" } }]\nroute = "s"',
    }),
    lines: [
      '18:21: warning: virtual_service[0].http[0].match[0].path.prefix: takes "/foobar" too: write segment = "/foo" for "/foo" and "/foo/…"',
    ],
  },
  {
    name: "a port that no gateway of the kind listens on",
    text: file({ http: 'match = [{ port = 8443 }, {}]\nroute = "s"' }),
    lines: [
      "18:12: warning: virtual_service[0].http[0].match[0].port: never holds: no http gateway of this virtual service listens on port 8443",
    ],
  },
  {
    name: "a gateway that the virtual service is not bound to",
    text: file({
      virtualService: 'gateways = ["web", "tls"]',
      http: 'match = [{ gateways = ["x"] }, {}]\nroute = "s"',
      tail: '[[gateway]]\nname = "x"\nlisten = ":81"\nprotocol = "http"\n[[virtual_service]]\nhosts = ["c.com"]\ngateways = ["x"]\nhttp = [{ route = "s" }]',
    }),
    lines: [
      '18:24: warning: virtual_service[0].http[0].match[0].gateways[0]: never holds: gateway "x" is not in the gateways of this virtual service',
    ],
  },
  {
    name: "routes of a kind whose gateways let in none of the hosts",
    text: file({
      tail: '[[gateway]]\nname = "x"\nlisten = ":81"\nprotocol = "http"\nhosts = ["b.com"]\n[[virtual_service]]\nhosts = ["b.com"]\nhttp = [{ route = "s" }]\ntls = [{ route = "s" }]',
    }),
    lines: [
      '31:8: warning: virtual_service[1].tls[0]: never used: add a host of this virtual service to the hosts of gateway "tls"',
    ],
  },
  {
    name: "routes of a kind that no gateway speaks",
    text: '[[gateway]]\nname = "web"\nlisten = ":80"\nprotocol = "http"\n[[virtual_service]]\nhosts = ["a.com"]\nhttp = [{ route = "s" }]\ntls = [{ route = "s" }]\n[service.s]\ndns = "b.com:80"\n',
    lines: ["8:8: warning: virtual_service[0].tls[0]: never used: no gateway of this file is tls"],
  },
];

describe("checkConfig() warns of", () => {
  for (const { name, text, lines } of ROWS) {
    test(name, () => {
      const checked = check(text);
      assert.deepEqual(checked.lines, lines);
      assert.ok(checked.snapshot);
    });
  }
});
