/** Whether a path condition holds. */
import type { PathMatch } from "../model.ts";

/** Pure. `path` is in normal form; `segment` "/foo" takes "/foo" and "/foo/…" and "/" takes everything. */
export function matchPath(match: PathMatch, path: string): boolean {
  const { value } = match;
  if (match.kind === "exact") return path === value;
  if (!path.startsWith(value)) return false;
  if (match.kind === "prefix") return true;
  return (
    path.length === value.length || value.endsWith("/") || path.charCodeAt(value.length) === 0x2f
  );
}
