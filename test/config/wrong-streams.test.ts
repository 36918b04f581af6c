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
];

testWrongFiles("passed-through connections", ROWS);
