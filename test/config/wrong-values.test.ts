/** Values of the wrong type, form or size: the place and the words. */
import { file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";
import type { Row } from "./wrong-files.ts";

const ROWS: readonly Row[] = [
  {
    name: "workers text",
    text: file({ box: 'workers = "4"' }),
    lines: ['1:1: error: workers: expected a whole number from 0 to 256, found "4"'],
  },
  {
    name: "workers float",
    text: file({ box: "workers = 1.5" }),
    lines: ["1:1: error: workers: expected a whole number from 0 to 256, found 1.5"],
  },
  {
    name: "workers huge",
    text: file({ box: "workers = 99999999999999999999" }),
    lines: [
      "1:1: error: workers: expected a whole number from 0 to 256, found 100000000000000000000",
    ],
  },
  {
    name: "workers nan",
    text: file({ box: "workers = nan" }),
    lines: ["1:1: error: workers: expected a whole number from 0 to 256, found NaN"],
  },
  {
    name: "a date for text",
    text: file({ box: "labels.born = 1979-05-27" }),
    lines: ["1:8: error: labels.born: expected text, found a date"],
  },
  {
    name: "gateway as one table",
    text: "[gateway]\nname = 'x'",
    lines: ["1:1: error: gateway: expected tables that begin with [[gateway]], found a table"],
  },
  {
    name: "service as list",
    text: file({ tail: "[[service.t]]" }),
    lines: [
      "23:1: error: service.t: expected a table with endpoints, dns, srv, file, subsets, balancer …, found a list",
    ],
  },
  {
    name: "hosts as text",
    text: file({ tail: "[[virtual_service]]\nhosts = 'b.com'" }),
    lines: [
      '24:1: error: virtual_service[1].hosts: expected a list such as ["example.com"], found "b.com"',
    ],
  },
  {
    name: "no hosts",
    text: file({ tail: "[[virtual_service]]\nhosts = []" }),
    lines: [
      '24:1: error: virtual_service[1].hosts: expected a list such as ["example.com"], found an empty one',
    ],
  },
  {
    name: "missing keys",
    text: file({ tail: "[[gateway]]" }),
    lines: [
      '23:1: error: gateway[2].name: missing, expected a name such as "web"',
      '23:1: error: gateway[2].listen: missing, expected an address such as ":80"',
      '23:1: error: gateway[2].protocol: missing, expected one of "http", "tls", "tcp"',
    ],
  },
  {
    name: "duration as number",
    text: file({ web: "timeouts.header = 10" }),
    lines: ['7:10: error: gateway[0].timeouts.header: expected a duration such as "5s", found 10'],
  },
  {
    name: "duration without unit",
    text: file({ web: "timeouts.header = '10'" }),
    lines: [
      '7:10: error: gateway[0].timeouts.header: expected a duration such as "250ms", "5s", "10m" or "1h", found "10"',
    ],
  },
  {
    name: "duration zero",
    text: file({ web: "timeouts.header = '0s'" }),
    lines: ['7:10: error: gateway[0].timeouts.header: expected 1ms to 596h, found "0s"'],
  },
  {
    name: "duration too long",
    text: file({ web: "timeouts.header = '597h'" }),
    lines: ['7:10: error: gateway[0].timeouts.header: expected 1ms to 596h, found "597h"'],
  },
  {
    name: "size unit",
    text: file({ web: "limits.header_bytes = '32KB'" }),
    lines: [
      '7:8: error: gateway[0].limits.header_bytes: expected a size such as "512B", "64KiB" or "1MiB", found "32KB"',
    ],
  },
  {
    name: "size bounds",
    text: file({ web: "limits.header_bytes = '2MiB'" }),
    lines: ['7:8: error: gateway[0].limits.header_bytes: expected 1KiB to 1MiB, found "2MiB"'],
  },
  {
    name: "count bounds",
    text: file({ web: "limits.header_count = 0" }),
    lines: [
      "7:8: error: gateway[0].limits.header_count: expected a whole number from 1 to 10000, found 0",
    ],
  },
  {
    name: "boolean",
    text: file({ tail: "[access_log]\nquery = 'yes'" }),
    lines: ['24:1: error: access_log.query: expected true or false, found "yes"'],
  },
  {
    name: "log path",
    text: file({ tail: "[access_log]\npath = 'x.log'" }),
    lines: [
      '24:1: error: access_log.path: expected "stdout", "off" or an absolute path, found "x.log"',
    ],
  },
  {
    name: "admin",
    text: file({ tail: "[admin]\nlisten = 'localhost'" }),
    lines: [
      '24:1: error: admin.listen: expected "127.0.0.1:9901", "[::1]:9901", "unix:/run/gatehouse.sock" or "off", found "localhost"',
    ],
  },
  {
    name: "dns server",
    text: file({ tail: "[dns]\nservers = ['resolver']" }),
    lines: [
      '24:12: error: dns.servers[0]: expected the address of a DNS server such as "127.0.0.1:53", found "resolver"',
    ],
  },
  {
    name: "listen without port",
    text: file({ tail: "[[gateway]]\nname = 'x'\nlisten = '80'\nprotocol = 'http'" }),
    lines: [
      '25:1: error: gateway[2].listen: expected ":80" (every address), "127.0.0.1:80" or "[::1]:80": a port is missing, found "80"',
    ],
  },
  {
    name: "listen port 0",
    text: file({ tail: "[[gateway]]\nname = 'x'\nlisten = ':0'\nprotocol = 'http'" }),
    lines: [
      '25:1: error: gateway[2].listen: expected ":80" (every address), "127.0.0.1:80" or "[::1]:80": a port is a number from 1 to 65535, found ":0"',
    ],
  },
  {
    name: "listen name",
    text: file({ tail: "[[gateway]]\nname = 'x'\nlisten = 'localhost:80'\nprotocol = 'http'" }),
    lines: [
      '25:1: error: gateway[2].listen: expected ":80" (every address), "127.0.0.1:80" or "[::1]:80", found "localhost:80"',
    ],
  },
  {
    name: "host with port",
    text: file({ tail: "[[virtual_service]]\nhosts = ['b.com:80']\nhttp = [{ route = 's' }]" }),
    lines: [
      '24:10: error: virtual_service[1].hosts[0]: expected a host name without a port, found "b.com:80"',
    ],
  },
  {
    name: "host wildcard inside",
    text: file({ tail: "[[virtual_service]]\nhosts = ['b.*.com']\nhttp = [{ route = 's' }]" }),
    lines: [
      '24:10: error: virtual_service[1].hosts[0]: a wildcard may only be the whole first label: "*.example.com", or "*" alone, found "b.*.com"',
    ],
  },
  {
    name: "name with spaces",
    text: file({ tail: "[[virtual_service]]\nname = 'a b'\nhosts = ['a.com']" }),
    lines: [
      '24:1: error: virtual_service[1].name: a name has 1 to 253 visible characters without spaces, quotes and backslashes, found "a b"',
    ],
  },
  {
    name: "endpoint without port",
    text: file({ service: "endpoints = ['10.0.0.1']" }),
    lines: ['22:14: error: service.s.endpoints[0]: a port is missing, found "10.0.0.1"'],
  },
  {
    name: "endpoint as a URL",
    text: file({ service: "endpoints = ['http://10.0.0.1:80']" }),
    lines: [
      '22:14: error: service.s.endpoints[0]: write HOST:PORT, without a scheme and a path, found "http://10.0.0.1:80"',
    ],
  },
  {
    name: "endpoint bad v4",
    text: file({ service: "endpoints = ['10.0.0.256:80']" }),
    lines: [
      '22:14: error: service.s.endpoints[0]: this is not a valid IPv4 address, found "10.0.0.256:80"',
    ],
  },
  {
    name: "endpoint bare v6",
    text: file({ service: "endpoints = ['::1:80']" }),
    lines: [
      '22:14: error: service.s.endpoints[0]: write IPv6 with brackets and port: "[::1]:80", found "::1:80"',
    ],
  },
  {
    name: "endpoint type",
    text: file({ service: "endpoints = [80]" }),
    lines: [
      '22:14: error: service.s.endpoints[0]: expected an address such as "10.0.0.1:80", or { address = "10.0.0.1:80", weight = 1 }, found 80',
    ],
  },
  {
    name: "endpoint weight",
    text: file({ service: "endpoints = [{ address = '10.0.0.1:80', weight = 0 }]" }),
    lines: [
      "22:41: error: service.s.endpoints[0].weight: expected a whole number from 1 to 1000, found 0",
    ],
  },
  {
    name: "dns with address",
    text: file({ service: "dns = '10.0.0.1:80'" }),
    lines: [
      '22:1: error: service.s.dns: this is an address: write it in endpoints, found "10.0.0.1:80"',
    ],
  },
  {
    name: "no action",
    text: file({ http: "name = 'x'" }),
    lines: [
      "17:1: error: virtual_service[0].http[0]: expected exactly one of route, redirect, respond, found none",
    ],
  },
  {
    name: "two actions",
    text: file({ http: "route = 's'\nredirect = { host = 'b.com' }" }),
    lines: [
      "17:1: error: virtual_service[0].http[0]: expected exactly one of route, redirect, respond, found route and redirect",
    ],
  },
  {
    name: "two paths",
    text: file({ http: "route = 's'\nmatch = [{ path = { exact = '/a', prefix = '/b' } }]" }),
    lines: [
      "19:12: error: virtual_service[0].http[0].match[0].path: expected exactly one of exact, prefix, segment, regex, found exact and prefix",
    ],
  },
  {
    name: "regex that can be made slow",
    text: file({ http: "route = 's'\nmatch = [{ path = { regex = '/(a+)+' } }]" }),
    lines: [
      '19:21: error: virtual_service[0].http[0].match[0].path.regex: this regex is outside the subset that is surely fast: a repetition inside a repeated group, found "/(a+)+"',
    ],
  },
  {
    name: "headers that routes do not see",
    text: file({
      http: "route = 's'\nmatch = [{ headers = { X-Forwarded-For = { exact = 'y' }, x-a = {} } }]",
    }),
    lines: [
      '19:24: error: virtual_service[0].http[0].match[0].headers.X-Forwarded-For: this header belongs to the connection or is written by proxies: routes do not see it, found "X-Forwarded-For"',
      "19:59: error: virtual_service[0].http[0].match[0].headers.x-a: expected exactly one of exact, prefix, regex, present, found none",
    ],
  },
  {
    name: "ignore_case without a path that has cases",
    text: file({ http: "route = 's'\nmatch = [{ ignore_case = true, path = { regex = '/a' } }]" }),
    lines: [
      "19:10: error: virtual_service[0].http[0].match[0]: ignore_case needs path with exact, prefix or segment; in a regex write [Aa]",
    ],
  },
  {
    name: "path without slash",
    text: file({ http: "route = 's'\nmatch = [{ path = { exact = 'a' } }]" }),
    lines: [
      '19:21: error: virtual_service[0].http[0].match[0].path.exact: a path begins with "/", found "a"',
    ],
  },
  {
    name: "path not normal",
    text: file({ http: "route = 's'\nmatch = [{ path = { exact = '/a/%7eb' } }]" }),
    lines: [
      '19:21: error: virtual_service[0].http[0].match[0].path.exact: write it as requests are compared: "/a/~b", found "/a/%7eb"',
    ],
  },
  {
    name: "path with query",
    text: file({ http: "route = 's'\nmatch = [{ path = { exact = '/a?b' } }]" }),
    lines: [
      '19:21: error: virtual_service[0].http[0].match[0].path.exact: a path has only visible ASCII characters without ? and #; escape others with %, found "/a?b"',
    ],
  },
  {
    name: "method lower",
    text: file({ http: "route = 's'\nmatch = [{ method = ['get'] }]" }),
    lines: [
      '19:22: error: virtual_service[0].http[0].match[0].method[0]: expected an upper-case method such as "GET", found "get"',
    ],
  },
  {
    name: "redirect status",
    text: file({ http: "redirect = { host = 'b.com', status = 200 }" }),
    lines: [
      "18:30: error: virtual_service[0].http[0].redirect.status: expected one of 301, 302, 303, 307, 308, found 200",
    ],
  },
  {
    name: "redirect to itself",
    text: file({ http: "redirect = { status = 302 }" }),
    lines: [
      "18:1: error: virtual_service[0].http[0].redirect: redirects to itself: say host, path, scheme or port",
    ],
  },
  {
    name: "redirect host",
    text: file({ http: "redirect = { host = 'b.com/x' }" }),
    lines: [
      '18:14: error: virtual_service[0].http[0].redirect.host: expected a host name without a path, found "b.com/x"',
    ],
  },
  {
    name: "redirect path",
    text: file({ http: 'redirect = { path = "/a\\r\\nX: y" }' }),
    lines: [
      '18:14: error: virtual_service[0].http[0].redirect.path: a path has only visible ASCII characters without ? and #; escape others with %, found "/a\\r\\nX: y"',
    ],
  },
  {
    name: "respond without status",
    text: file({ http: "respond = { body = 'x' }" }),
    lines: [
      "18:1: error: virtual_service[0].http[0].respond.status: missing, expected a whole number from 200 to 599",
    ],
  },
  {
    name: "respond status",
    text: file({ http: "respond = { status = 101 }" }),
    lines: [
      "18:13: error: virtual_service[0].http[0].respond.status: expected a whole number from 200 to 599, found 101",
    ],
  },
  {
    name: "respond 204 with body",
    text: file({ http: "respond = { status = 204, body = 'x' }" }),
    lines: ["18:27: error: virtual_service[0].http[0].respond.body: status 204 has no body"],
  },
  {
    name: "respond framing",
    text: file({ http: "respond = { status = 200, headers = { Content-Length = '5' } }" }),
    lines: [
      '18:39: error: virtual_service[0].http[0].respond.headers.Content-Length: this header belongs to the connection or to requests and cannot be set, found "Content-Length"',
    ],
  },
  {
    name: "respond splitting",
    text: file({ http: 'respond = { status = 200, headers = { X-A = "b\\r\\nc: d" } }' }),
    lines: [
      '18:39: error: virtual_service[0].http[0].respond.headers.X-A: a header value is printable ASCII without line breaks or spaces at its ends, at most 8 KiB, found "b\\r\\nc: d"',
    ],
  },
  {
    name: "respond header twice",
    text: file({ http: "respond = { status = 200, headers = { X-A = '1', x-a = '2' } }" }),
    lines: [
      '18:50: error: virtual_service[0].http[0].respond.headers.x-a: is the same header as "X-A"',
    ],
  },
];

testWrongFiles("values of the wrong type, form or size", ROWS);
