/** What is not TOML, not a key, or not supported: the place and the words. */
import { file } from "./check-text.ts";
import { testWrongFiles } from "./wrong-files.ts";
import type { Row } from "./wrong-files.ts";

const ROWS: readonly Row[] = [
  {
    name: "no value",
    text: file({ box: "workers =" }),
    lines: ["1:9: error: not valid TOML: a value is missing after ="],
  },
  {
    name: "no quote",
    text: file({ web: 'selector.a = "x' }),
    lines: ["7:16: error: not valid TOML: a quote is missing at the end of the string"],
  },
  {
    name: "no quotes at all",
    text: file({ web: "timeouts.hello = 5s" }),
    lines: [
      "7:19: error: not valid TOML: only one key = value on a line, and text must stand in quotes",
    ],
  },
  {
    name: "text without quotes",
    text: file({ web: "selector.a = eu" }),
    lines: ["7:14: error: not valid TOML: unexpected character; text must stand in quotes"],
  },
  {
    name: "no closing bracket",
    text: file({ tail: '[service.t]\nendpoints = ["10.0.0.1:80"' }),
    lines: ["25:1: error: not valid TOML: a closing ] is missing"],
  },
  {
    name: "a key twice",
    text: file({ web: 'name = "other"' }),
    lines: ['7:1: error: not valid TOML: "name" is defined a second time'],
  },
  {
    name: "a table twice",
    text: file({ tail: "[service.s]" }),
    lines: ['23:10: error: not valid TOML: "s" is defined a second time'],
  },
  {
    name: "a dotted key into a table",
    text: file({ tail: "[x.y.z]\n[x]\ny.q = 1" }),
    lines: ['25:1: error: not valid TOML: "y" is defined a second time, first in line 23'],
  },
  {
    name: "two on a line",
    text: file({ box: "workers = 1 labels = {}" }),
    lines: [
      "1:13: error: not valid TOML: only one key = value on a line, and text must stand in quotes",
    ],
  },
  {
    name: "a control character",
    text: file({ box: "# \u0001" }),
    lines: [
      "1:3: error: not valid TOML: control characters (codes < 0x1f and 0x7f) are not allowed",
    ],
  },
  {
    name: "too deep",
    text: file({ box: "labels = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[" }),
    lines: ["1:42: error: nested more than 32 levels deep"],
  },
  {
    name: "unknown key at the top",
    text: file({ box: "worker = 2" }),
    lines: ['1:1: error: worker: unknown key; did you mean "workers"?'],
  },
  {
    name: "unknown key far from any",
    text: file({ box: "zzz = 2" }),
    lines: [
      "1:1: error: zzz: unknown key; expected one of labels, workers, dns, admin, log, access_log, drain, gateway, virtual_service, service",
    ],
  },
  {
    name: "unknown key in a table",
    text: file({ web: "timeout.hello = '5s'" }),
    lines: ['7:1: error: gateway[0].timeout: unknown key; did you mean "timeouts"?'],
  },
  {
    name: "unknown key below",
    text: file({ web: "timeouts.helo = '5s'" }),
    lines: ['7:10: error: gateway[0].timeouts.helo: unknown key; did you mean "hello"?'],
  },
  {
    name: "several unknown keys",
    text: file({ web: "a.b = 1\nc = 2\nd = 3" }),
    lines: [
      "7:1: error: gateway[0].a: unknown key; expected one of name, listen, protocol, hosts, selector, tls, trusted_proxies, forwarded, via, https_redirect, no_sni, proxy_protocol, limits, timeouts",
      "8:1: error: gateway[0].c: unknown key; expected one of name, listen, protocol, hosts, selector, tls, trusted_proxies, forwarded, via, https_redirect, no_sni, proxy_protocol, limits, timeouts",
      "9:1: error: gateway[0].d: unknown key; expected one of name, listen, protocol, hosts, selector, tls, trusted_proxies, forwarded, via, https_redirect, no_sni, proxy_protocol, limits, timeouts",
    ],
  },
  {
    name: "a reserved key",
    text: file({ web: "constructor = 1" }),
    lines: [
      "7:1: error: gateway[0].constructor: unknown key; expected one of name, listen, protocol, hosts, selector, tls, trusted_proxies, forwarded, via, https_redirect, no_sni, proxy_protocol, limits, timeouts",
    ],
  },
  {
    name: "a reserved name",
    text: file({ tail: '[service.__proto__]\nendpoints = ["10.0.0.1:80"]' }),
    lines: [
      '23:1: error: service.__proto__: "__proto__", "constructor" and "prototype" cannot be names',
    ],
  },
  {
    name: "tracing",
    text: file({ tail: '[tracing]\nendpoint = "http://x"' }),
    lines: ["23:1: error: tracing: not supported by this version"],
  },
  {
    name: "access_log.sample",
    text: file({ tail: "[access_log]\nsample = 0.5" }),
    lines: ["24:1: error: access_log.sample: not supported by this version"],
  },
  {
    name: "access_log.format",
    text: file({ tail: '[access_log]\nformat = "combined"' }),
    lines: [
      '24:1: error: access_log.format: "combined" is not supported by this version, expected "json"',
    ],
  },
  {
    name: "protocol https",
    text: file({ tail: '[[gateway]]\nname = "x"\nlisten = ":1"\nprotocol = "https"' }),
    lines: [
      '26:1: error: gateway[2].protocol: "https" is not supported by this version, expected one of "http", "tls", "tcp"',
    ],
  },
  {
    name: "protocol unknown",
    text: file({ tail: '[[gateway]]\nname = "x"\nlisten = ":1"\nprotocol = "htpp"' }),
    lines: [
      '26:1: error: gateway[2].protocol: expected one of "http", "tls", "tcp", found "htpp"; did you mean "http"?',
    ],
  },
  {
    name: "tls.mode mutual",
    text: file({ tls: 'tls.mode = "mutual"' }),
    lines: [
      '13:5: error: gateway[1].tls.mode: "mutual" is not supported by this version, expected "passthrough"',
    ],
  },
  {
    name: "tls.certificate",
    text: file({ tls: 'tls.certificate = "/x"' }),
    lines: ["13:5: error: gateway[1].tls.certificate: not supported by this version"],
  },
  {
    name: "service keys",
    text: file({
      service: 'endpoints = ["10.0.0.1:80"]\noutlier.error = 1\npool.retriess = 1',
    }),
    lines: [
      '23:9: error: service.s.outlier.error: unknown key; did you mean "errors"?',
      '24:6: error: service.s.pool.retriess: unknown key; did you mean "retries"?',
    ],
  },
  {
    name: "unix endpoints",
    text: file({ service: 'endpoints = ["unix:x", "unix:@x", "unix:/run/x:80"]' }),
    lines: [
      '22:14: error: service.s.endpoints[0]: expected an absolute path after "unix:", found "unix:x"',
      '22:24: error: service.s.endpoints[1]: an abstract socket is not supported: it has no path, found "unix:@x"',
    ],
  },
  {
    name: "srv",
    text: file({ service: "srv = '_http._tcp.a.com:80'" }),
    lines: [
      '22:1: error: service.s.srv: expected a name without a port: SRV records bring it, found "_http._tcp.a.com:80"',
    ],
  },
  {
    name: "file of endpoints",
    text: file({ service: "file = 'web.json'" }),
    lines: ['22:1: error: service.s.file: expected an absolute path, found "web.json"'],
  },
];

testWrongFiles("what is not TOML, not a key, or not supported", ROWS);
