/** Warnings about connections that are kept ready for nobody. */
import type { Report } from "./report.ts";
import type { Config } from "./schema.ts";

/** Warns of `pool.warm` where it does nothing. The file must be free of errors. */
export function lintPools(config: Config, report: Report): void {
  const tunnels = new Set<string>(config.gateway.map(({ no_sni: service }) => service));
  for (const { tls, tcp } of config.virtual_service) {
    for (const { route } of [...tls, ...tcp]) for (const { to } of route) tunnels.add(to);
  }
  for (const [name, { pool, proxy_protocol: header }] of Object.entries(config.service)) {
    if (pool.warm === 0) continue;
    const path = ["service", name, "pool", "warm"];
    if (header !== "off") {
      const message = "does nothing with proxy_protocol, whose header speaks of a client";
      report.warning(path, message);
    } else if (!tunnels.has(name)) {
      report.warning(path, "does nothing but hold connections: only tls and tcp routes use them");
    }
  }
}
