/** Warnings about names that two gateways of different protocols let in. */
import type { Bindings } from "./bind.ts";
import type { Report } from "./report.ts";

/**
 * Warns of a wildcard on a tls gateway that takes an exact name of another gateway there: a browser may send requests for
 * both names on one HTTP/2 connection if one certificate covers them (RFC 9113 §9.1.1), and then the second name's
 * requests go where the first one's do.
 */
export function lintOverlaps({ served }: Bindings, report: Report): void {
  const below = exactBySuffix(served);
  for (const { config, path } of served) {
    if (config.protocol !== "tls") continue;
    for (const [i, host] of config.hosts.entries()) {
      if (!host.startsWith("*.")) continue;
      const taken = below.get(host.slice(2))?.find(({ gateway }) => gateway !== config.name);
      if (taken === undefined) continue;
      const message = `takes names beside "${taken.host}" of gateway "${taken.gateway}" (line ${taken.line}): if one certificate covers both, browsers may use one HTTP/2 connection for both; give "${taken.host}" a certificate of its own`;
      report.warning([...path, "hosts", i], message);
    }
  }
}

interface ExactHost {
  readonly host: string;
  readonly gateway: string;
  readonly line: number;
}

/** Exact names by each suffix that they stand below; of two gateways at most, which is enough to find another one. */
function exactBySuffix(served: Bindings["served"]): ReadonlyMap<string, readonly ExactHost[]> {
  const below = new Map<string, ExactHost[]>();
  for (const { config, origin } of served) {
    if (config.protocol !== "tls") continue;
    for (const host of config.hosts) {
      if (host.includes("*")) continue;
      const entry = { host, gateway: config.name, line: origin.line };
      for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
        addTo(below, host.slice(dot + 1), entry);
      }
    }
  }
  return below;
}

function addTo(below: Map<string, ExactHost[]>, suffix: string, entry: ExactHost): void {
  const known = below.get(suffix);
  if (known === undefined) below.set(suffix, [entry]);
  else if (known.length === 1 && known[0]?.gateway !== entry.gateway) known.push(entry);
}
