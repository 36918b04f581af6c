/** What must hold between gateways: names, hosts, and one listener for each address. */
import type { AdminAddress } from "../core/model.ts";
import { covers } from "./address.ts";
import type { Bindings, BoundGateway } from "./bind.ts";
import type { Path } from "./document.ts";
import { isAddress } from "./host-name.ts";
import type { Report } from "./report.ts";
import type { Config } from "./schema.ts";

/** Reports what is wrong with the gateways, and warns of those that this box does not serve. */
export function validateGateways(config: Config, bindings: Bindings, report: Report): void {
  if (config.gateway.length === 0 && !report.document.says(["gateway"])) {
    // It would run and listen to nothing, which is surely not what was meant.
    report.error(
      ["gateway"],
      "missing, expected at least one [[gateway]], else nothing would listen",
    );
  }
  for (const gateway of bindings.gateways) validateGateway(gateway, bindings, report);
  const listeners = byListen(bindings.served);
  for (const group of listeners.values()) {
    validateAgreement(group, report);
    validateClaims(group, report);
    validateNameless(group, report);
  }
  validateCover(
    [...listeners.values()].flatMap((group) => group.slice(0, 1)),
    report,
  );
  validateAdmin(config.admin.listen, listeners.values(), report);
}

/** Reports an item of `hosts` that stands there twice, and one that no server name can be. */
export function validateHostList(
  hosts: readonly string[],
  context: { readonly path: Path; readonly needsNames: boolean },
  report: Report,
): void {
  const seen = new Set<string>();
  for (const [i, host] of hosts.entries()) {
    const path = [...context.path, i];
    if (seen.has(host)) report.error(path, `"${host}" stands in this list twice`);
    else if (context.needsNames && isAddress(host)) {
      report.error(
        path,
        `"${host}" is an address; a client never sends one as server name (RFC 6066 §3)`,
      );
    }
    seen.add(host);
  }
}

function validateGateway(gateway: BoundGateway, bindings: Bindings, report: Report): void {
  const { config, path, unserved } = gateway;
  const first = bindings.byName.get(config.name);
  if (first !== undefined && first !== gateway) {
    const message = `the name "${config.name}" is taken by the gateway in line ${first.origin.line}`;
    report.error([...path, "name"], message);
  }
  if (config.protocol !== "tls" && config.tls !== undefined) {
    const an = config.protocol === "http" ? "an http" : "a tcp";
    report.error([...path, "tls"], `only for protocol = "tls": ${an} gateway reads no TLS`);
  }
  if (config.protocol !== "http") refuseHttpKeys(gateway, report);
  if (config.protocol !== "tls" && report.document.says([...path, "no_sni"])) {
    report.error([...path, "no_sni"], 'only for protocol = "tls": others read no server name');
  }
  validateProxies(gateway, report);
  const needsNames = config.protocol === "tls";
  validateHostList(config.hosts, { path: [...path, "hosts"], needsNames }, report);
  if (unserved !== undefined) {
    report.warning(
      [...path, "selector"],
      `gateway "${config.name}" is not served here: ${unserved}`,
    );
  }
}

function refuseHttpKeys({ config, path }: BoundGateway, report: Report): void {
  for (const key of ["trusted_proxies", "forwarded", "via", "https_redirect"]) {
    if (!report.document.says([...path, key])) continue;
    report.error(
      [...path, key],
      `only for protocol = "http": a ${config.protocol} gateway reads no HTTP headers`,
    );
  }
}

function validateProxies({ config, path }: BoundGateway, report: Report): void {
  const { trusted_proxies: proxies, proxy_protocol: header } = config;
  validateTrust([...path, "trusted_proxies"], proxies, report);
  validateTrust([...path, "proxy_protocol", "trusted"], header?.trusted ?? [], report);
}

function validateTrust(path: Path, networks: readonly string[], report: Report): void {
  const seen = new Set<string>();
  for (const [i, network] of networks.entries()) {
    const place = [...path, i];
    if (seen.has(network)) report.error(place, `"${network}" stands in this list twice`);
    seen.add(network);
    if (network.endsWith("/0")) {
      report.warning(place, "trusts everybody: any client can say which address it comes from");
    }
  }
}

function byListen(gateways: readonly BoundGateway[]): ReadonlyMap<string, BoundGateway[]> {
  const groups = new Map<string, BoundGateway[]>();
  for (const gateway of gateways) {
    const group = groups.get(gateway.config.listen.id);
    if (group === undefined) groups.set(gateway.config.listen.id, [gateway]);
    else group.push(gateway);
  }
  return groups;
}

/** Before Host or SNI no gateway is known, so what counts until then must be the same for all on one address. */
function validateAgreement([first, ...others]: readonly BoundGateway[], report: Report): void {
  if (first === undefined) return;
  for (const other of others) {
    const where = `gateway "${first.config.name}" (line ${first.origin.line}) on ${first.config.listen.id}`;
    if (other.config.protocol !== first.config.protocol) {
      const message = `differs from ${where}, which is ${first.config.protocol}; one address speaks one protocol`;
      report.error([...other.path, "protocol"], message);
      continue;
    }
    if (first.config.protocol === "tcp") {
      const message = `${where} stands there already; nothing is read that could tell tcp gateways on one address apart`;
      report.error([...other.path, "listen"], message);
      continue;
    }
    if (
      JSON.stringify(other.config.proxy_protocol) !== JSON.stringify(first.config.proxy_protocol)
    ) {
      const message = `differs from ${where}; gateways on one address must agree`;
      report.error([...other.path, "proxy_protocol"], message);
    }
    for (const part of ["limits", "timeouts"] as const) {
      const theirs = new Map(Object.entries(first.config[part]));
      for (const [key, value] of Object.entries(other.config[part])) {
        if (theirs.get(key) === value) continue;
        report.error(
          [...other.path, part, key],
          `differs from ${where}; gateways on one address must agree`,
        );
      }
    }
  }
}

/** Without a server name no gateway is known: of those on one address only one can take such connections. */
function validateNameless(group: readonly BoundGateway[], report: Report): void {
  const [first, ...others] = group.filter(({ config }) => config.no_sni !== "reject");
  if (first === undefined) return;
  for (const other of others) {
    const message = `gateway ${showName(first)} on the same address takes connections without a server name`;
    report.error([...other.path, "no_sni"], `${message}; say it once`);
  }
}

function validateClaims(group: readonly BoundGateway[], report: Report): void {
  const claims = new Map<string, BoundGateway>();
  for (const gateway of group) {
    for (const [i, host] of gateway.config.hosts.entries()) {
      const first = claims.get(host);
      if (first === undefined) claims.set(host, gateway);
      if (first === undefined || first === gateway) continue;
      const both = `gateways ${showName(first)} and ${showName(gateway)}`;
      const message = `${both} both claim "${host}" on ${gateway.config.listen.id}`;
      // The default ["*"] stands in no list: then the gateway itself is the place.
      const path = [...gateway.path, "hosts", i];
      report.error(report.document.says(path) ? path : [...gateway.path, "hosts"], message);
    }
  }
}

/** Of two different addresses that cover each other one stands for every address of a family. */
function validateCover(firsts: readonly BoundGateway[], report: Report): void {
  for (const group of Map.groupBy(firsts, portOf).values()) {
    const wide = group.filter(isWide);
    for (const gateway of group) {
      const { id, address } = gateway.config.listen;
      const other = (isWide(gateway) ? group : wide).find(
        (before) => before.index < gateway.index && covers(before.config.listen.address, address),
      );
      if (other === undefined) continue;
      const message = `${id} and ${other.config.listen.id} of gateway ${showName(other)} cover each other`;
      report.error([...gateway.path, "listen"], `${message}; use one of them`);
    }
  }
}

function portOf({ config }: BoundGateway): number {
  return config.listen.address.port;
}

function isWide({ config }: BoundGateway): boolean {
  const { host } = config.listen.address;
  return host === undefined || host === "::" || host === "0.0.0.0";
}

function validateAdmin(
  admin: AdminAddress,
  groups: Iterable<readonly BoundGateway[]>,
  report: Report,
): void {
  if (admin.kind !== "tcp") return;
  for (const [first] of groups) {
    if (first === undefined || !covers(admin, first.config.listen.address)) continue;
    if (report.document.says(["admin", "listen"])) {
      const message = `${first.config.listen.id} belongs to gateway ${showName(first)}; use another port`;
      report.error(["admin", "listen"], message);
    } else {
      const message = `covers the admin API on 127.0.0.1:${admin.port}; use another port, or set admin.listen`;
      report.error([...first.path, "listen"], message);
    }
  }
}

/** Names a gateway with its line. */
function showName({ config, origin }: BoundGateway): string {
  return `"${config.name}" (line ${origin.line})`;
}
