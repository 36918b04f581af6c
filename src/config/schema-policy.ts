/** What a route does besides choosing where a request goes. */
import * as v from "valibot";
import { exactlyOne, flag, integer, key, list, listOrNone, record, table } from "./schema-build.ts";
import {
  authority,
  corsHeaderName,
  corsText,
  duration,
  editedHeaderName,
  headerTemplate,
  method,
  name,
  path,
  regex,
  responseStatus,
  retryCondition,
} from "./schema-values.ts";

const EDITS_MAX = 100;
const ORIGINS_MAX = 1000;

const edit = table({
  set: key(
    "Replaces every header of that name; values may hold {client_ip}, {host}, {request_id} …",
    v.optional(record(editedHeaderName, headerTemplate), {}),
  ),
  add: key(
    "Besides those that are there.",
    v.optional(record(editedHeaderName, headerTemplate), {}),
  ),
  remove: key(
    "Taken away first.",
    v.optional(listOrNone(editedHeaderName, EDITS_MAX, '["x-internal"]'), []),
  ),
});

/** `headers` of a route or of a destination. */
export const routeHeaders = table({
  request: key("Of the request, on its way to the endpoint.", v.optional(edit, {})),
  response: key("Of the answer, on its way to the client.", v.optional(edit, {})),
});

/** `rewrite`. */
export const rewrite = table({
  path: key(
    "In place of the matched prefix or segment, or of the whole exact or regex path.",
    v.optional(path),
  ),
  host: key("The Host that the endpoint sees.", v.optional(authority)),
});

const origin = v.pipe(
  table({
    exact: key('The whole origin, or "*" for every one.', v.optional(corsText)),
    prefix: key("How it begins.", v.optional(corsText)),
    regex: key("Matches the whole origin.", v.optional(regex)),
  }),
  exactlyOne(["exact", "prefix", "regex"]),
);

/** `cors`. */
export const cors = table({
  allow_origins: key(
    "Whose pages may read answers; any of these.",
    list(origin, ORIGINS_MAX, '[{ exact = "https://example.com" }]'),
  ),
  allow_methods: key(
    "Said in answers to preflights.",
    v.optional(listOrNone(method, EDITS_MAX, '["GET"]'), []),
  ),
  allow_headers: key(
    "Said in answers to preflights.",
    v.optional(listOrNone(corsHeaderName, EDITS_MAX, '["content-type"]'), []),
  ),
  expose_headers: key(
    "Which headers of answers such pages may read.",
    v.optional(listOrNone(corsHeaderName, EDITS_MAX, '["x-total"]'), []),
  ),
  max_age: key(
    "How long browsers may keep the answer to a preflight.",
    v.optional(duration("0s", "24h")),
  ),
  allow_credentials: key("Requests may carry cookies.", v.optional(flag, false)),
});

const percent = integer(0, 100);

/** `fault`. */
export const fault = table({
  delay: key(
    "Waits before it goes on.",
    v.optional(
      table({
        fixed: key("So long, and up to 200 ms more.", duration("1ms", "1h")),
        percent: key("Of requests.", v.optional(percent, 100)),
      }),
    ),
  ),
  abort: key(
    "Answers with a status instead.",
    v.optional(
      table({
        status: key("200 to 599.", responseStatus),
        percent: key("Of requests.", v.optional(percent, 100)),
      }),
    ),
  ),
});

/** `retries`. */
export const retries = table({
  attempts: key("Besides the first.", v.optional(integer(0, 10), 2)),
  per_try_timeout: key("Of one attempt, to the head of its answer.", v.optional(duration())),
  on: key(
    "connect-failure, refused-stream (of HTTP/2), reset, 5xx, gateway-error (502 to 504), retriable-status:503.",
    v.optional(list(retryCondition, EDITS_MAX, '["connect-failure"]'), [
      "connect-failure",
      "refused-stream",
    ]),
  ),
});

/** `mirror`. */
export const mirror = table({
  to: key("A service that gets copies; its answers are dropped.", name),
  percent: key("Of requests.", v.optional(percent, 100)),
});
