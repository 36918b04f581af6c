/** What a route does besides choosing where a request goes, in the form in which it is done. */
import type {
  CorsPolicy,
  FaultPolicy,
  HeaderEdit,
  HttpRoute,
  RetryPolicy,
  Rewrite,
  RouteHeaders,
} from "../core/model.ts";
import { compileText } from "./compile-match.ts";
import type { HttpRouteConfig } from "./schema.ts";

type HeadersConfig = NonNullable<HttpRouteConfig["headers"]>;

/** Headers, CORS and faults of a route; what is not said is absent. Pure. */
export function compilePolicy(
  config: HttpRouteConfig,
): Pick<HttpRoute, "headers" | "cors" | "fault"> {
  const { headers, cors, fault } = config;
  return {
    ...(headers === undefined ? {} : { headers: compileHeaders(headers) }),
    ...(cors === undefined ? {} : { cors: compileCors(cors) }),
    ...(fault === undefined ? {} : { fault: compileFault(fault) }),
  };
}

/** The changes of headers. Pure. */
export function compileHeaders({ request, response }: HeadersConfig): RouteHeaders {
  return { request: compileEdit(request), response: compileEdit(response) };
}

/** What the endpoint is asked instead. Pure. */
export function compileRewrite({ path, host }: NonNullable<HttpRouteConfig["rewrite"]>): Rewrite {
  return { ...(path === undefined ? {} : { path }), ...(host === undefined ? {} : { host }) };
}

function compileEdit({ set, add, remove }: HeadersConfig["request"]): HeaderEdit {
  const templates = (values: typeof set): HeaderEdit["set"] =>
    Object.entries(values).map(([name, value]) => ({ name, value }));
  return {
    remove: remove.map((name) => name.toLowerCase()),
    set: templates(set),
    add: templates(add),
  };
}

function compileCors(config: NonNullable<HttpRouteConfig["cors"]>): CorsPolicy {
  const { max_age: maxAgeMs } = config;
  return {
    allowOrigins: config.allow_origins.map((origin) =>
      compileText({ ...origin, present: undefined }),
    ),
    allowMethods: config.allow_methods,
    allowHeaders: config.allow_headers,
    exposeHeaders: config.expose_headers,
    maxAgeSeconds: maxAgeMs === undefined ? undefined : Math.floor(maxAgeMs / 1000),
    allowCredentials: config.allow_credentials,
  };
}

function compileFault({ delay, abort }: NonNullable<HttpRouteConfig["fault"]>): FaultPolicy {
  return {
    delay: delay === undefined ? undefined : { ms: delay.fixed, percent: delay.percent },
    abort,
  };
}

/** When a request is sent again. Pure. */
export function compileRetries(config: NonNullable<HttpRouteConfig["retries"]>): RetryPolicy {
  const { attempts, per_try_timeout: perTryTimeoutMs, on } = config;
  return {
    attempts,
    perTryTimeoutMs,
    on: on.filter((condition) => typeof condition === "string"),
    statuses: on.filter((condition) => typeof condition === "number"),
  };
}
