/** `match` of routes: when a route takes a request or a connection. */
import * as v from "valibot";
import { exactlyOne, flag, key, list, record, table } from "./schema-build.ts";
import {
  alpn,
  gatewayNames,
  matchHeaderName,
  matchText,
  method,
  network,
  path,
  port,
  queryName,
  regex,
  scheme,
  segmentPath,
  sniPattern,
} from "./schema-values.ts";

const SOURCES_MAX = 1000;

const sources = list(network, SOURCES_MAX, '["10.0.0.0/8"]');

const pathMatch = v.pipe(
  table({
    exact: key("The whole path.", v.optional(path)),
    prefix: key('A plain string prefix: "/foo" takes "/foobar" too.', v.optional(path)),
    segment: key('"/foo" takes "/foo" and "/foo/…".', v.optional(segmentPath)),
    regex: key("Matches the whole path; only patterns that are surely fast.", v.optional(regex)),
  }),
  exactlyOne(["exact", "prefix", "segment", "regex"]),
);

const textMatch = v.pipe(
  table({
    exact: key("The whole value.", v.optional(matchText)),
    prefix: key("How it begins.", v.optional(matchText)),
    regex: key("Matches the whole value; only patterns that are surely fast.", v.optional(regex)),
    present: key("Whether it is there at all.", v.optional(flag)),
  }),
  exactlyOne(["exact", "prefix", "regex", "present"]),
);

/** One item of an HTTP route's `match`. */
export const httpMatch = v.pipe(
  table({
    path: key("Exactly one of exact, prefix, segment and regex.", v.optional(pathMatch)),
    ignore_case: key(
      "Letters of the path are compared without case; not with a regex.",
      v.optional(flag, false),
    ),
    method: key("Any of these.", v.optional(list(method, 100, '["GET"]'))),
    headers: key(
      "All of these; several lines of one name are joined by a comma.",
      v.optional(record(matchHeaderName, textMatch)),
    ),
    without_headers: key("None of these.", v.optional(record(matchHeaderName, textMatch))),
    query: key(
      "All of these; the first value of each name, decoded.",
      v.optional(record(queryName, textMatch)),
    ),
    scheme: key(
      "What the client spoke, as far as trusted_proxies tell; else http.",
      v.optional(scheme),
    ),
    source: key(
      "The client's address, as far as trusted_proxies tell; any of these networks.",
      v.optional(sources),
    ),
    gateways: key("Came in through any of these.", v.optional(gatewayNames)),
    port: key("Came in on this port.", v.optional(port)),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { ignore_case: ignoresCase, path } = dataset.value;
    if (!ignoresCase || (path !== undefined && path.regex === undefined)) return;
    addIssue({
      message: "ignore_case needs path with exact, prefix or segment; in a regex write [Aa]",
    });
  }),
);

/** One item of a TCP route's `match`. */
export const tcpMatch = table({
  source: key("The client's address; any of these networks.", v.optional(sources)),
  port: key("Came in on this port.", v.optional(port)),
  gateways: key("Came in through any of these.", v.optional(gatewayNames)),
});

/** One item of a TLS route's `match`. */
export const tlsMatch = table({
  sni: key(
    "Any of these; within the virtual service's hosts, which are the default.",
    v.optional(list(sniPattern, 10_000, '["example.com"]')),
  ),
  alpn: key("The client offers any of these.", v.optional(list(alpn, 100, '["h2"]'))),
  ech: key(
    "Whether the client offers an encrypted ClientHello, be it GREASE; sni is the outer name.",
    v.optional(flag),
  ),
  source: key("The client's address; any of these networks.", v.optional(sources)),
  port: key("Came in on this port.", v.optional(port)),
  gateways: key("Came in through any of these.", v.optional(gatewayNames)),
});
