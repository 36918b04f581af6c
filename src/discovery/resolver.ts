import { promises as dns } from "node:dns";
import { type ResolvConf, searchCandidates } from "./resolv-conf.ts";

/** Whom to ask, and how. */
export interface DnsSettings {
  readonly conf: ResolvConf;
  /** In the place of `conf.servers`; empty = those. */
  readonly servers: readonly string[];
  /** First wait for a server, unless resolv.conf says one; undefined = 2 s. */
  readonly queryTimeoutMs: number | undefined;
}

/** What is asked for. */
export interface Question {
  readonly host: string;
  /** The name that answered last time, a search domain included; undefined = none did. */
  readonly answeredAs: string | undefined;
}

/** Why there is no answer: a code of node:dns, or `EBADSERVER` where the servers are no addresses. */
export interface Failed {
  readonly kind: "failed";
  readonly code: string;
}

/** A lookup under way. `answer` never rejects; after `cancel` it is a failure with code `ECANCELLED`. */
export interface Lookup<A> {
  readonly answer: Promise<A | Failed>;
  cancel(): void;
}

/** Asks for one name as it stands. Never rejects. */
export type Ask<A> = (resolver: dns.Resolver, name: string) => Promise<A | Failed>;

// c-ares doubles the wait with each try: 2 s, 4 s, 4 s, so a silent server costs 10 s in the background.
const QUERY_TIMEOUT_MS = 2000;
const QUERY_TIMEOUT_MAX_MS = 4000;
const QUERY_TRIES = 3;

/** The name is not there, which is an answer; every other code means that nobody knows. */
const ABSENT = new Set(["ENOTFOUND", "ENODATA"]);

/**
 * Walks the search list as glibc's res_search does: on to the next name after NXDOMAIN, an empty answer or SERVFAIL;
 * after any other failure only the name itself is still asked for. One thing is stricter: where the name as given, or
 * the one that answered last time, fails for other reasons than not being there, the walk ends. An outage must not
 * let a wildcard of a search domain take the traffic. Sends queries.
 */
export function searchDns<A extends { readonly kind: "found" }>(
  question: Question,
  settings: DnsSettings,
  ask: Ask<A>,
): Lookup<A> {
  // A resolver of its own for each lookup: cancel() ends all queries of a resolver, and c-ares reads nothing twice.
  const resolver = createResolver(settings);
  if (resolver === undefined) {
    const answer = Promise.resolve({ kind: "failed", code: "EBADSERVER" } as const);
    return { answer, cancel: () => undefined };
  }
  return { answer: walk(question, { resolver, settings, ask }), cancel: () => resolver.cancel() };
}

/** The name is not there, which is an answer; every other code means that nobody knows. Pure. */
export function isAbsent(code: string): boolean {
  return ABSENT.has(code);
}

/** The code of an error of node:dns. Pure. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "EUNKNOWN";
}

interface Walk<A> {
  readonly resolver: dns.Resolver;
  readonly settings: DnsSettings;
  readonly ask: Ask<A>;
}

async function walk<A extends { readonly kind: "found" }>(
  { host, answeredAs }: Question,
  { resolver, settings, ask }: Walk<A>,
): Promise<A | Failed> {
  const candidates = searchCandidates(host.toLowerCase(), settings.conf);
  const failures: string[] = [];
  let skipping = false;
  for (const { name, asIs } of candidates) {
    if (skipping && !asIs) continue;
    const answer = await ask(resolver, name);
    if (answer.kind === "found") return answer;
    if (!isAbsent(answer.code)) {
      if (asIs || name === answeredAs || answer.code === "ECANCELLED") return answer;
      skipping ||= answer.code !== "ESERVFAIL";
    }
    failures.push(answer.code);
  }
  return { kind: "failed", code: summary(failures, candidates[0]?.asIs === true) };
}

function createResolver({ conf, servers, queryTimeoutMs }: DnsSettings): dns.Resolver | undefined {
  const timeout = conf.timeoutMs ?? queryTimeoutMs ?? QUERY_TIMEOUT_MS;
  const resolver = new dns.Resolver({
    timeout,
    tries: conf.attempts ?? QUERY_TRIES,
    maxTimeout: Math.max(timeout, QUERY_TIMEOUT_MAX_MS),
  });
  try {
    resolver.setServers(servers.length === 0 ? conf.servers : servers);
    return resolver;
  } catch {
    return undefined;
  }
}

/** What to say of a name that none of the candidates had: the name's own failure, else the most telling one. */
function summary(failures: readonly string[], asIsFirst: boolean): string {
  const [first = "ENOTFOUND"] = failures;
  if (asIsFirst) return first;
  const hard = failures.find((code) => !ABSENT.has(code));
  return hard ?? (failures.includes("ENODATA") ? "ENODATA" : first);
}
