/** Warnings about checks that cannot pass. */
import type { Report } from "./report.ts";
import type { Config } from "./schema.ts";

/** Warns of checks in clear of endpoints to which nothing but TLS is passed. The file must be free of errors. */
export function lintHealth(config: Config, report: Report): void {
  const list = config.virtual_service;
  const passed = new Set(list.flatMap(({ tls }) => namesIn(tls)));
  const others = new Set(list.flatMap(({ http, tcp }) => [...namesIn(http), ...namesIn(tcp)]));
  for (const [name, { health_check: check, tls }] of Object.entries(config.service)) {
    const isRequest = check?.path !== undefined || check?.grpc !== undefined;
    if (!isRequest || tls !== undefined || !passed.has(name) || others.has(name)) continue;
    const message =
      "only tls routes lead here, so the endpoints speak TLS, and this check does not: say health_check = { tcp = true }";
    report.warning(["service", name, "health_check"], message);
  }
}

function namesIn(
  routes: readonly { readonly route?: readonly { readonly to: string }[] | undefined }[],
): readonly string[] {
  return routes.flatMap(({ route = [] }) => route.map(({ to }) => to));
}
