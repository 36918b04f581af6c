/** `[[virtual_service]]`: where it goes. */
import * as v from "valibot";
import {
  exactlyOne,
  integer,
  key,
  list,
  listOrNone,
  record,
  shorthand,
  table,
  tables,
} from "./schema-build.ts";
import { cors, fault, mirror, retries, rewrite, routeHeaders } from "./schema-policy.ts";
import { httpMatch, tcpMatch, tlsMatch } from "./schema-match.ts";
import {
  body,
  duration,
  gatewayNames,
  headerName,
  headerValue,
  hosts,
  name,
  path,
  port,
  redirectHost,
  redirectStatus,
  responseStatus,
  scheme,
  upgradeProtocol,
} from "./schema-values.ts";

const ROUTES_MAX = 1000;
const MATCHES_MAX = 1000;
const DESTINATIONS_MAX = 100;
const UPGRADES_MAX = 100;

const place = {
  to: key("A service.", name),
  subset: key("Only these of its endpoints; see subsets of the service.", v.optional(name)),
  weight: key(
    "Share relative to the other weights of the route; 0 is never picked.",
    v.optional(integer(0, 65_535), 1),
  ),
};

const httpDestination = table({
  ...place,
  headers: key("As the route's; only where it goes to this service.", v.optional(routeHeaders)),
});

const short = v.pipe(
  name,
  v.transform((to): { to: string; weight: number; subset?: string; headers?: undefined }[] => [
    { to, weight: 1 },
  ]),
);
const EXPECTED =
  'expected a service such as "my-service", or a list such as [{ to = "my-service", weight = 1 }]';
const EXAMPLE = '[{ to = "my-service" }]';

/** `"service"` stands for `[{ to = "service" }]`. */
const route = shorthand(short, list(httpDestination, DESTINATIONS_MAX, EXAMPLE), EXPECTED);
const tlsDestinations = list(table(place), DESTINATIONS_MAX, EXAMPLE);

const redirect = table({
  host: key("Default: as in the request.", v.optional(redirectHost)),
  path: key("Default: as in the request, with its query.", v.optional(path)),
  scheme: key("Default: as in the request.", v.optional(scheme)),
  port: key("Default: the scheme's, if scheme or host is given.", v.optional(port)),
  status: key("301, 302, 303, 307 or 308.", v.optional(redirectStatus, 301)),
});

const respond = table({
  status: key("200 to 599.", responseStatus),
  body: key("Sent as UTF-8.", v.optional(body, "")),
  headers: key(
    "Not those that belong to the connection, such as Content-Length.",
    v.optional(record(headerName, headerValue), {}),
  ),
});

const httpRoute = v.pipe(
  table({
    name: key(
      "For logs, metrics and explain. Default: the virtual service's name and the index, as in example.com/http[0].",
      v.optional(name),
    ),
    match: key(
      "Any may hold, all conditions inside one must; without it, everything.",
      v.optional(list(httpMatch, MATCHES_MAX, '[{ path = { prefix = "/" } }]')),
    ),
    route: key("A service, or several with weights.", v.optional(route)),
    redirect: key(
      "Answer with a redirect; what is not said stays as requested.",
      v.optional(redirect),
    ),
    respond: key("Answer with this.", v.optional(respond)),
    rewrite: key("Only with route: what the endpoint is asked instead.", v.optional(rewrite)),
    headers: key("What is changed in headers.", v.optional(routeHeaders)),
    timeout: key("Only with route: of the whole exchange.", v.optional(duration())),
    cors: key(
      "Who may read answers from another origin's page; preflights are answered here.",
      v.optional(cors),
    ),
    fault: key("Failures made on purpose.", v.optional(fault)),
    upgrade: key(
      "Only with route: which protocols of the Upgrade header may pass; [] = none.",
      v.optional(listOrNone(upgradeProtocol, UPGRADES_MAX, '["websocket"]'), ["websocket"]),
    ),
    retries: key("Only with route: when it is sent again.", v.optional(retries)),
    mirror: key("Only with route: copies for a second service.", v.optional(mirror)),
  }),
  exactlyOne(["route", "redirect", "respond"]),
);

const tlsRoute = table({
  name: key(
    "For logs and explain. Default: the virtual service's name and the index, as in example.com/tls[0].",
    v.optional(name),
  ),
  match: key(
    "Any may hold, all conditions inside one must; without it, every name of the virtual service.",
    v.optional(list(tlsMatch, MATCHES_MAX, '[{ sni = ["example.com"] }]')),
  ),
  route: key("A service, or several with weights.", shorthand(short, tlsDestinations, EXPECTED)),
});

const tcpRoute = table({
  name: key(
    "For logs and explain. Default: the virtual service's name and the index, as in example.com/tcp[0].",
    v.optional(name),
  ),
  match: key(
    "Any may hold, all conditions inside one must; without it, everything.",
    v.optional(list(tcpMatch, MATCHES_MAX, '[{ source = ["10.0.0.0/8"] }]')),
  ),
  route: key("A service, or several with weights.", shorthand(short, tlsDestinations, EXPECTED)),
});

/** One virtual service. */
export const virtualServiceSchema = table({
  name: key("For logs and metrics; default: the first host.", v.optional(name)),
  hosts: key('Exact → longest wildcard → "*".', hosts),
  gateways: key("Names; default: every gateway.", v.optional(gatewayNames)),
  http: key(
    "Routes of http gateways, in file order; the first that matches wins.",
    v.optional(tables(httpRoute, ROUTES_MAX, "[[virtual_service.http]]"), []),
  ),
  tls: key(
    "Routes of tls gateways, in file order; the first that matches wins.",
    v.optional(tables(tlsRoute, ROUTES_MAX, "[[virtual_service.tls]]"), []),
  ),
  tcp: key(
    "Routes of tcp gateways, in file order; the first that matches wins.",
    v.optional(tables(tcpRoute, ROUTES_MAX, "[[virtual_service.tcp]]"), []),
  ),
});
