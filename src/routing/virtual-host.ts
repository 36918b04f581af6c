/** A virtual host as a Hono app whose handlers map a request head to a Decision, and nothing else. */
import { Hono } from "hono";
import type { Handler } from "hono";
import { type HttpRequestFacts, matchHttp } from "../core/match/http-route.ts";
import type { HttpMatch, HttpRoute, VirtualHost } from "../core/model.ts";

/** What a virtual host answered for one request head. */
export interface Decision {
  readonly route: HttpRoute;
  /** The match that held; undefined for a route without matches. */
  readonly match: HttpMatch | undefined;
}

type DecisionHandler = (facts: HttpRequestFacts) => Decision | undefined;

/** What Hono's router keeps for a handler that was added. */
type RouterEntry = readonly [handler: DecisionHandler, route: unknown];

/** Paths that mean to Hono what they say; every other one is tested in its handler alone. */
const PLAIN_PATH = /^(?:\/[A-Za-z0-9._~-]+)+$/;

/**
 * Builds the app of one virtual host. Pure. Handlers test all conditions of their match themselves, so
 * that Hono's router can only narrow the candidates down, never let one in.
 */
export function buildVirtualHostApp(virtualHost: VirtualHost): Hono {
  const app = new Hono();
  for (const route of virtualHost.routes) {
    if (route.matches.length === 0) addHandler(app, route, undefined);
    for (const match of route.matches) addHandler(app, route, match);
  }
  return app;
}

/**
 * The first route in file order that takes the request; undefined when none does. Pure and synchronous:
 * HEAD, a miss and a list of candidates go the same way, which `app.fetch` does not offer.
 */
export function decide(app: Hono, facts: HttpRequestFacts): Decision | undefined {
  const candidates = app.router.match(facts.method, facts.path)[0];
  for (const candidate of candidates) {
    const entry = candidate[0] as unknown as RouterEntry;
    const decision = entry[0](facts);
    if (decision !== undefined) return decision;
  }
  return undefined;
}

function addHandler(app: Hono, route: HttpRoute, match: HttpMatch | undefined): void {
  const decision: Decision = Object.freeze({ route, match });
  const handler: DecisionHandler =
    match === undefined
      ? () => decision
      : (facts) => (matchHttp(match, facts) ? decision : undefined);
  const pattern = routerPattern(match);
  const registered = handler as unknown as Handler;
  if (match?.methods === undefined) app.all(pattern, registered);
  else app.on([...match.methods], pattern, registered);
}

/** The narrowest Hono pattern that surely takes everything the match takes. */
function routerPattern(match: HttpMatch | undefined): string {
  const path = match?.path;
  if (path === undefined || !PLAIN_PATH.test(path.value)) return "*";
  if (path.kind === "exact") return path.value;
  return path.kind === "segment" ? `${path.value}/*` : "*";
}
