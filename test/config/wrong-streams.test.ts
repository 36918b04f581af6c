/** Mistakes in what concerns passed-through connections. */
import { file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";
import type { Row } from "./wrong-files.ts";

const ROWS: readonly Row[] = [
  {
    name: "no_sni on http",
    text: file({ web: "no_sni = 's'" }),
    lines: ['7:1: error: gateway[0].no_sni: only for protocol = "tls": others read no server name'],
  },
  {
    name: "no_sni without such a service",
    text: file({ tls: "no_sni = 't'" }),
    lines: ['13:1: error: gateway[1].no_sni: there is no service "t"; did you mean "s"?'],
  },
  {
    name: "no_sni twice on one address",
    text: file({
      tls: "no_sni = 's'",
      tail: "[[gateway]]\nname = 'x'\nlisten = ':8443'\nprotocol = 'tls'\nhosts = ['*.a.com']\nno_sni = 's'",
    }),
    lines: [
      '28:1: error: gateway[2].no_sni: gateway "tls" (line 8) on the same address takes connections without a server name; say it once',
    ],
  },
  {
    name: "proxy_protocol that trusts nobody",
    text: file({ web: "proxy_protocol = { trusted = [] }" }),
    lines: [
      '7:20: error: gateway[0].proxy_protocol.trusted: expected a list such as ["10.0.0.0/8"], found an empty one',
    ],
  },
  {
    name: "two tcp gateways on one address",
    text: file({
      tail: "[[gateway]]\nname = 'x'\nlisten = ':22'\nprotocol = 'tcp'\nhosts = ['x']\n[[gateway]]\nname = 'y'\nlisten = ':22'\nprotocol = 'tcp'\nhosts = ['y']",
    }),
    lines: [
      '30:1: error: gateway[3].listen: gateway "x" (line 23) on :22 stands there already; nothing is read that could tell tcp gateways on one address apart',
    ],
  },
  {
    name: "tcp routes without a tcp gateway",
    text: file({
      tail: "[[virtual_service]]\nhosts = ['b.com']\ngateways = ['web']\n[[virtual_service.tcp]]\nroute = 's'",
    }),
    lines: [
      '26:1: error: virtual_service[1].tcp[0]: gateway "web" is http: tcp routes need a tcp gateway in gateways',
    ],
  },
  {
    name: "tcp match by what is never read",
    text: file({
      tail: "[[virtual_service]]\nhosts = ['b.com']\n[[virtual_service.tcp]]\nmatch = [{ sni = ['b.com'] }]\nroute = 's'",
    }),
    lines: [
      "25:1: warning: virtual_service[1].tcp[0]: never used: no gateway of this file is tcp",
      "26:12: error: virtual_service[1].tcp[0].match[0].sni: unknown key; expected one of source, port, gateways",
    ],
  },
];

testWrongFiles("passed-through connections", ROWS);
