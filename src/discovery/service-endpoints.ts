import type { Endpoint, EndpointSource, Service } from "../core/service.ts";
import type { AddressesOf } from "./address-set.ts";
import { endpointsOfPlace, hostKey } from "./place-list.ts";

/** What is known of the names and lists of services. */
export interface KnownEndpoints {
  readonly addressesOf: AddressesOf;
  /** By its key, as `listKeysOf` has it. */
  readonly endpointsOfList: (key: string) => readonly Endpoint[];
}

/** The most endpoints of one service: a thousand names with large answers would be a quarter of a million. */
export const ENDPOINTS_MAX = 10_000;

/** The names that a service's endpoints hang on, each once, in the file's order, without those of its lists. Pure. */
export function namesOf(service: Service): readonly string[] {
  const hosts = service.sources.flatMap((source) =>
    source.kind === "name" ? [hostKey(source.host)] : [],
  );
  return [...new Set(hosts)];
}

/**
 * What the lists of a service are known by, each once: `srv _http._tcp.example.com`, `file /etc/web.json`. Lists are what
 * is found at run time: records of DNS, a file. Pure.
 */
export function listKeysOf(service: Service): readonly string[] {
  return [...new Set(service.sources.flatMap((source) => listKeyOf(source) ?? []))];
}

/**
 * The union of a service's sources in the file's order, given what is known of each name and of each list. Pure.
 * No endpoint twice: the first one stays, so that an address in the file has its weight whatever a name brings later.
 * Not cut to {@link ENDPOINTS_MAX}.
 */
export function unionOf(service: Service, known: KnownEndpoints): readonly Endpoint[] {
  const byName = new Map<string, Endpoint>();
  for (const source of service.sources) {
    for (const each of endpointsFrom(source, known)) {
      if (!byName.has(each.name)) byName.set(each.name, each);
    }
  }
  return [...byName.values()];
}

/** Whether two sets are the same in order, names and all else. Pure. */
export function sameEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a.length === b.length && a.every((each, i) => isSame(each, b[i]));
}

function endpointsFrom(source: EndpointSource, known: KnownEndpoints): readonly Endpoint[] {
  if (source.kind === "srv" || source.kind === "file") {
    return known.endpointsOfList(listKeyOf(source) ?? "");
  }
  return endpointsOfPlace(source, known.addressesOf);
}

function listKeyOf(source: EndpointSource): string | undefined {
  if (source.kind === "srv") return `srv ${hostKey(source.name)}`;
  return source.kind === "file" ? `file ${source.path}` : undefined;
}

function isSame(a: Endpoint, b: Endpoint | undefined): boolean {
  return (
    a === b ||
    (a.name === b?.name &&
      a.weight === b.weight &&
      a.zone === b.zone &&
      a.priority === b.priority &&
      a.dnsName === b.dnsName &&
      (a.labels === b.labels || JSON.stringify(a.labels) === JSON.stringify(b.labels)))
  );
}
