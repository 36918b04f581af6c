/** What must hold of the things that a route does besides choosing where a request goes. */
import type { Path } from "./document.ts";
import type { Report } from "./report.ts";
import type { HttpRouteConfig } from "./schema.ts";

type HeadersConfig = NonNullable<HttpRouteConfig["headers"]>;

/** Reports what contradicts itself, does nothing, or needs a route that forwards. */
export function validatePolicy(path: Path, config: HttpRouteConfig, report: Report): void {
  const { route, headers, rewrite, cors, fault } = config;
  if (route === undefined) refuseWithoutRoute(path, report);
  if (rewrite !== undefined && rewrite.path === undefined && rewrite.host === undefined) {
    report.error([...path, "rewrite"], "changes nothing: say path or host");
  }
  if (fault !== undefined && fault.delay === undefined && fault.abort === undefined) {
    report.error([...path, "fault"], "does nothing: say delay or abort");
  }
  if (headers !== undefined) validateHeaders([...path, "headers"], headers, report);
  for (const [i, part] of (route ?? []).entries()) {
    if (part.headers === undefined) continue;
    validateHeaders([...path, "route", i, "headers"], part.headers, report);
  }
  if (cors?.allow_credentials && cors.allow_origins.some(({ exact }) => exact === "*")) {
    report.error(
      [...path, "cors", "allow_credentials"],
      'every page of the internet could act for its visitors: name the origins instead of "*"',
    );
  }
}

function refuseWithoutRoute(path: Path, report: Report): void {
  for (const key of ["rewrite", "timeout", "retries", "mirror"]) {
    if (!report.document.says([...path, key])) continue;
    report.error([...path, key], "only together with route: nothing else asks an endpoint");
  }
  if (report.document.says([...path, "headers", "request"])) {
    report.error(
      [...path, "headers", "request"],
      "only together with route: nothing else sends the request on",
    );
  }
}

function validateHeaders(path: Path, { request, response }: HeadersConfig, report: Report): void {
  for (const [side, { set, add, remove }] of Object.entries({ request, response })) {
    const seen = new Map<string, string>();
    for (const name of [...Object.keys(set), ...Object.keys(add)]) {
      const first = seen.get(name.toLowerCase());
      seen.set(name.toLowerCase(), name);
      if (first === undefined) continue;
      const key = Object.hasOwn(add, name) ? "add" : "set";
      report.error([...path, side, key, name], `"${first}" is set or added here too: say it once`);
    }
    for (const [i, name] of remove.entries()) {
      if (!Object.keys(set).some((other) => other.toLowerCase() === name.toLowerCase())) continue;
      report.error([...path, side, "remove", i], `"${name}" is set here too, which replaces it`);
    }
  }
}
