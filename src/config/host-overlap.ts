/** Which host patterns have names in common. */

/** A set of folded host patterns, ready to be asked. */
export interface HostSet {
  readonly any: boolean;
  readonly isEmpty: boolean;
  readonly exact: ReadonlySet<string>;
  /** `*.example.com` as `example.com`. */
  readonly wildcard: ReadonlySet<string>;
  /** Every suffix below which the set has something. */
  readonly suffixes: ReadonlySet<string>;
}

/** Prepares patterns. Pure. */
export function buildHostSet(patterns: readonly string[]): HostSet {
  const exact = new Set<string>();
  const wildcard = new Set<string>();
  const suffixes = new Set<string>();
  let any = false;
  for (const pattern of patterns) {
    if (pattern === "*") any = true;
    else if (pattern.startsWith("*.")) wildcard.add(pattern.slice(2));
    else exact.add(pattern);
    for (const suffix of parents(pattern)) suffixes.add(suffix);
  }
  return { any, isEmpty: patterns.length === 0, exact, wildcard, suffixes };
}

/** Whether the set takes every name that the pattern takes. Pure; cost grows with the pattern's labels. */
export function contains(set: HostSet, pattern: string): boolean {
  if (set.any || set.exact.has(pattern)) return true;
  for (const suffix of parents(pattern)) if (set.wildcard.has(suffix)) return true;
  return false;
}

/** Whether some name is taken both by the set and by the pattern. Pure; cost as `contains`. */
export function overlaps(set: HostSet, pattern: string): boolean {
  if (set.isEmpty) return false;
  if (pattern === "*" || contains(set, pattern)) return true;
  return pattern.startsWith("*.") && set.suffixes.has(pattern.slice(2));
}

/** `a.b.c` → `b.c`, `c`; of a wildcard `*.b.c` the same. An address has none. */
function* parents(pattern: string): Generator<string> {
  if (pattern.startsWith("[")) return;
  for (let dot = pattern.indexOf("."); dot >= 0; dot = pattern.indexOf(".", dot + 1)) {
    yield pattern.slice(dot + 1);
  }
}
