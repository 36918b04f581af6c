/** What is wrong between parts of the file: the place and the words. */
import { file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";
import type { Row } from "./wrong-files.ts";

const ROWS: readonly Row[] = [
  {
    name: "gateway name taken",
    text: file({
      tail: "[[gateway]]\nname = 'web'\nlisten = ':81'\nprotocol = 'http'\nhosts = ['a.com']",
    }),
    lines: ['24:1: error: gateway[2].name: the name "web" is taken by the gateway in line 2'],
  },
  {
    name: "host twice",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':81'\nprotocol = 'http'\nhosts = ['a.com', 'A.com.']",
    }),
    lines: ['27:19: error: gateway[2].hosts[1]: "a.com" stands in this list twice'],
  },
  {
    name: "host claimed twice",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8080'\nprotocol = 'http'\nhosts = ['b.com', 'a.com']",
    }),
    lines: [
      '27:19: error: gateway[2].hosts[1]: gateways "web" (line 2) and "x" (line 23) both claim "a.com" on :8080',
    ],
  },
  {
    name: "default host claimed twice",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8080'\nprotocol = 'http'\n[[gateway]]\nname = 'y'\nlisten = ':8080'\nprotocol = 'http'",
    }),
    lines: [
      '27:1: error: gateway[3].hosts: gateways "x" (line 23) and "y" (line 27) both claim "*" on :8080',
    ],
  },
  {
    name: "listen cover",
    text: file({ tail: "[[gateway]]\nname = 'x'\nlisten = '127.0.0.1:8080'\nprotocol = 'http'" }),
    lines: [
      '25:1: error: gateway[2].listen: 127.0.0.1:8080 and :8080 of gateway "web" (line 2) cover each other; use one of them',
    ],
  },
  {
    name: "listen cover v6 any",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = '127.0.0.1:81'\nprotocol = 'http'\n[[gateway]]\nname = 'y'\nlisten = '[::]:81'\nprotocol = 'http'",
    }),
    lines: [
      '29:1: error: gateway[3].listen: [::]:81 and 127.0.0.1:81 of gateway "x" (line 23) cover each other; use one of them',
    ],
  },
  {
    name: "protocols differ",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8080'\nprotocol = 'tls'\nhosts = ['b.com']",
    }),
    lines: [
      '26:1: error: gateway[2].protocol: differs from gateway "web" (line 2) on :8080, which is http; one address speaks one protocol',
    ],
  },
  {
    name: "limits differ",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8080'\nprotocol = 'http'\nhosts = ['*.a.com']\nlimits.header_count = 50\ntimeouts.header = '1s'",
    }),
    lines: [
      '28:8: error: gateway[2].limits.header_count: differs from gateway "web" (line 2) on :8080; gateways on one address must agree',
      '29:10: error: gateway[2].timeouts.header: differs from gateway "web" (line 2) on :8080; gateways on one address must agree',
    ],
  },
  {
    name: "tls on http",
    text: file({ web: "tls.mode = 'passthrough'" }),
    lines: ['7:1: error: gateway[0].tls: only for protocol = "tls": an http gateway reads no TLS'],
  },
  {
    name: "address on tls",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':81'\nprotocol = 'tls'\nhosts = ['10.0.0.1']",
    }),
    lines: [
      '27:10: error: gateway[2].hosts[0]: "10.0.0.1" is an address; a client never sends one as server name (RFC 6066 §3)',
    ],
  },
  {
    name: "admin said",
    text: file({ tail: "[admin]\nlisten = '127.0.0.1:8080'" }),
    lines: ['24:1: error: admin.listen: :8080 belongs to gateway "web" (line 2); use another port'],
  },
  {
    name: "admin default",
    text: file({ tail: "[[gateway]]\nname = 'x'\nlisten = ':9901'\nprotocol = 'http'" }),
    lines: [
      "25:1: error: gateway[2].listen: covers the admin API on 127.0.0.1:9901; use another port, or set admin.listen",
    ],
  },
  {
    name: "no gateway",
    text: "workers = 1",
    lines: [
      "1:1: error: gateway: missing, expected at least one [[gateway]], else nothing would listen",
    ],
  },
  {
    name: "nothing",
    text: "",
    lines: [
      "1:1: error: gateway: missing, expected at least one [[gateway]], else nothing would listen",
    ],
  },
  {
    name: "unknown gateway",
    text: file({ virtualService: "gateways = ['wbe', 'tls']" }),
    lines: [
      '16:13: error: virtual_service[0].gateways[0]: there is no gateway "wbe"; did you mean "web"?',
    ],
  },
  {
    name: "gateway twice",
    text: file({ virtualService: "gateways = ['web', 'web', 'tls']" }),
    lines: ['16:20: error: virtual_service[0].gateways[1]: "web" stands in this list twice'],
  },
  {
    name: "unknown service",
    text: file({ http: "route = 'ss'" }),
    lines: [
      '18:1: error: virtual_service[0].http[0].route: there is no service "ss"; did you mean "s"?',
    ],
  },
  {
    name: "text where a table belongs: what may stand in it",
    text: file({ http: 'route = "s"\nmatch = [{ headers = { x = "1" } }]\nmirror = "s"' }),
    lines: [
      '19:24: error: virtual_service[0].http[0].match[0].headers.x: expected a table with exact, prefix, regex, present, found "1"',
      '20:1: error: virtual_service[0].http[0].mirror: expected a table with to, percent, found "s"',
    ],
  },
  {
    name: "the only http gateway is wrong: no guess about its routes",
    text: file({ web: 'hosts = ["a..com"]' }).replace('hosts = ["a.com"]\nhosts', "hosts"),
    lines: [
      '6:10: error: gateway[0].hosts[0]: a host name has no empty labels: two dots, or one at the start, found "a..com"',
    ],
  },
  {
    name: "unknown service, long form",
    text: file({ http: "route = [{ to = 's' }, { to = 'zzz' }]" }),
    lines: ['18:26: error: virtual_service[0].http[0].route[1].to: there is no service "zzz"'],
  },
  {
    name: "sni outside",
    text: file({ tlsRoute: "route = 's'\nmatch = [{ sni = ['a.com', 'b.com'] }]" }),
    lines: [
      '21:28: error: virtual_service[0].tls[0].match[0].sni[1]: "b.com" is outside the hosts of this virtual service: add it to hosts',
    ],
  },
  {
    name: "sni address",
    text: file({ tlsRoute: "route = 's'\nmatch = [{ sni = ['10.0.0.1'] }]" }),
    lines: [
      '21:19: error: virtual_service[0].tls[0].match[0].sni[0]: a server name is never an address, found "10.0.0.1"',
    ],
  },
  {
    name: "tls routes on http",
    text: file({ virtualService: "gateways = ['web']" }),
    lines: [
      '19:1: error: virtual_service[0].tls[0]: gateway "web" is http: tls routes need a tls gateway in gateways',
    ],
  },
  {
    name: "match gateway of other kind",
    text: file({ http: "route = 's'\nmatch = [{ gateways = ['tls'] }]" }),
    lines: [
      '19:24: error: virtual_service[0].http[0].match[0].gateways[0]: gateway "tls" is tls: no http route sees its traffic',
    ],
  },
  {
    name: "match gateway unknown",
    text: file({ http: "route = 's'\nmatch = [{ gateways = ['wob'] }]" }),
    lines: [
      '19:24: error: virtual_service[0].http[0].match[0].gateways[0]: there is no gateway "wob"; did you mean "web"?',
    ],
  },
  {
    name: "host routed twice",
    text: file({
      tail: "[[virtual_service]]\nname = 'second'\nhosts = ['b.com', 'a.com']\nhttp = [{ route = 's' }]",
    }),
    lines: [
      '25:19: error: virtual_service[1].hosts[1]: virtual services "a.com" (line 14) and "second" (line 23) both route http for "a.com" on gateway "web"',
    ],
  },
  {
    name: "name taken",
    text: file({
      virtualService: "name = 'v'",
      tail: "[[virtual_service]]\nname = 'v'\nhosts = ['b.com']\nhttp = [{ route = 's' }]",
    }),
    lines: [
      '24:1: error: virtual_service[1].name: the name "v" is taken by the virtual service in line 14',
    ],
  },
  {
    name: "no endpoints",
    text: file({ tail: "[service.t]" }),
    lines: [
      '23:1: error: service.t: has no endpoints: say endpoints = ["10.0.0.1:80"], dns = "name:port", srv or file',
    ],
  },
  {
    name: "endpoints and dns",
    text: file({ service: "endpoints = ['10.0.0.1:80']\ndns = 'b.com:80'" }),
    lines: ["23:1: error: service.s.dns: a service has either endpoints or dns, not both"],
  },
  {
    name: "all sources",
    text: file({ service: "file = '/x'\nsrv = '_http._tcp.a.com'\ndns = 'b.com:80'" }),
    lines: [
      "23:1: error: service.s.srv: a service has either dns or srv, not both",
      "22:1: error: service.s.file: a service has either dns or file, not both",
    ].toSorted(),
  },
  {
    name: "unix endpoint twice",
    text: file({ service: "endpoints = ['unix:/x', 'unix:/x']" }),
    lines: ["22:25: error: service.s.endpoints[1]: unix:/x is in this service twice"],
  },
  {
    name: "endpoint twice",
    text: file({ service: "endpoints = ['[::1]:80', '[0:0::1]:80']" }),
    lines: ["22:26: error: service.s.endpoints[1]: [::1]:80 is in this service twice"],
  },
  {
    name: "loop",
    text: file({ service: "endpoints = ['127.0.0.1:8080']" }),
    lines: [
      '22:14: error: service.s.endpoints[0]: this is our own gateway "web" (line 2): requests would go round in a loop; if they surely do not, say allow_loop = true',
    ],
  },
  {
    name: "loop by name",
    text: file({ service: "dns = 'localhost:8443'" }),
    lines: [
      '22:1: error: service.s.dns: this is our own gateway "tls" (line 8): requests would go round in a loop; if they surely do not, say allow_loop = true',
    ],
  },
  {
    name: "loop unspecified",
    text: file({ service: "endpoints = ['0.0.0.0:8080']" }),
    lines: [
      '22:14: error: service.s.endpoints[0]: this is our own gateway "web" (line 2): requests would go round in a loop; if they surely do not, say allow_loop = true',
    ],
  },
  {
    name: "all at once",
    text: file({
      box: "worker = 1",
      web: "timeouts.hello = 5",
      http: "route = 'nope'",
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8080'\nprotocol = 'http'\nhosts = ['a.com']",
    }),
    lines: [
      '1:1: error: worker: unknown key; did you mean "workers"?',
      '7:10: error: gateway[0].timeouts.hello: expected a duration such as "5s", found 5',
      '18:1: error: virtual_service[0].http[0].route: there is no service "nope"',
      '27:10: error: gateway[2].hosts[0]: gateways "web" (line 2) and "x" (line 23) both claim "a.com" on :8080',
    ],
  },
];

testWrongFiles("what is wrong between parts of the file", ROWS);
