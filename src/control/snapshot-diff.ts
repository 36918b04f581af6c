/** What a reload changed, in words. */
import { showCidr } from "../core/ip-address.ts";
import type { Cidr } from "../core/ip.ts";
import type { Snapshot } from "../core/model.ts";
import { diffValues } from "./value-diff.ts";

interface Part {
  readonly label: string;
  /** Identity → what it says, without positions and counters. */
  readonly items: ReadonlyMap<string, string>;
}

/** Members that say where something stands or is counted, not what it is. */
const INVISIBLE: ReadonlySet<string> = new Set([
  "origin",
  "slots",
  "requestSlots",
  "durationSlots",
  "tunnelSlots",
  "tunnelActiveSlots",
  "byteSlots",
]);

/** One sentence a change; empty when both say the same. Pure. */
export function diffSnapshots(before: Snapshot, after: Snapshot): readonly string[] {
  const old = partsOf(before);
  return partsOf(after).flatMap((part, i) => diffPart(old[i] ?? part, part));
}

/** What a reload cannot change; a sentence each. Pure. */
export function fixedDifferences(before: Snapshot, after: Snapshot): readonly string[] {
  const differences: string[] = [];
  if (before.workers !== after.workers) differences.push("workers: takes effect after a restart");
  if (JSON.stringify(before.admin) !== JSON.stringify(after.admin)) {
    differences.push("admin.listen: takes effect after a restart");
  }
  return differences;
}

function diffPart(before: Part, after: Part): string[] {
  const changes: string[] = [];
  for (const [name, text] of after.items) {
    const old = before.items.get(name);
    if (old === undefined) changes.push(`${after.label} ${name} added`);
    else if (old !== text) changes.push(`${after.label} ${name} changed: ${details(old, text)}`);
  }
  for (const name of before.items.keys()) {
    if (!after.items.has(name)) changes.push(`${after.label} ${name} removed`);
  }
  return changes;
}

/** A sentence stays readable; whoever wants all of it compares the files. */
const DETAILS_MAX = 4;

function details(before: string, after: string): string {
  const all = diffValues(JSON.parse(before), JSON.parse(after));
  const shown = all.slice(0, DETAILS_MAX).join(", ");
  return all.length > DETAILS_MAX ? `${shown} and ${all.length - DETAILS_MAX} more` : shown;
}

function partsOf(snapshot: Snapshot): Part[] {
  const show = (value: unknown): string => describe(value, snapshot);
  const collect = <T>(label: string, values: readonly T[], name: (value: T) => string): Part => ({
    label,
    items: new Map(values.map((value) => [name(value), show(value)])),
  });
  const { labels, log, accessLog, drain, dnsServers } = snapshot;
  const settings = Object.entries({ labels, log, access_log: accessLog, drain, dns: dnsServers });
  return [
    collect("listener", snapshot.listeners, ({ id }) => id),
    collect("gateway", snapshot.gateways, ({ name }) => name),
    collect("unserved gateway", snapshot.unserved, ({ name }) => name),
    collect("virtual host", snapshot.virtualHosts, ({ name }) => name),
    collect("tls routes of", snapshot.tlsChains, ({ name }) => name),
    collect("tcp routes of", snapshot.tcpChains, ({ name }) => name),
    collect("service", snapshot.services, ({ name }) => name),
    { label: "setting", items: new Map(settings.map(([name, value]) => [name, show(value)])) },
  ];
}

/** Indexes into the snapshot become names: they shift when something else is added. */
function describe(value: unknown, snapshot: Snapshot): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (INVISIBLE.has(key) || inner instanceof Map) return undefined;
    if (isCidr(inner)) return showCidr(inner);
    if (key === "service" && typeof inner === "number") return snapshot.services[inner]?.name;
    if (key === "gateway" && typeof inner === "number") return snapshot.gateways[inner]?.name;
    if (key === "virtualHosts" || key === "tlsChains" || key === "tcpChains" || key === "hosts") {
      return Array.isArray(inner) ? inner : undefined;
    }
    return inner;
  });
}

function isCidr(value: unknown): value is Cidr {
  return typeof value === "object" && value !== null && "groups" in value && "bits" in value;
}
