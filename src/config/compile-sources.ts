/** Where the endpoints of a service come from → EndpointSource. */
import {
  BACKUP_PRIORITY,
  type EndpointSource,
  type EndpointTraits,
  type PlaceSource,
} from "../core/service.ts";
import { showPeer } from "./address.ts";
import type { ServiceConfig } from "./schema.ts";
import type { EndpointConfig } from "./schema-service.ts";

/** In the file's order. Pure. */
export function compileSources({ endpoints, dns, srv, file }: ServiceConfig): EndpointSource[] {
  const sources: EndpointSource[] = compilePlaces(endpoints ?? []);
  if (dns !== undefined) sources.push({ kind: "name", host: dns.host, port: dns.port, weight: 1 });
  if (srv !== undefined) sources.push({ kind: "srv", name: srv });
  if (file !== undefined) sources.push({ kind: "file", path: file });
  return sources;
}

/** A list of endpoints, of the configuration or of a file of endpoints. Pure. */
export function compilePlaces(endpoints: readonly EndpointConfig[]): PlaceSource[] {
  return endpoints.map((endpoint) => {
    const { kind, host, port } = endpoint.address;
    const traits = compileTraits(endpoint);
    if (kind === "name") return { kind, host, port, ...traits };
    const name = showPeer(endpoint.address);
    return { kind: "address", endpoint: { host, port, name, ...traits } };
  });
}

function compileTraits({ weight, labels, zone, backup }: EndpointConfig): EndpointTraits {
  return {
    weight,
    ...(labels === undefined ? {} : { labels }),
    ...(zone === undefined ? {} : { zone }),
    ...(backup ? { priority: BACKUP_PRIORITY } : {}),
  };
}
