/** `balancer`, `hash` and what else decides between the endpoints of a service. */
import * as v from "valibot";
import { exactlyOne, integer, key, table, words } from "./schema-build.ts";
import {
  cookieName,
  duration,
  durationOrOff,
  matchHeaderName,
  queryName,
} from "./schema-values.ts";

/** A year; browsers keep no cookie much longer (RFC 6265bis §5.5). */
const TTL_MAX = "8760h";

const hash = v.pipe(
  table({
    header: key("The value of this header.", v.optional(matchHeaderName)),
    cookie: key("The value of this cookie, which is set when absent.", v.optional(cookieName)),
    ttl: key(
      "How long the cookie lasts; 0s = until the browser closes.",
      v.optional(duration("0s", TTL_MAX)),
    ),
    query: key("The value of this query parameter.", v.optional(queryName)),
    source_ip: key(
      "The client's address, as far as trusted proxies tell.",
      v.optional(v.literal(true, "expected true")),
    ),
  }),
  exactlyOne(["header", "cookie", "query", "source_ip"]),
);

/** Keys of a service. */
export const balanceEntries = {
  balancer: key(
    "How an endpoint is chosen. ring_hash and maglev send the same hash to the same endpoint.",
    v.optional(
      words(["least_request", "round_robin", "random", "ring_hash", "maglev"]),
      "least_request",
    ),
  ),
  hash: key(
    "What the hashing balancers hash; chance decides where it is absent.",
    v.optional(hash),
  ),
  panic_percent: key(
    "Fewer healthy endpoints than this: health is ignored. 0 = never.",
    v.optional(integer(0, 100), 50),
  ),
  slow_start: key(
    "How long an endpoint that is new or well again takes from a tenth to its full share.",
    v.optional(durationOrOff("1ms", "24h"), "off"),
  ),
};
