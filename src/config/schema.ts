/**
 * The only definition of the configuration file: keys, types, defaults, bounds, units and descriptions. Keys and
 * words of the contract that this version does not honour stand here too, as data, so that they are told from
 * mistakes.
 */
import * as v from "valibot";
import { flag, integer, key, list, record, table, tables, words } from "./schema-build.ts";
import { gatewaySchema } from "./schema-gateway.ts";
import { serviceSchema } from "./schema-service.ts";
import { adminAddress, dnsServer, duration, label, logPath, name } from "./schema-values.ts";
import { virtualServiceSchema } from "./schema-virtual-service.ts";

const GATEWAYS_MAX = 10_000;
const VIRTUAL_SERVICES_MAX = 100_000;
const WORKERS_MAX = 256;

const dns = table({
  servers: key(
    "Asked instead of those in /etc/resolv.conf; for a box whose own DNS points at itself.",
    v.optional(list(dnsServer, 10, '["127.0.0.1:53"]')),
  ),
});

const admin = table({
  listen: key(
    'The admin API: an address, "unix:/path" or "off".',
    v.optional(adminAddress, "127.0.0.1:9901"),
  ),
});

const log = table({
  level: key(
    "The least severe message that is logged.",
    v.optional(words(["debug", "info", "warning", "error"]), "info"),
  ),
  format: key(
    "json: one object a line. text: for people.",
    v.optional(words(["json", "text"]), "json"),
  ),
});

const accessLog = table(
  {
    ja4: key("Log the JA4 fingerprint of TLS clients, for protocol tls.", v.optional(flag, false)),
    path: key(
      '"stdout", "off", or a file that is reopened on SIGUSR1.',
      v.optional(logPath, "stdout"),
    ),
    format: key("One object a line.", v.optional(words(["json"], ["combined"]), "json")),
    query: key("Log the query string too.", v.optional(flag, false)),
  },
  ["sample"],
);

const drain = table({
  delay: key(
    "Not ready, but still accepting: time for whoever sends traffic to notice.",
    v.optional(duration("0s"), "0s"),
  ),
  requests: key("How long requests may take to finish.", v.optional(duration("0s"), "30s")),
  tunnels: key("How long passed-through connections may stay.", v.optional(duration("0s"), "5m")),
});

/** The whole file. */
export const configSchema = table(
  {
    labels: key(
      "What this box is; see a gateway's selector.",
      v.optional(record(label, label), {}),
    ),
    workers: key(
      "Data-plane threads; 0 = one for each CPU that the process may use.",
      v.optional(integer(0, WORKERS_MAX), 0),
    ),
    dns: key("How names are looked up.", v.optional(dns, {})),
    admin: key("The admin API.", v.optional(admin, {})),
    log: key("The program's own log, on stderr.", v.optional(log, {})),
    access_log: key("One line for every request and every connection.", v.optional(accessLog, {})),
    drain: key("What stop and upgrade wait for.", v.optional(drain, {})),
    gateway: key(
      "What is let in; at least one.",
      v.optional(tables(gatewaySchema, GATEWAYS_MAX, "[[gateway]]"), []),
    ),
    virtual_service: key(
      "Where it goes.",
      v.optional(tables(virtualServiceSchema, VIRTUAL_SERVICES_MAX, "[[virtual_service]]"), []),
    ),
    service: key("What is there.", v.optional(record(name, serviceSchema), {})),
  },
  ["tracing"],
);

/** The file as the rest of this folder sees it: defaults filled in, units converted. */
export type Config = v.InferOutput<typeof configSchema>;
/** One `[[gateway]]`. */
export type GatewayConfig = Config["gateway"][number];
/** One `[[virtual_service]]`. */
export type VirtualServiceConfig = Config["virtual_service"][number];
/** One `[[virtual_service.http]]`. */
export type HttpRouteConfig = VirtualServiceConfig["http"][number];
/** One `[[virtual_service.tls]]`. */
export type TlsRouteConfig = VirtualServiceConfig["tls"][number];
/** One `[[virtual_service.tcp]]`. */
export type TcpRouteConfig = VirtualServiceConfig["tcp"][number];
/** One `[service.NAME]`. */
export type ServiceConfig = Config["service"][string];
