/** Warnings about keys of balancing that have no effect. */
import type { Path } from "./document.ts";
import type { Report } from "./report.ts";
import type { Config, ServiceConfig } from "./schema.ts";

/** Warns of each service whose endpoints are not chosen as its keys seem to say. The file must be free of errors. */
export function lintBalance(config: Config, report: Report): void {
  const http = httpServices(config);
  const streams = streamServices(config);
  for (const [name, service] of Object.entries(config.service)) {
    const path = ["service", name];
    lintHash(path, service, report);
    const { hash } = service;
    if (hash !== undefined && hash.source_ip === undefined && !http.has(name) && streams.has(name))
      lintStreamHash(path, report);
    lintZones(path, { service, zone: config.labels["zone"] }, report);
  }
}

function lintHash(path: Path, { balancer, hash, slow_start }: ServiceConfig, report: Report): void {
  const doesHash = balancer === "maglev" || balancer === "ring_hash";
  if (hash !== undefined && !doesHash) {
    const message = `never used: balancer "${balancer}" does not hash; say balancer = "maglev"`;
    report.warning([...path, "hash"], message);
  }
  if (hash === undefined && doesHash) {
    const message =
      "nothing is hashed, so chance decides: say hash = { source_ip = true }, or a header, cookie or query";
    report.warning([...path, "balancer"], message);
  }
  if (slow_start !== undefined && doesHash) {
    const message = `never used: with balancer "${balancer}" a hash stays where it is`;
    report.warning([...path, "slow_start"], message);
  }
}

function lintStreamHash(path: Path, report: Report): void {
  const message =
    "nothing is hashed: only tls and tcp routes lead here, which see no more than hash = { source_ip = true }";
  report.warning([...path, "hash"], message);
}

function lintZones(
  path: Path,
  { service, zone }: { readonly service: ServiceConfig; readonly zone: string | undefined },
  report: Report,
): void {
  const { endpoints = [] } = service;
  const zoned = endpoints.findIndex((endpoint) => endpoint.zone !== undefined);
  if (zoned >= 0 && zone === undefined) {
    const message = "never used: the box has no zone; say which in labels.zone";
    report.warning([...path, "endpoints", zoned, "zone"], message);
  }
  if (endpoints.length > 0 && endpoints.every(({ backup }) => backup)) {
    const message = "every endpoint is a backup, so all are used at once";
    report.warning([...path, "endpoints", 0, "backup"], message);
  }
}

function httpServices({ virtual_service: list }: Config): ReadonlySet<string> {
  const routes = list.flatMap(({ http }) => http);
  return new Set(
    routes.flatMap(({ route = [], mirror }) => [
      ...route.map(({ to }) => to),
      ...(mirror === undefined ? [] : [mirror.to]),
    ]),
  );
}

function streamServices({ gateway, virtual_service: list }: Config): ReadonlySet<string> {
  const routes = list.flatMap(({ tls, tcp }) => [...tls, ...tcp]);
  return new Set([
    ...gateway.map(({ no_sni: service }) => service),
    ...routes.flatMap(({ route }) => route.map(({ to }) => to)),
  ]);
}
