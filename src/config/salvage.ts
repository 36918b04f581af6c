/** Which parts of a file to set aside after a mistake, so that everything else can still be checked. */
import type { Path } from "./document.ts";

/** One thing that the schema refused. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** A key that is not known or not supported: the table is fine without it. */
  readonly isExtraKey: boolean;
}

/** Keys whose default can stand in without a word that other checks would misread. */
const HARMLESS: ReadonlySet<string> = new Set([
  "limits",
  "timeouts",
  "tls",
  "trusted_proxies",
  "forwarded",
  "via",
  "https_redirect",
  "no_sni",
  "proxy_protocol",
  "balancer",
  "hash",
  "panic_percent",
  "slow_start",
]);

/**
 * The smallest parts to take out: an extra key alone, a limit or time-out alone, else the whole route, gateway,
 * virtual service or service, because half of one would look like other mistakes. Pure. Later items of a list
 * come first, so that removing one does not move the next; no path lies within another.
 */
export function damagedPaths(problems: readonly Problem[]): Path[] {
  const paths = new Map<string, Path>();
  for (const problem of problems) {
    const path = damagedPath(problem);
    paths.set(JSON.stringify(path), path);
  }
  return [...paths.values()].filter((path) => !isInside(path, paths)).toSorted(laterFirst);
}

function damagedPath({ path, isExtraKey }: Problem): Path {
  if (isExtraKey) return path;
  const [section, item, part, index] = path;
  if (section === "virtual_service" && (part === "http" || part === "tls" || part === "tcp")) {
    return path.slice(0, index === undefined ? 2 : 4);
  }
  if (section === "gateway" || section === "service") {
    return HARMLESS.has(String(part)) ? path : path.slice(0, 2);
  }
  return item === undefined ? path : path.slice(0, section === "virtual_service" ? 2 : 1);
}

function isInside(path: Path, others: ReadonlyMap<string, Path>): boolean {
  for (let length = 0; length < path.length; length += 1) {
    if (others.has(JSON.stringify(path.slice(0, length)))) return true;
  }
  return false;
}

/** A total order: keys by name, indexes from the last to the first. */
function laterFirst(a: Path, b: Path): number {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (part === other) continue;
    if (other === undefined) return 1;
    if (typeof part === "number" && typeof other === "number") return other - part;
    return String(part) < String(other) ? -1 : 1;
  }
  return a.length - b.length;
}
