/** Warnings about subsets that no endpoint is in. */
import { hasLabels } from "../core/subset.ts";
import type { Report } from "./report.ts";
import type { Config, ServiceConfig } from "./schema.ts";

/** Warns of subsets that would stay empty for ever. The file must be free of errors. */
export function lintSubsets(config: Config, report: Report): void {
  for (const [name, service] of Object.entries(config.service)) {
    for (const [subset, labels] of Object.entries(service.subsets)) {
      if (isFilled(service, labels)) continue;
      const said = Object.entries(labels).map(
        ([key, value]) => `${key} = ${JSON.stringify(value)}`,
      );
      const add = `give one labels = { ${said.join(", ")} }`;
      const how =
        service.dns === undefined ? add : `those of dns have no labels; in endpoints ${add}`;
      const message = `no endpoint is in this subset: ${how}`;
      report.warning(["service", name, "subsets", subset], message);
    }
  }
}

function isFilled(
  { endpoints = [], dns }: ServiceConfig,
  wanted: Readonly<Record<string, string>>,
) {
  return [...endpoints, ...(dns === undefined ? [] : [{}])].some((one) => hasLabels(one, wanted));
}
