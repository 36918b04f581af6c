/** How many requests and tunnels each endpoint has. */

/** Service name → endpoint name → requests and tunnels now; what has none is absent. */
export type EndpointLoads = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Of all workers together. Pure. */
export function sumLoads(all: readonly EndpointLoads[]): EndpointLoads {
  const sum = new Map<string, Map<string, number>>();
  for (const loads of all) {
    for (const [service, ofService] of loads) {
      const known = sum.get(service) ?? new Map<string, number>();
      sum.set(service, known);
      for (const [endpoint, count] of ofService) {
        known.set(endpoint, (known.get(endpoint) ?? 0) + count);
      }
    }
  }
  return sum;
}
