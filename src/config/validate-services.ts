/** What must hold of services: that they have endpoints, each once, and none is this program itself. */
import { reaches, showPeer } from "./address.ts";
import type { Peer } from "./address.ts";
import type { Bindings, BoundGateway } from "./bind.ts";
import type { Path } from "./document.ts";
import type { Report } from "./report.ts";
import type { Config, ServiceConfig } from "./schema.ts";

/** Where endpoints come from; a service says one of them. */
const SOURCES = ["endpoints", "dns", "srv", "file"] as const;

/** Reports what is wrong with the services. */
export function validateServices(config: Config, bindings: Bindings, report: Report): void {
  const ownGateway = createOwnGateways(bindings);
  for (const [name, service] of Object.entries(config.service)) {
    const path = ["service", name];
    validateSources(path, service, report);
    validateHash([...path, "hash"], service, report);
    if (service.allow_loop) continue;
    for (const [peerPath, peer] of peersOf(path, service)) {
      const own = ownGateway(peer);
      if (own === undefined) continue;
      const message = `this is our own gateway "${own.config.name}" (line ${own.origin.line})`;
      report.error(
        peerPath,
        `${message}: requests would go round in a loop; if they surely do not, say allow_loop = true`,
      );
    }
  }
}

/** Tells which of our own gateways a connection to this address would arrive at, as far as the file can tell. */
export function createOwnGateways(bindings: Bindings): (peer: Peer) => BoundGateway | undefined {
  // Many gateways may share one address: each address is looked at once.
  const firsts = new Map(bindings.served.map((gateway) => [gateway.config.listen.id, gateway]));
  const listeners = Map.groupBy(firsts.values(), ({ config }) => config.listen.address.port);
  return (peer) =>
    listeners.get(peer.port)?.find((gateway) => reaches(peer, gateway.config.listen.address));
}

function validateSources(path: Path, service: ServiceConfig, report: Report): void {
  const { endpoints } = service;
  const [first, ...others] = SOURCES.filter((key) => service[key] !== undefined);
  if (first === undefined) {
    report.error(
      path,
      'has no endpoints: say endpoints = ["10.0.0.1:80"], dns = "name:port", srv or file',
    );
  }
  for (const other of others) {
    report.error([...path, other], `a service has either ${first} or ${other}, not both`);
  }
  const seen = new Set<string>();
  for (const [i, { address }] of (endpoints ?? []).entries()) {
    const shown = showPeer(address);
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
