/** How many requests and tunnels each endpoint has. Pure. */
import type { ConnectionState, OpenConnection } from "./open-connections.ts";

/** Service name → endpoint name → requests and tunnels now; what has none is absent. */
export type EndpointLoads = ReadonlyMap<string, ReadonlyMap<string, number>>;

const ACTIVE: ReadonlySet<ConnectionState> = new Set<ConnectionState>([
  "connecting",
  "request",
  "tunnel",
]);

/** Of the open connections of one worker: each has one request or tunnel at most. */
export function countLoads(connections: Iterable<OpenConnection>): EndpointLoads {
  const loads = new Map<string, Map<string, number>>();
  for (const { state, service, endpoint } of connections) {
    if (service === undefined || endpoint === undefined || !ACTIVE.has(state)) continue;
    addTo(loads, [service, endpoint], 1);
  }
  return loads;
}

/** Of all workers together. */
export function sumLoads(all: readonly EndpointLoads[]): EndpointLoads {
  const sum = new Map<string, Map<string, number>>();
  for (const loads of all) {
    for (const [service, ofService] of loads) {
      for (const [endpoint, count] of ofService) addTo(sum, [service, endpoint], count);
    }
  }
  return sum;
}

function addTo(
  loads: Map<string, Map<string, number>>,
  [service, endpoint]: readonly [service: string, endpoint: string],
  count: number,
): void {
  const ofService = loads.get(service) ?? new Map<string, number>();
  loads.set(service, ofService);
  ofService.set(endpoint, (ofService.get(endpoint) ?? 0) + count);
}
