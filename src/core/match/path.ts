/** Whether a path condition holds. */
import type { PathMatch } from "../model.ts";
import { buildRegex } from "./regex-subset.ts";

const SLASH = 0x2f;

/** Builds the predicate of a path condition. Pure; letters are ASCII, so `ignoreCase` folds nothing else. */
export function buildPathPredicate(
  match: PathMatch,
  ignoreCase: boolean,
): (path: string) => boolean {
  if (match.kind === "regex") {
    const regex = buildRegex(match.value);
    return (path) => regex.test(path);
  }
  if (!ignoreCase) return (path) => takesPath(match, path);
  const folded = { ...match, value: match.value.toLowerCase() };
  return (path) => takesPath(folded, path.toLowerCase());
}

/** `path is /a`, `path begins with /a`, `path is /a or below it`, `path matches /v\d+`. Pure. */
export function pathWords({ kind, value }: PathMatch, ignoreCase: boolean): string {
  const suffix = ignoreCase ? " (any case)" : "";
  if (kind === "exact") return `path is ${value}${suffix}`;
  if (kind === "prefix") return `path begins with ${value}${suffix}`;
  return kind === "segment" ? `path is ${value} or below it${suffix}` : `path matches ${value}`;
}

/** `path` is in normal form; `segment` "/foo" takes "/foo" and "/foo/…" and "/" takes everything. */
function takesPath({ kind, value }: PathMatch, path: string): boolean {
  if (kind === "exact") return path === value;
  if (!path.startsWith(value)) return false;
  if (kind === "prefix") return true;
  return (
    path.length === value.length || value.endsWith("/") || path.charCodeAt(value.length) === SLASH
  );
}
