/** Virtual hosts made short. */
import { FieldLines } from "../../src/core/http1/field-lines.ts";
import { type RequestHead, parseRequestHead } from "../../src/core/http1/request-head.ts";
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
  const head = headOf(line.slice(0, space), line.slice(space + 1));
  return { head, gateway: "web", port: 80, client: "192.0.2.1", scheme: "http", ...more };
}

/** A head without the parser, so that its path may be anything; `fields`: name, value, name, value … */
export function headOf(
  method: string,
  path: string,
  { query = "", fields = [] as readonly string[] } = {},
): RequestHead {
  const parsed = parseRequestHead("GET / HTTP/1.1\r\nHost: a.com\r\n\r\n", 10);
  if (!parsed.ok) throw new Error(parsed.error.detail);
  const section = { ...parsed.value.section, lines: FieldLines.of(fields) };
  return { ...parsed.value, method, path, query, section };
}
