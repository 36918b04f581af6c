/** The path that an endpoint is asked for in place of the one that was matched. */
import { normalisePath } from "./http1/target.ts";
import type { HttpMatch } from "./model.ts";

/**
 * Replaces what the match took by `value`: a matched prefix or segment, else the whole path; a match without a path is one
 * of segment "/". At the seam one slash of two is dropped. Pure. Undefined when the result is not in normal form: then
 * the rest of the path would climb over what it was put behind ("/foo.." behind "/bar/" is "/bar/.."). `*` stays.
 */
export function rewritePath(
  path: string,
  match: HttpMatch | undefined,
  value: string,
): string | undefined {
  if (!path.startsWith("/")) return path;
  const condition = match?.path ?? { kind: "segment", value: "/" };
  if (condition.kind === "exact" || condition.kind === "regex") return value;
  const isRoot = condition.kind === "segment" && condition.value === "/";
  const rest = path.slice(isRoot ? 0 : condition.value.length);
  const joined = joinPath(value, rest);
  return normalisePath(joined) === joined ? joined : undefined;
}

function joinPath(value: string, rest: string): string {
  return value.endsWith("/") && rest.startsWith("/") ? value + rest.slice(1) : value + rest;
}
