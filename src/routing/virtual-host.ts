/** A virtual host as a Hono app whose handlers map a request head to a Decision, and nothing else. */
import { Hono } from "hono";
import type { Handler } from "hono";
import { RegExpRouter } from "hono/router/reg-exp-router";
import {
  type HttpRequestFacts,
  buildHttpConditions,
  failedHttpCondition,
} from "../core/match/http-route.ts";
import { type OriginPredicate, buildOriginPredicate } from "../core/cors.ts";
import type { HttpMatch, HttpRoute, VirtualHost } from "../core/model.ts";

/** What a virtual host answered for one request head. */
export interface Decision {
  readonly route: HttpRoute;
  /** The match that held; undefined for a route without matches. */
  readonly match: HttpMatch | undefined;
  /** Of a route with `cors`: whose pages may read answers. */
  readonly isOriginAllowed?: OriginPredicate;
}

type DecisionHandler = (facts: HttpRequestFacts) => Decision | undefined;

/** What Hono's router keeps for a handler that was added. */
type RouterEntry = readonly [handler: DecisionHandler, route: unknown];

/** Paths that mean to Hono what they say; every other one is tested in its handler alone. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9._~-]+)+$/;

/**
 * Segment patterns given to the router, counted once for each method: the time to build it grows with their square
 * (500 take some 50 ms, 3,000 would hold up a worker for 1.5 s). Those beyond are tested one after the other, some
 * 20 ns each.
 */
const SEGMENT_PATTERNS_MAX = 500;

/**
 * Builds the app of one virtual host. Pure. Handlers test all conditions of their match themselves, so
 * that Hono's router can only narrow the candidates down, never let one in. It is the RegExpRouter alone, which takes
 * every pattern made here: the TrieRouter that Hono falls back to throws when a client's method is "constructor".
 */
export function buildVirtualHostApp(virtualHost: VirtualHost): Hono {
  const app = new Hono({ router: new RegExpRouter() });
  let segments = 0;
  for (const route of virtualHost.routes) {
    const policy =
      route.cors === undefined ? {} : { isOriginAllowed: buildOriginPredicate(route.cors) };
    if (route.matches.length === 0)
      addHandler(app, Object.freeze({ route, match: undefined, ...policy }), "*");
    for (const match of route.matches) {
      const { path, methods } = match;
      if (path?.kind === "segment") segments += methods?.length ?? 1;
      const routed = path?.kind !== "segment" || segments <= SEGMENT_PATTERNS_MAX;
      addHandler(
        app,
        Object.freeze({ route, match, ...policy }),
        routed ? routerPattern(match) : "*",
      );
    }
  }
  return app;
}

/**
 * The first route in file order that takes the request; undefined when none does. Pure and synchronous:
 * HEAD, a miss and a list of candidates go the same way, which `app.fetch` does not offer.
 */
export function decide(app: Hono, facts: HttpRequestFacts): Decision | undefined {
  const candidates = app.router.match(facts.head.method, facts.head.path)[0];
  for (const candidate of candidates) {
    const entry = candidate[0] as unknown as RouterEntry;
    const decision = entry[0](facts);
    if (decision !== undefined) return decision;
  }
  return undefined;
}

function addHandler(app: Hono, decision: Decision, pattern: string): void {
  const { match } = decision;
  const conditions = match === undefined ? [] : buildHttpConditions(match);
  const handler: DecisionHandler =
    conditions.length === 0
      ? () => decision
      : (facts) => (failedHttpCondition(conditions, facts) === undefined ? decision : undefined);
  const registered = handler as unknown as Handler;
  if (match?.methods === undefined) app.all(pattern, registered);
  else app.on([...match.methods], pattern, registered);
}

/** The narrowest Hono pattern that surely takes everything the path condition takes. */
function routerPattern({ path, ignoreCase }: HttpMatch): string {
  if (path === undefined || ignoreCase === true) return "*";
  if (path.kind === "regex" || !PLAIN_PATH.test(path.value)) return "*";
  if (path.kind === "exact") return path.value;
  return path.kind === "segment" ? `${path.value}/*` : "*";
}
