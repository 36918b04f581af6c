/** Where a route forwards to, as an explanation shows it. */
import { sourceAddress, sourceWeight } from "../core/endpoint-source.ts";
import type { Destination } from "../core/model.ts";
import type { EndpointSets, EndpointSource, HealthTables, Service } from "../core/service.ts";
import { hasLabels } from "../core/subset.ts";
import type { ExplainEndpoint, ExplainService } from "../core/views.ts";

/** What the running box knows of endpoints. */
export interface LiveEndpoints {
  readonly sets: EndpointSets;
  /** What is absent is healthy. */
  readonly health: HealthTables;
}

/** One entry a destination, with the endpoints of its subset; `live` absent = what the file says. Pure. */
export function explainServices(
  services: readonly Service[],
  live: LiveEndpoints | undefined,
  destinations: readonly Destination[],
): readonly ExplainService[] {
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  return destinations.flatMap(({ service: index, subset, weight }) => {
    const service = services[index];
    if (service === undefined) return [];
    const wanted = service.subsets.find(({ name }) => name === subset)?.labels ?? {};
    const percent = total === 0 ? 0 : Math.round((weight / total) * 1000) / 10;
    return [
      {
        name: service.name,
        line: service.origin.line,
        ...(subset === undefined ? {} : { subset }),
        percent,
        endpoints: liveEndpoints(service, live, wanted) ?? saidEndpoints(service, wanted),
      },
    ];
  });
}

type Labels = Readonly<Record<string, string>>;

/** Undefined while the box knows nothing of the service. */
function liveEndpoints(
  { name: service }: Service,
  live: LiveEndpoints | undefined,
  wanted: Labels,
): readonly ExplainEndpoint[] | undefined {
  return live?.sets[service]
    ?.filter((endpoint) => hasLabels(endpoint, wanted))
    .map(({ name, weight, ...level }) => ({
      address: name,
      weight,
      ...levelOf(level),
      state: live.health[service]?.[name]?.state ?? "healthy",
    }));
}

function saidEndpoints({ sources }: Service, wanted: Labels): readonly ExplainEndpoint[] {
  return sources
    .filter((source) => mayHaveLabels(source, wanted))
    .map((source) => ({
      address: sourceAddress(source),
      weight: sourceWeight(source),
      ...saidLevel(source),
    }));
}

function saidLevel(source: EndpointSource) {
  if (source.kind === "address") return levelOf(source.endpoint);
  return source.kind === "name" ? levelOf(source) : {};
}

/** Without what is not said. */
function levelOf({ zone, priority = 0 }: { zone?: string; priority?: number }) {
  return { ...(zone === undefined ? {} : { zone }), ...(priority === 0 ? {} : { priority }) };
}

function mayHaveLabels(source: EndpointSource, wanted: Labels): boolean {
  if (source.kind === "address") return hasLabels(source.endpoint, wanted);
  if (source.kind === "name") return hasLabels(source, wanted);
  // The endpoints of a file bring their own; records of DNS have none.
  return source.kind === "file" || hasLabels({}, wanted);
}
