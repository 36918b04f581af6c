import type { Endpoint } from "../core/service.ts";
import { type AddressesOf, endpointOf } from "./address-set.ts";

/** One SRV record that can be used. */
export interface SrvRecord {
  /** Lower-case, with a trailing dot: it is asked for as it stands, without search domains. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** 0 to 65535; the lowest is used first. */
  readonly priority: number;
  /** 0 to 65535; 0 = hardly ever. */
  readonly weight: number;
}

/** A record as the platform gives it; `name` is the target, "" for the root. */
export interface RawSrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** Records of one name that are used. An answer over UDP has some 30; more is a mistake or an attack. */
export const RECORDS_MAX = 256;

/** Of the weights of endpoints in the file; so one address never has more than a thousandfold share of another. */
const WEIGHT_MAX = 1000;

/**
 * The records that can be used, sorted so that the same answer in another order is the same list; not cut to
 * {@link RECORDS_MAX}. Empty where the one record says that there is no such service (target "."); undefined where none
 * of them can be used. Pure. Source: RFC 2782.
 */
export function readRecords(raw: readonly RawSrvRecord[]): readonly SrvRecord[] | undefined {
  if (raw.length === 1 && isRoot(raw[0]?.name)) return [];
  // Port 0 is no port, and stands for a Unix socket in an endpoint: no answer may name a path of this box.
  const usable = raw.filter(({ name, port }) => !isRoot(name) && port >= 1 && port <= 65_535);
  if (usable.length === 0) return undefined;
  const byKey = new Map(usable.map((each) => [recordKey(read(each)), read(each)]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
}

/**
 * The endpoints of records, given the addresses of each target. Pure. A target's weight is shared by its addresses, so
 * that one with two of them does not get twice as much. Weights are brought to whole numbers from 1 to 1000 within each
 * priority; weight 0 beside others becomes the smallest share (RFC 2782: "a very small chance").
 */
export function endpointsOfRecords(
  records: readonly SrvRecord[],
  addressesOf: AddressesOf,
): readonly Endpoint[] {
  const found = records
    .map((record) => ({ ...record, addresses: addressesOf(record.host) }))
    .filter(({ addresses }) => addresses.length > 0);
  const levels = [...Map.groupBy(found, ({ priority }) => priority)].toSorted(([a], [b]) => a - b);
  return levels.flatMap(([priority, level]) => {
    const weights = shareOut(level.map(({ weight, addresses }) => [weight, addresses.length]));
    return level.flatMap(({ host, port, addresses }, i) =>
      addresses.map((address) =>
        endpointOf(address, port, {
          weight: weights[i] ?? 1,
          ...(priority === 0 ? {} : { priority }),
          dnsName: host.replace(/\.$/, ""),
        }),
      ),
    );
  });
}

/** The weight of each address of each target, from the target's weight and how many addresses it has. */
function shareOut(targets: readonly (readonly [weight: number, count: number])[]): number[] {
  const heaviest = Math.max(...targets.map(([weight]) => weight));
  // Where all are 0, all are the same.
  const weights = targets.map(([weight]) => (heaviest === 0 ? 1 : weight));
  const whole = leastCommonMultiple(targets.map(([, count]) => count));
  const shares = targets.map(([, count], i) => ((weights[i] ?? 1) * whole) / count);
  const max = Math.max(...shares);
  const scale = max > WEIGHT_MAX || weights.includes(0) ? WEIGHT_MAX / max : 1;
  return shares.map((share) => Math.max(1, Math.round(share * scale)));
}

/** Up to WEIGHT_MAX: beyond, shares are rounded anyway. */
function leastCommonMultiple(counts: readonly number[]): number {
  let multiple = 1;
  for (const count of new Set(counts)) {
    const next = (multiple / greatestCommonDivisor(multiple, count)) * count;
    if (next > WEIGHT_MAX) return WEIGHT_MAX;
    multiple = next;
  }
  return multiple;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function read({ name, port, priority, weight }: RawSrvRecord): SrvRecord {
  return { host: `${name.toLowerCase().replace(/\.$/, "")}.`, port, priority, weight };
}

/** Sorts by priority first, so that a list that is too long loses its last resorts. */
function recordKey({ host, port, priority, weight }: SrvRecord): string {
  const numbers = [priority, 65_535 - weight, port].map((each) => String(each).padStart(5, "0"));
  return `${numbers.join(" ")} ${host}`;
}

function isRoot(name: string | undefined): boolean {
  return name === "" || name === ".";
}
