/** `[service.NAME]`: what is there. */
import * as v from "valibot";
import { balanceEntries } from "./schema-balance.ts";
import {
  flag,
  integer,
  key,
  list,
  listOrNone,
  record,
  shorthand,
  table,
  words,
} from "./schema-build.ts";
import { healthEntries } from "./schema-health.ts";
import { endpointTlsSchema, poolSchema } from "./schema-pool.ts";
import { dnsName, duration, endpointsPath, label, name, peer, srvName } from "./schema-values.ts";

const ENDPOINTS_MAX = 1000;
/** In a file, which a program has written. */
export const LISTED_MAX = 10_000;
const WEIGHT_MAX = 1000;

const labels = record(label, label);

const endpointTable = table({
  address: key(
    '"10.0.0.1:80", "[2001:db8::1]:80", "unix:/path", or a name that is looked up.',
    peer,
  ),
  weight: key("Share relative to the other endpoints.", v.optional(integer(1, WEIGHT_MAX), 1)),
  labels: key("What it is; see subsets.", v.optional(labels)),
  zone: key("Where it is; the zone of the box, labels.zone, comes first.", v.optional(label)),
  backup: key("Used only when no other endpoint is left.", v.optional(flag, false)),
});

type EndpointTable = v.InferOutput<typeof endpointTable>;

const endpoint = shorthand(
  v.pipe(
    peer,
    v.transform((address): EndpointTable => ({ address, weight: 1, backup: false })),
  ),
  endpointTable,
  'expected an address such as "10.0.0.1:80", or { address = "10.0.0.1:80", weight = 1 }',
);

/** What a file of endpoints holds. An empty list says that there are none. */
export const endpointListSchema = listOrNone(endpoint, LISTED_MAX, '["10.0.0.1:80"]');

/** One of a list of endpoints. */
export type EndpointConfig = v.InferOutput<typeof endpoint>;

const timeouts = table({
  connect: key("To connect to an endpoint.", v.optional(duration(), "5s")),
  response: key("To the response head.", v.optional(duration(), "60s")),
  idle: key("A kept-alive upstream connection unused.", v.optional(duration(), "60s")),
});

/** One service. */
export const serviceSchema = table({
  endpoints: key(
    "Interchangeable places; names are looked up.",
    v.optional(list(endpoint, ENDPOINTS_MAX, '["10.0.0.1:80"]')),
  ),
  dns: key(
    '"name:port": every A and AAAA address is an endpoint, looked up again when its TTL ends.',
    v.optional(dnsName),
  ),
  srv: key(
    "A name whose SRV records say where the endpoints are; asked for every 5 seconds.",
    v.optional(srvName),
  ),
  file: key(
    "A JSON file with a list as endpoints has it; a change counts within 2 seconds.",
    v.optional(endpointsPath),
  ),
  subsets: key(
    "Parts of the service that a route can name: the endpoints whose labels contain these.",
    v.optional(record(name, labels), {}),
  ),
  ...balanceEntries,
  allow_loop: key(
    "Its endpoints may be our own gateways, and what it sends may come back.",
    v.optional(flag, false),
  ),
  proxy_protocol: key(
    "The PROXY header that each connection begins with; it is never shared by clients then.",
    v.optional(words(["off", "v1", "v2"]), "off"),
  ),
  ...healthEntries,
  timeouts: key("Towards the endpoints.", v.optional(timeouts, {})),
  pool: key("Connections to the endpoints, over all workers.", v.optional(poolSchema, {})),
  tls: key("TLS to the endpoints; without it: plain.", v.optional(endpointTlsSchema)),
});
