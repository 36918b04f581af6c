/** `health_check` and `outlier` of a service: which endpoints are left out. */
import * as v from "valibot";
import { failed, success } from "../core/result.ts";
import { exactlyOne, integer, key, list, shorthand, table, text } from "./schema-build.ts";
import { authority, duration, responseStatus } from "./schema-values.ts";

const PATH_LENGTH_MAX = 2048;
/** Its length is one byte of the message. */
const GRPC_SERVICE_LENGTH_MAX = 127;
const STATUSES_MAX = 100;
const TIMES_MAX = 1000;
/** A shorter interval is a load and no check. */
const INTERVAL_MIN = "100ms";
/** Far below what a timer can wait, jitter included. */
const INTERVAL_MAX = "24h";

/** Sent as it stands: it is compared with nothing. */
const checkPath = text('expected a path such as "/healthz"', (value) =>
  value.length <= PATH_LENGTH_MAX && /^\/[!"$-~]*$/.test(value)
    ? success(value)
    : failed('expected a path that begins with "/", of visible ASCII characters without #'),
);

const grpcService = text("expected the name of a gRPC service", (value) =>
  value.length <= GRPC_SERVICE_LENGTH_MAX && /^[\w./-]*$/.test(value)
    ? success(value)
    : failed('expected the name of a gRPC service, or "" for the whole peer'),
);

const healthCheck = v.pipe(
  table({
    path: key("Asked for with GET over HTTP/1.1.", v.optional(checkPath)),
    tcp: key(
      "Whether a connection can be made is all that is checked.",
      v.optional(v.literal(true, "expected true")),
    ),
    grpc: key(
      'This service is asked for by the health checking protocol of gRPC; "" = the whole peer.',
      v.optional(grpcService),
    ),
    host: key(
      "The Host; without it the endpoint's DNS name, else the service's name.",
      v.optional(authority),
    ),
    interval: key(
      "From one check to the next.",
      v.optional(duration(INTERVAL_MIN, INTERVAL_MAX), "5s"),
    ),
    timeout: key("Of one check, connecting included.", v.optional(duration("1ms", "1h"), "2s")),
    unhealthy: key("Failures in a row.", v.optional(integer(1, TIMES_MAX), 3)),
    healthy: key("Successes in a row, to be used again.", v.optional(integer(1, TIMES_MAX), 2)),
    expect: key(
      "Statuses that are a success.",
      v.optional(list(responseStatus, STATUSES_MAX, "[200]")),
    ),
  }),
  exactlyOne(["path", "tcp", "grpc"]),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const { path, tcp, host, expect } = dataset.value;
    if (path === undefined && expect !== undefined)
      addIssue({ message: "expect goes with path alone" });
    if (tcp === true && host !== undefined) addIssue({ message: "host does not go with tcp" });
  }),
);

const outlier = shorthand(
  v.pipe(
    v.picklist(["off"], 'expected a table such as { errors = 5 }, or "off"'),
    v.transform(() => undefined),
  ),
  table({
    errors: key("In a row.", v.optional(integer(1, TIMES_MAX), 5)),
    interval: key(
      "Between two looks at who may come back.",
      v.optional(duration(INTERVAL_MIN, INTERVAL_MAX), "10s"),
    ),
    ejection: key(
      "The first time; it doubles with each further one, up to 5 minutes.",
      v.optional(duration("1ms", INTERVAL_MAX), "30s"),
    ),
    max_percent: key(
      "Of the endpoints, out at once; one always may, unless it is the last.",
      v.optional(integer(0, 100), 10),
    ),
  }),
  'expected a table such as { errors = 5 }, or "off"',
);

/** Keys of a service. */
export const healthEntries = {
  health_check: key("Active checks of every endpoint; without it: none.", v.optional(healthCheck)),
  outlier: key(
    "Endpoints whose requests fail are left out for a while: 5xx, resets and connect failures in a row.",
    v.optional(outlier, {}),
  ),
};
