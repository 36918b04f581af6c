/** An endpoint as balancers see it: with what it has to do, and whether it may be used. */
import type { Endpoint, EndpointState } from "../service.ts";

/** What is counted of one endpoint in one worker while it is used. */
export interface EndpointLoad {
  /** Requests and tunnels now. Written by the connections to it alone. */
  active: number;
}

/** One endpoint of a service in one worker. Lives as long as its name is in the set or it is in use. */
export interface Candidate extends EndpointLoad {
  /** As it was published last. */
  endpoint: Endpoint;
  state: EndpointState;
  /** Milliseconds since the epoch from which on its share grows; -Infinity = it has had its full share always. */
  sinceMs: number;
}

/** A candidate with nothing to do. Pure. */
export function createCandidate(
  endpoint: Endpoint,
  state: EndpointState = "healthy",
  sinceMs = Number.NEGATIVE_INFINITY,
): Candidate {
  return { endpoint, active: 0, state, sinceMs };
}

/** Whether a request was at this endpoint before; by name, for a set that was published anew has other objects. Pure. */
export function isTried(tried: readonly Endpoint[], { endpoint }: Candidate): boolean {
  for (const other of tried) if (other.name === endpoint.name) return true;
  return false;
}
