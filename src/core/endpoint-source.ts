/** How tables and explanations name where endpoints come from. */
import type { EndpointSource } from "./service.ts";

/** `10.0.0.1:80`, `unix:/run/app`, `dns nginx.com:443`, `srv _http._tcp.example.com`, `file /etc/web.json`. Pure. */
export function sourceAddress(source: EndpointSource): string {
  if (source.kind === "address") return source.endpoint.name;
  if (source.kind === "name") return `dns ${source.host}:${source.port}`;
  return source.kind === "srv" ? `srv ${source.name}` : `file ${source.path}`;
}

/** The weight of each endpoint of a source; 1 where the endpoints bring their own. Pure. */
export function sourceWeight(source: EndpointSource): number {
  if (source.kind === "address") return source.endpoint.weight;
  return source.kind === "name" ? source.weight : 1;
}
