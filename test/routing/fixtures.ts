/** Virtual hosts made short. */
import type { HttpRequestFacts } from "../../src/core/match/http-route.ts";
import type { HttpMatch, HttpRoute, PathMatch, VirtualHost } from "../../src/core/model.ts";

const origin = { line: 1, column: 1 };

/** A virtual host whose routes are called 0, 1, 2 …, each with its matches. */
export function virtualHost(...routes: readonly (readonly HttpMatch[])[]): VirtualHost {
  return { name: "test", hosts: ["*"], routes: routes.map(route), origin };
}

function route(matches: readonly HttpMatch[], index: number): HttpRoute {
  const action = { kind: "respond", status: 200, body: "", headers: [], requestSlots: [] } as const;
  return { name: String(index), matches, action, origin };
}

/** A match of one path condition: `exact /a`, `prefix /a`, `segment /a`. */
export function on(condition: string, more: HttpMatch = {}): HttpMatch {
  const space = condition.indexOf(" ");
  const kind = condition.slice(0, space) as PathMatch["kind"];
  return { path: { kind, value: condition.slice(space + 1) }, ...more };
}

/** A request: `GET /a`. */
export function request(line: string, more: Partial<HttpRequestFacts> = {}): HttpRequestFacts {
  const space = line.indexOf(" ");
  const [method, path] = [line.slice(0, space), line.slice(space + 1)];
  return { method, path, gateway: "web", port: 80, ...more };
}
