/** What /etc/resolv.conf says, with glibc's defaults and caps (resolv.conf(5)). */
export interface ResolvConf {
  /** Never empty: without a `nameserver` line the DNS server on this box is asked. */
  readonly servers: readonly string[];
  /** Without leading and trailing dots; the root is left out, since the name itself is always asked for. */
  readonly search: readonly string[];
  readonly ndots: number;
  /** Wait for one server's answer; undefined = not said. */
  readonly timeoutMs: number | undefined;
  /** Tries of each server; undefined = not said. */
  readonly attempts: number | undefined;
}

// MAXNS and the RES_MAX… constants of glibc's resolv.h.
const SERVERS_MAX = 3;
const NDOTS_MAX = 15;
const TIMEOUT_SECONDS_MAX = 30;
const ATTEMPTS_MAX = 5;
// glibc has no bound since 2.26; each domain is two more queries for a name that does not exist.
const SEARCH_MAX = 32;

/**
 * Reads the text of a resolv.conf. Pure; what it does not know it leaves out, as glibc does.
 * The last `search` or `domain` line wins. Without one there is no search list: glibc would derive a domain from
 * the box's own name, which systems that want it have written into the file since long.
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split("\n")) {
    if (/^\s*[#;]/.test(line)) continue;
    const [keyword, ...values] = line.trim().split(/\s+/);
    const [first] = values;
    if (keyword === "nameserver" && first !== undefined) servers.push(first);
    else if (keyword === "search") search = values;
    else if (keyword === "domain") search = values.slice(0, 1);
    else if (keyword === "options") options = [...options, ...values];
  }
  const timeout = option(options, "timeout", TIMEOUT_SECONDS_MAX);
  const attempts = option(options, "attempts", ATTEMPTS_MAX);
  return {
    servers: servers.length === 0 ? ["127.0.0.1"] : servers.slice(0, SERVERS_MAX),
    search: search
      .map((domain) => domain.replace(/^\.|\.$/g, ""))
      .filter((domain) => domain !== "")
      .slice(0, SEARCH_MAX),
    ndots: option(options, "ndots", NDOTS_MAX) ?? 1,
    timeoutMs: timeout === undefined ? undefined : Math.max(timeout, 1) * 1000,
    attempts: attempts === undefined ? undefined : Math.max(attempts, 1),
  };
}

/** One name to ask for, and whether it is the name as it was given. */
export interface Candidate {
  /** Without trailing dot. */
  readonly name: string;
  readonly asIs: boolean;
}

/**
 * The names to ask for, in order, as glibc's res_search walks them: with enough dots the name itself first, then
 * each search domain, and the name itself last if it was not first. A trailing dot means that name only. Pure.
 */
export function searchCandidates(name: string, conf: ResolvConf): readonly Candidate[] {
  const asIs = { name: name.replace(/\.$/, ""), asIs: true };
  if (name.endsWith(".")) return [asIs];
  const dots = name.split(".").length - 1;
  const searched = conf.search.map((domain) => ({ name: `${name}.${domain}`, asIs: false }));
  return dots >= conf.ndots ? [asIs, ...searched] : [...searched, asIs];
}

function option(options: readonly string[], name: string, max: number): number | undefined {
  const found = options.findLast((each) => each.startsWith(`${name}:`));
  const value = found === undefined ? NaN : Number.parseInt(found.slice(name.length + 1), 10);
  return Number.isNaN(value) || value < 0 ? undefined : Math.min(value, max);
}
