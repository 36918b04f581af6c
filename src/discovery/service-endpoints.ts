import type { Endpoint, EndpointSource, Service } from "../core/service.ts";
import { endpointOf } from "./address-set.ts";

/** The names that a service's endpoints hang on, each once, in the file's order. Pure. */
export function namesOf(service: Service): readonly string[] {
  const hosts = service.sources.flatMap((source) =>
    source.kind === "name" ? [hostKey(source.host)] : [],
  );
  return [...new Set(hosts)];
}

/**
 * The union of a service's sources in the file's order, given what is known of each name of `namesOf`. Pure.
 * No endpoint twice: the first one stays, so that an address in the file has its weight whatever a name brings later.
 */
export function unionOf(
  service: Service,
  addressesOf: (name: string) => readonly string[],
): readonly Endpoint[] {
  const byName = new Map<string, Endpoint>();
  for (const source of service.sources) {
    for (const each of endpointsFrom(source, addressesOf)) {
      if (!byName.has(each.name)) byName.set(each.name, each);
    }
  }
  return [...byName.values()];
}

/** Whether two sets are the same in order, names and weights. Pure. */
export function sameEndpoints(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return (
    a.length === b.length &&
    a.every((each, i) => each.name === b[i]?.name && each.weight === b[i]?.weight)
  );
}

function endpointsFrom(
  source: EndpointSource,
  addressesOf: (name: string) => readonly string[],
): readonly Endpoint[] {
  if (source.kind === "address") return [source.endpoint];
  if (source.kind !== "name") return [];
  return addressesOf(hostKey(source.host)).map((address) =>
    endpointOf(address, source.port, source.weight),
  );
}

/** One lookup for all spellings of a name. A trailing dot stays: it turns the search list off. */
function hostKey(host: string): string {
  return host.toLowerCase();
}
