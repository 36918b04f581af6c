import { promises as dns, type RecordWithTtl } from "node:dns";
import type { HostsTable } from "./hosts-file.ts";
import { parseIpAddress } from "../core/ip-address.ts";
import { type ResolvConf, searchCandidates } from "./resolv-conf.ts";

/** What a name's addresses were found in. */
export type AnswerSource = "literal" | "hosts" | "localhost" | "dns";

/** What one lookup brought. */
export type NameAnswer =
  | {
      readonly kind: "found";
      readonly from: AnswerSource;
      /** The name that answered, a search domain included. */
      readonly answeredAs: string;
      /** Undefined = this family's question failed while the other one was answered: nothing is known of it. */
      readonly v4: readonly string[] | undefined;
      readonly v6: readonly string[] | undefined;
      /** Lowest of the records, as sent; undefined = good until a file changes. */
      readonly ttlSeconds: number | undefined;
    }
  | { readonly kind: "failed"; readonly code: string };

/** What a lookup needs to know. */
export interface LookupRequest {
  readonly host: string;
  /** `answeredAs` of the last good answer. */
  readonly answeredAs: string | undefined;
  readonly hosts: HostsTable;
  readonly conf: ResolvConf;
  /** In the place of `conf.servers`; empty = those. */
  readonly servers: readonly string[];
  /** `::1` is assigned here. */
  readonly ipv6Loopback: boolean;
  /** First wait for a server, unless resolv.conf says one; undefined = 2 s. */
  readonly queryTimeoutMs: number | undefined;
}

/** A lookup under way. `answer` never rejects; after `cancel` it is a failure with code `ECANCELLED`. */
export interface Lookup {
  readonly answer: Promise<NameAnswer>;
  cancel(): void;
}

// c-ares doubles the wait with each try: 2 s, 4 s, 4 s, so a silent server costs 10 s in the background.
const QUERY_TIMEOUT_MS = 2000;
const QUERY_TIMEOUT_MAX_MS = 4000;
const QUERY_TRIES = 3;

/** The name is not there, which is an answer; every other code means that nobody knows. */
const ABSENT = new Set(["ENOTFOUND", "ENODATA"]);

/**
 * Looks a name up: IP literal, then the hosts file, then `localhost` (RFC 6761 §6.3: never asked for), then DNS, A and
 * AAAA at once. Sends queries. Failure codes are those of node:dns: `ENOTFOUND` (NXDOMAIN), `ENODATA`, `ESERVFAIL`,
 * `EREFUSED`, `ETIMEOUT`, `ECONNREFUSED`, `EBADNAME` …
 */
export function lookUp(request: LookupRequest): Lookup {
  const local = lookUpLocally(request);
  if (local !== undefined) return { answer: Promise.resolve(local), cancel: () => undefined };
  // A resolver of its own for each lookup: cancel() ends all queries of a resolver, and c-ares reads nothing twice.
  const resolver = createResolver(request);
  if (resolver === undefined) return failedAt("EBADSERVER");
  return { answer: search(resolver, request), cancel: () => resolver.cancel() };
}

function lookUpLocally(request: LookupRequest): NameAnswer | undefined {
  const name = request.host.toLowerCase().replace(/\.$/, "");
  const literal = parseIpAddress(name);
  if (literal !== undefined) return foundLocally("literal", name, [literal.host]);
  const listed = request.hosts.get(name);
  if (listed !== undefined) return foundLocally("hosts", name, listed);
  if (name !== "localhost" && !name.endsWith(".localhost")) return undefined;
  const loopback = request.ipv6Loopback ? ["127.0.0.1", "::1"] : ["127.0.0.1"];
  return foundLocally("localhost", name, loopback);
}

function foundLocally(from: AnswerSource, name: string, addresses: readonly string[]): NameAnswer {
  const v6 = addresses.filter((each) => each.includes(":"));
  const v4 = addresses.filter((each) => !each.includes(":"));
  return { kind: "found", from, answeredAs: name, v4, v6, ttlSeconds: undefined };
}

function failedAt(code: string): Lookup {
  return { answer: Promise.resolve({ kind: "failed", code }), cancel: () => undefined };
}

function createResolver(request: LookupRequest): dns.Resolver | undefined {
  const { conf, servers } = request;
  const timeout = conf.timeoutMs ?? request.queryTimeoutMs ?? QUERY_TIMEOUT_MS;
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

/**
 * Walks the search list as glibc's res_search does: on to the next name after NXDOMAIN, an empty answer or SERVFAIL;
 * after any other failure only the name itself is still asked for. One thing is stricter: where the name as given, or
 * the one that answered last time, fails for other reasons than not being there, the walk ends. An outage must not
 * let a wildcard of a search domain take the traffic.
 */
async function search(resolver: dns.Resolver, request: LookupRequest): Promise<NameAnswer> {
  const candidates = searchCandidates(request.host.toLowerCase(), request.conf);
  const failures: string[] = [];
  let skipping = false;
  for (const { name, asIs } of candidates) {
    if (skipping && !asIs) continue;
    const answer = await ask(resolver, name);
    if (answer.kind === "found") return answer;
    if (!ABSENT.has(answer.code)) {
      if (asIs || name === request.answeredAs || answer.code === "ECANCELLED") return answer;
      skipping ||= answer.code !== "ESERVFAIL";
    }
    failures.push(answer.code);
  }
  return { kind: "failed", code: summary(failures, candidates[0]?.asIs === true) };
}

/** What to say of a name that none of the candidates had: the name's own failure, else the most telling one. */
function summary(failures: readonly string[], asIsFirst: boolean): string {
  const [first = "ENOTFOUND"] = failures;
  if (asIsFirst) return first;
  const hard = failures.find((code) => !ABSENT.has(code));
  return hard ?? (failures.includes("ENODATA") ? "ENODATA" : first);
}

async function ask(resolver: dns.Resolver, name: string): Promise<NameAnswer> {
  const [v4, v6] = await Promise.all([
    settle(resolver.resolve4(name, { ttl: true })),
    settle(resolver.resolve6(name, { ttl: true })),
  ]);
  if (v4.code !== undefined && v6.code !== undefined) {
    return { kind: "failed", code: worse(v4.code, v6.code) };
  }
  return {
    kind: "found",
    from: "dns",
    answeredAs: name,
    v4: known(v4),
    v6: known(v6),
    ttlSeconds: lowestTtl([...v4.records, ...v6.records]),
  };
}

interface FamilyReply {
  readonly records: readonly RecordWithTtl[];
  readonly code: string | undefined;
}

async function settle(query: Promise<readonly RecordWithTtl[]>): Promise<FamilyReply> {
  try {
    return { records: await query, code: undefined };
  } catch (error) {
    return { records: [], code: codeOf(error) };
  }
}

/** The addresses of one family; undefined where its question failed, which says nothing about them. */
function known(reply: FamilyReply): readonly string[] | undefined {
  if (reply.code !== undefined && !ABSENT.has(reply.code)) return undefined;
  return reply.records.map((each) => each.address);
}

/** The platform gives times to the first 256 records of an answer only. */
function lowestTtl(records: readonly RecordWithTtl[]): number {
  const times = records.map((each) => each.ttl).filter((ttl) => Number.isFinite(ttl));
  return times.reduce((lowest, ttl) => Math.min(lowest, ttl), Number.MAX_SAFE_INTEGER);
}

function worse(a: string, b: string): string {
  if (!ABSENT.has(a)) return a;
  if (!ABSENT.has(b)) return b;
  return a === "ENODATA" ? a : b;
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "EUNKNOWN";
}
