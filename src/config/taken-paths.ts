/** Which paths the routes before one take wholly. */
import type { HttpRouteConfig } from "./schema.ts";

type MatchConfig = NonNullable<HttpRouteConfig["match"]>[number];
type PathConfig = NonNullable<MatchConfig["path"]>;

/**
 * The matches of routes in the order of the file, so that one look tells whether an earlier route takes all that a
 * match takes. Owned by one look through a virtual service.
 */
export class TakenPaths {
  /** Path condition → the first route that has it and no other condition. */
  readonly #exact = new Map<string, number>();
  readonly #prefix = new Map<string, number>();
  readonly #segment = new Map<string, number>();
  readonly #regex = new Map<string, number>();
  /** What a prefix may be as long as. */
  readonly #prefixLengths = new Set<number>();
  /** Matches with further conditions, whole. */
  readonly #others = new Map<string, number>();

  /** Says that a route has this match. */
  add(match: MatchConfig, route: number): void {
    const { path } = match;
    if (path === undefined || match.ignore_case || hasMoreThanPath(match)) {
      addFirst(this.#others, JSON.stringify(match), route);
      return;
    }
    const { exact, prefix, segment, regex } = path;
    // Whoever takes everything is told of elsewhere, once.
    if (prefix === "/" || segment === "/") return;
    if (prefix !== undefined) this.#prefixLengths.add(prefix.length);
    addFirst(this.#exact, exact, route);
    addFirst(this.#prefix, prefix, route);
    addFirst(this.#segment, segment, route);
    addFirst(this.#regex, regex, route);
  }

  /** The first route that surely takes all that this match takes; undefined when none is seen to. */
  taker(match: MatchConfig): number | undefined {
    const { path } = match;
    let first = this.#others.size === 0 ? undefined : this.#others.get(JSON.stringify(match));
    if (path === undefined || match.ignore_case) return first;
    for (const taker of this.#takersOfPath(path)) {
      if (taker !== undefined && taker < (first ?? Number.POSITIVE_INFINITY)) first = taker;
    }
    return first;
  }

  #takersOfPath({ exact, prefix, segment, regex }: PathConfig): (number | undefined)[] {
    const start = exact ?? segment ?? prefix;
    if (start === undefined) return [this.#regex.get(regex ?? "")];
    const takers = [this.#exact.get(exact ?? "")];
    for (const length of this.#prefixLengths) {
      if (length <= start.length) takers.push(this.#prefix.get(start.slice(0, length)));
    }
    for (let slash = start.indexOf("/", 1); slash > 0; slash = start.indexOf("/", slash + 1)) {
      takers.push(this.#segment.get(start.slice(0, slash)));
    }
    // The prefix "/a" takes "/ab" too, which the segment "/a" does not.
    if (prefix === undefined) takers.push(this.#segment.get(start));
    return takers;
  }
}

/** Whether a match has another condition than its path. Pure. */
export function hasMoreThanPath(match: MatchConfig): boolean {
  for (const [key, condition] of Object.entries(match)) {
    if (condition !== undefined && key !== "path" && key !== "ignore_case") return true;
  }
  return false;
}

function addFirst(map: Map<string, number>, key: string | undefined, route: number): void {
  if (key !== undefined && !map.has(key)) map.set(key, route);
}
