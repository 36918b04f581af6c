/** `[[gateway]]`: what is let in. */
import * as v from "valibot";
import {
  flag,
  integer,
  integerOrOff,
  key,
  list,
  listOrNone,
  record,
  table,
  words,
} from "./schema-build.ts";
import { duration, hosts, label, listen, name, network, size, sizeOrOff } from "./schema-values.ts";

/** Each is compared with every hop of a request that a trusted proxy sent. */
const TRUSTED_PROXIES_MAX = 1000;

const limits = table({
  connections: key(
    "Open at once, over all workers, and never more than the descriptors allow.",
    v.optional(integer(1, 10_000_000), 20_000),
  ),
  connections_per_ip: key(
    'Of these, from one IPv4 address or IPv6 /64; or "off".',
    v.optional(integerOrOff(1, 10_000_000), "off"),
  ),
  hello: key(
    "Bytes of a ClientHello, all its TLS records together.",
    v.optional(size("1KiB", "1MiB"), "64KiB"),
  ),
  header_bytes: key("Bytes of a request head.", v.optional(size("1KiB", "1MiB"), "32KiB")),
  header_count: key("Header lines of a request.", v.optional(integer(1, 10_000), 100)),
  body: key(
    'Bytes of a request body: 413; or "off".',
    v.optional(sizeOrOff("1B", "1024TiB"), "off"),
  ),
  requests_per_connection: key(
    'Requests of one connection, which ends with the last of them; or "off".',
    v.optional(integerOrOff(1, 1_000_000_000), "off"),
  ),
});

const timeouts = table({
  hello: key(
    "From the start of a connection to its whole ClientHello.",
    v.optional(duration(), "10s"),
  ),
  header: key(
    "From the first byte of a request to the end of its head.",
    v.optional(duration(), "10s"),
  ),
  body_idle: key("Between two pieces of a body.", v.optional(duration(), "60s")),
  keep_alive: key("An idle connection between two requests.", v.optional(duration(), "75s")),
  tunnel_idle: key(
    "No byte in either direction of a passed-through connection.",
    v.optional(duration(), "1h"),
  ),
});

const tls = table(
  {
    mode: key(
      "passthrough: the SNI is read, nothing is decrypted.",
      v.optional(words(["passthrough"], ["simple", "mutual"])),
    ),
  },
  ["certificate", "private_key", "client_ca", "min_version"],
);

/** One gateway. */
export const gatewaySchema = table({
  name: key("Unique; virtual services refer to it.", name),
  listen: key('":80" is every address, v4 and v6; or "127.0.0.1:80", "[::1]:80".', listen),
  protocol: key(
    "http: routed by Host. tls: routed by SNI and passed through. tcp: passed through unread.",
    words(["http", "tls", "tcp"], ["https"]),
  ),
  hosts: key(
    'Who is let in: exact names, "*.example.com" (any depth below), or "*".',
    v.optional(hosts, ["*"]),
  ),
  selector: key(
    "The gateway is served only on boxes whose labels contain these.",
    v.optional(record(label, label), {}),
  ),
  tls: key("Only for protocol tls.", v.optional(tls)),
  trusted_proxies: key(
    "Only for protocol http: whose X-Forwarded-… is believed and appended to; anyone else's is overwritten.",
    v.optional(listOrNone(network, TRUSTED_PROXIES_MAX, '["10.0.0.0/8"]'), []),
  ),
  forwarded: key(
    "Only for protocol http: Forwarded is sent to endpoints too (RFC 7239).",
    v.optional(flag, false),
  ),
  via: key("Only for protocol http: Via is sent too.", v.optional(flag, false)),
  https_redirect: key(
    "Only for protocol http: 301 to https for everything that did not come by https to a trusted proxy.",
    v.optional(flag, false),
  ),
  no_sni: key(
    'Only for protocol tls: "reject", or the service for connections without a server name.',
    v.optional(name, "reject"),
  ),
  proxy_protocol: key(
    "A PROXY header, version 1 or 2, is required from these networks; all others are refused.",
    v.optional(
      table({
        trusted: key(
          "Whose header is believed.",
          list(network, TRUSTED_PROXIES_MAX, '["10.0.0.0/8"]'),
        ),
      }),
    ),
  ),
  limits: key("Gateways on one listen must agree.", v.optional(limits, {})),
  timeouts: key("Gateways on one listen must agree.", v.optional(timeouts, {})),
});
