import type { promises as dns, SrvRecord as RawRecord } from "node:dns";
import {
  type DnsSettings,
  type Failed,
  type Lookup,
  type Question,
  codeOf,
  searchDns,
} from "./resolver.ts";
import { type SrvRecord, readRecords } from "./srv-records.ts";

/** The SRV records of a name. */
export interface FoundRecords {
  readonly kind: "found";
  readonly answeredAs: string;
  /** Sorted; empty = the service is decidedly not available here (RFC 2782, target "."). */
  readonly records: readonly SrvRecord[];
}

/**
 * Looks up SRV records (RFC 2782), in the search domains too. Sends queries. Failure codes as for addresses, and
 * `EBADRESP` when none of the records can be used. The platform does not tell how long they hold.
 */
export function lookUpSrv(question: Question, settings: DnsSettings): Lookup<FoundRecords> {
  return searchDns(question, settings, ask);
}

async function ask(resolver: dns.Resolver, name: string): Promise<FoundRecords | Failed> {
  let raw: readonly RawRecord[];
  try {
    raw = await resolver.resolveSrv(name);
  } catch (error) {
    return { kind: "failed", code: codeOf(error) };
  }
  if (raw.length === 0) return { kind: "failed", code: "ENODATA" };
  const records = readRecords(raw);
  if (records === undefined) return { kind: "failed", code: "EBADRESP" };
  return { kind: "found", answeredAs: name, records };
}
