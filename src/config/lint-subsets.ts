/** Warnings about subsets that no endpoint is in. */
import { hasLabels } from "../core/subset.ts";
import type { Report } from "./report.ts";
import type { Config, ServiceConfig } from "./schema.ts";

/** Warns of subsets that would stay empty for ever. The file must be free of errors. */
export function lintSubsets(config: Config, report: Report): void {
  for (const [name, service] of Object.entries(config.service)) {
    for (const [subset, labels] of Object.entries(service.subsets)) {
      // The endpoints of a file bring labels of their own.
      if (service.file !== undefined || isFilled(service, labels)) continue;
      const said = Object.entries(labels).map(
        ([key, value]) => `${key} = ${JSON.stringify(value)}`,
      );
      const add = `give one labels = { ${said.join(", ")} }`;
      const how =
        service.endpoints === undefined ? `what DNS tells has no labels; in endpoints ${add}` : add;
      const message = `no endpoint is in this subset: ${how}`;
      report.warning(["service", name, "subsets", subset], message);
    }
  }
}

/** Of a service without a list the endpoints come from DNS: they have no labels. */
function isFilled({ endpoints }: ServiceConfig, wanted: Readonly<Record<string, string>>) {
  const all = endpoints?.map(({ labels = {} }) => ({ labels })) ?? [{}];
  return all.some((one) => hasLabels(one, wanted));
}
