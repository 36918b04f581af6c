/** What is different between two plain values, in words. */
import { formatDuration } from "../core/duration.ts";

/** Whole values that are long or secret: that they differ is all that is said. */
const UNSAID: ReadonlySet<string> = new Set(["privateKey", "certificate", "ca", "body"]);

/** What one item of a list is called. */
const ITEMS: Readonly<Record<string, string>> = {
  hosts: "host",
  routes: "route",
  matches: "match",
  sources: "source",
  destinations: "destination",
  subsets: "subset",
  dnsServers: "server",
};

/** Keys of the configuration that the snapshot calls otherwise, but for the unit at the end. */
const KEYS: Readonly<Record<string, string>> = {
  helloBytesMax: "hello",
  bodyBytesMax: "body",
  percentMax: "max_percent",
  unhealthyAfter: "unhealthy",
  healthyAfter: "healthy",
  grpcService: "grpc",
  serverName: "sni",
};

/**
 * One phrase for each difference: `timeouts.connect: 5s → 1s`, `host c.com added`, `route a: action: forward →
 * respond`. Pure. Items of lists are told apart by what they are called, so that one more moves no other.
 */
export function diffValues(before: unknown, after: unknown, path = ""): readonly string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(before, after, path);
  const isSameKind = isRecord(before) && isRecord(after) && before["kind"] === after["kind"];
  if (!isSameKind) return [`${path}: ${show(before)} → ${show(after)}`];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const below = join(path, ITEMS[key] ?? toWords(key));
    if (!UNSAID.has(key)) return diffValues(said(key, before[key]), said(key, after[key]), below);
    return before[key] === after[key] ? [] : [`${below}: another one`];
  });
}

function diffLists(before: readonly unknown[], after: readonly unknown[], path: string): string[] {
  const old = byName(before);
  const found = byName(after);
  const changes: string[] = [];
  for (const [name, value] of found) {
    if (!old.has(name)) changes.push(`${path} ${name} added`);
    else changes.push(...diffValues(old.get(name), value, `${path} ${name}`));
  }
  for (const name of old.keys()) if (!found.has(name)) changes.push(`${path} ${name} removed`);
  return changes.length > 0 ? changes : [`${path}: another order`];
}

/** Items by what they are called; the second of one name and those without get a number. */
function byName(items: readonly unknown[]): ReadonlyMap<string, unknown> {
  const named = new Map<string, unknown>();
  for (const [i, item] of items.entries()) {
    const name = nameOf(item);
    named.set(name === undefined || named.has(name) ? `${name ?? ""}#${i + 1}` : name, item);
  }
  return named;
}

function nameOf(item: unknown): string | undefined {
  if (!isRecord(item)) return show(item);
  const { name, endpoint, host, port, path, service, subset } = item;
  if (isRecord(endpoint)) return nameOf(endpoint);
  if (typeof name === "string") return name;
  if (typeof service === "string") {
    return typeof subset === "string" ? `${service} subset ${subset}` : service;
  }
  if (typeof path === "string") return path;
  return typeof host === "string" ? `${host}:${show(port)}` : undefined;
}

/** Short enough for a sentence. */
function show(value: unknown): string {
  if (value === undefined || value === null) return "none";
  if (isRecord(value)) {
    const { kind, value: text, status } = value;
    const parts = [kind ?? "set", text, status].filter((part) => part !== undefined);
    return parts.map(show).join(" ");
  }
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(show).join(" ");
  return typeof value === "string" ? value : JSON.stringify(value);
}

function join(path: string, key: string): string {
  return path === "" ? key : path.endsWith(":") ? `${path} ${key}` : `${path}.${key}`;
}

/** As the configuration writes names: `connectMs` is `connect`. */
function toWords(key: string): string {
  const bare = KEYS[key] ?? key.replace(/(Ms|Max|Seconds)$/, "");
  return bare.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Times with their unit, as the name does not say it any more. */
function said(key: string, value: unknown): unknown {
  if (typeof value !== "number") return value;
  if (key.endsWith("Ms")) return formatDuration(value);
  return key.endsWith("Seconds") ? formatDuration(value * 1000) : value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
