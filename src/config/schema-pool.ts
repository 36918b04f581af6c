/** `pool` and `tls` of a service: its connections to the endpoints. */
import * as v from "valibot";
import { flag, integer, integerOrOff, key, table, words } from "./schema-build.ts";
import { filePath, serverName } from "./schema-values.ts";

/** More than a process has descriptors. */
const CONNECTIONS_MAX = 1_000_000;
const WARM_MAX = 1000;

/** What may be in use at once, over all workers. */
export const poolSchema = table({
  connections: key(
    "Open to the service, idle ones included; the next request waits.",
    v.optional(integer(1, CONNECTIONS_MAX), 1024),
  ),
  endpoint_connections: key(
    "Of these, to one endpoint.",
    v.optional(integerOrOff(1, CONNECTIONS_MAX), "off"),
  ),
  pending: key(
    "Requests and connections that wait for one; the next is refused (503, overflow).",
    v.optional(integer(0, CONNECTIONS_MAX), 1024),
  ),
  requests_per_connection: key(
    "Then it is closed.",
    v.optional(integerOrOff(1, CONNECTIONS_MAX), "off"),
  ),
  retries: key(
    "Requests that are sent again after an endpoint has got them, at once.",
    v.optional(integer(0, CONNECTIONS_MAX), 3),
  ),
  warm: key(
    "Connections kept ready in each worker, for tls and tcp routes.",
    v.optional(integer(0, WARM_MAX), 0),
  ),
});

/** TLS to the endpoints. */
export const endpointTlsSchema = table({
  mode: key(
    "simple: they show a certificate; mutual: we show one too.",
    v.optional(words(["simple", "mutual"]), "simple"),
  ),
  sni: key(
    "The server name that is sent and verified; default: the DNS name of the endpoint.",
    v.optional(serverName),
  ),
  ca: key(
    "A PEM file with the authorities that are trusted; default: those of the box.",
    v.optional(filePath),
  ),
  certificate: key(
    "A PEM file: ours, with what is between it and its authority.",
    v.optional(filePath),
  ),
  private_key: key("A PEM file: the key of the certificate.", v.optional(filePath)),
  insecure: key("Certificates are not verified: for tests only.", v.optional(flag, false)),
});
