import type { promises as dns, RecordWithTtl } from "node:dns";
import { parseIpAddress } from "../core/ip-address.ts";
import type { HostsTable } from "./hosts-file.ts";
import {
  type DnsSettings,
  type Failed,
  type Lookup,
  type Question,
  codeOf,
  isAbsent,
  searchDns,
} from "./resolver.ts";

/** What a name's addresses were found in. */
export type AnswerSource = "literal" | "hosts" | "localhost" | "dns";

/** The addresses of a name. */
export interface FoundAddresses {
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

/** What a lookup of addresses needs to know. */
export interface LookupSettings extends DnsSettings {
  readonly hosts: HostsTable;
  /** `::1` is assigned here. */
  readonly ipv6Loopback: boolean;
}

/**
 * Looks a name up: IP literal, then the hosts file, then `localhost` (RFC 6761 §6.3: never asked for), then DNS, A and
 * AAAA at once. Sends queries. Failure codes are those of node:dns: `ENOTFOUND` (NXDOMAIN), `ENODATA`, `ESERVFAIL`,
 * `EREFUSED`, `ETIMEOUT`, `ECONNREFUSED`, `EBADNAME` …
 */
export function lookUp(question: Question, settings: LookupSettings): Lookup<FoundAddresses> {
  const local = lookUpLocally(question, settings);
  if (local === undefined) return searchDns(question, settings, ask);
  return { answer: Promise.resolve(local), cancel: () => undefined };
}

function lookUpLocally({ host }: Question, settings: LookupSettings): FoundAddresses | undefined {
  const name = host.toLowerCase().replace(/\.$/, "");
  const literal = parseIpAddress(name);
  if (literal !== undefined) return foundLocally("literal", name, [literal.host]);
  const listed = settings.hosts.get(name);
  if (listed !== undefined) return foundLocally("hosts", name, listed);
  if (name !== "localhost" && !name.endsWith(".localhost")) return undefined;
  const loopback = settings.ipv6Loopback ? ["127.0.0.1", "::1"] : ["127.0.0.1"];
  return foundLocally("localhost", name, loopback);
}

function foundLocally(
  from: AnswerSource,
  name: string,
  addresses: readonly string[],
): FoundAddresses {
  const v6 = addresses.filter((each) => each.includes(":"));
  const v4 = addresses.filter((each) => !each.includes(":"));
  return { kind: "found", from, answeredAs: name, v4, v6, ttlSeconds: undefined };
}

async function ask(resolver: dns.Resolver, name: string): Promise<FoundAddresses | Failed> {
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
    const records = await query;
    // The platform calls an alias (CNAME) that leads to no address a success with nothing in it.
    return { records, code: records.length === 0 ? "ENODATA" : undefined };
  } catch (error) {
    return { records: [], code: codeOf(error) };
  }
}

/** The addresses of one family; undefined where its question failed, which says nothing about them. */
function known(reply: FamilyReply): readonly string[] | undefined {
  if (reply.code !== undefined && !isAbsent(reply.code)) return undefined;
  return reply.records.map((each) => each.address);
}

/** The platform gives times to the first 256 records of an answer only. */
function lowestTtl(records: readonly RecordWithTtl[]): number {
  const times = records.map((each) => each.ttl).filter((ttl) => Number.isFinite(ttl));
  return times.reduce((lowest, ttl) => Math.min(lowest, ttl), Number.MAX_SAFE_INTEGER);
}

function worse(a: string, b: string): string {
  if (!isAbsent(a)) return a;
  if (!isAbsent(b)) return b;
  return a === "ENODATA" ? a : b;
}
