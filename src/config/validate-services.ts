/** What must hold of services: that they have endpoints, each once, and none is this program itself. */
import { reaches } from "./address.ts";
import type { Peer } from "./address.ts";
import type { Bindings } from "./bind.ts";
import type { Path } from "./document.ts";
import { showAddress } from "./ip.ts";
import type { Report } from "./report.ts";
import type { Config, ServiceConfig } from "./schema.ts";

/** Reports what is wrong with the services. */
export function validateServices(config: Config, bindings: Bindings, report: Report): void {
  // Many gateways may share one address: each address is looked at once.
  const firsts = new Map(bindings.served.map((gateway) => [gateway.config.listen.id, gateway]));
  const listeners = Map.groupBy(firsts.values(), ({ config }) => config.listen.address.port);
  for (const [name, service] of Object.entries(config.service)) {
    const path = ["service", name];
    validateSources(path, service, report);
    validateHash([...path, "hash"], service, report);
    if (service.allow_loop) continue;
    for (const [peerPath, peer] of peersOf(path, service)) {
      const own = listeners
        .get(peer.port)
        ?.find((gateway) => reaches(peer, gateway.config.listen.address));
      if (own === undefined) continue;
      const message = `this is our own gateway "${own.config.name}" (line ${own.origin.line})`;
      report.error(
        peerPath,
        `${message}: requests would go round in a loop; if they surely do not, say allow_loop = true`,
      );
    }
  }
}

function validateSources(path: Path, service: ServiceConfig, report: Report): void {
  const { endpoints, dns } = service;
  if (endpoints === undefined && dns === undefined) {
    report.error(path, 'has no endpoints: say endpoints = ["10.0.0.1:80"] or dns = "name:port"');
  } else if (endpoints !== undefined && dns !== undefined) {
    report.error([...path, "dns"], "a service has either endpoints or dns, not both");
  }
  const seen = new Set<string>();
  for (const [i, { address }] of (endpoints ?? []).entries()) {
    const shown = showAddress(address.host, address.port);
    if (seen.has(shown))
      report.error([...path, "endpoints", i], `${shown} is in this service twice`);
    seen.add(shown);
  }
}

function validateHash(path: Path, { hash }: ServiceConfig, report: Report): void {
  if (hash?.ttl === undefined || hash.cookie !== undefined) return;
  report.error([...path, "ttl"], "only a cookie has a ttl");
}

function peersOf(path: Path, { endpoints, dns }: ServiceConfig): [Path, Peer][] {
  const peers = (endpoints ?? []).map(({ address }, i): [Path, Peer] => [
    [...path, "endpoints", i],
    address,
  ]);
  return dns === undefined ? peers : [...peers, [[...path, "dns"], dns]];
}
