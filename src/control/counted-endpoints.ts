/** Which endpoints of a service have a series of metrics. */
import type { EndpointCondition } from "../core/endpoint-condition.ts";
import type { Service } from "../core/service.ts";

/** Besides those of the file: a DNS answer must not make any number of series. */
const SERIES_MAX = 64;

/** All that stand in the file, and the first so many of the others. Pure. */
export function countedEndpoints(
  { sources }: Pick<Service, "sources">,
  conditions: readonly EndpointCondition[],
): readonly EndpointCondition[] {
  const own = new Set(
    sources.flatMap((source) => (source.kind === "address" ? [source.endpoint.name] : [])),
  );
  let room = SERIES_MAX;
  return conditions.filter(({ endpoint }) => {
    if (own.has(endpoint.name)) return true;
    room -= 1;
    return room >= 0;
  });
}
