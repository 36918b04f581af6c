/** Active health: what checks in a row say of an endpoint. Pure. */
import type { HealthCheckPolicy } from "./service.ts";

/** What one check found. */
export interface CheckResult {
  readonly passed: boolean;
  /** For people: `status 200`, `connect refused`, `status 500, expected 200`. */
  readonly detail: string;
}

/** A result with its time in milliseconds since the epoch. */
export interface TimedResult extends CheckResult {
  readonly atMs: number;
}

/** What is known of one endpoint by checks. */
export interface CheckState {
  readonly healthy: boolean;
  /** Results in a row that speak against `healthy`; Infinity = the next result decides alone. */
  readonly against: number;
  /** Undefined = there was none yet. */
  readonly last: TimedResult | undefined;
}

/** Before the first result: it counts as healthy, and that result decides alone, whichever it is. */
export const UNCHECKED: CheckState = {
  healthy: true,
  against: Number.POSITIVE_INFINITY,
  last: undefined,
};

/**
 * The state after one more result. Pure. A healthy endpoint is unhealthy after `unhealthyAfter` failures in a row, and it
 * takes `healthyAfter` successes in a row to be healthy again.
 */
export function nextCheckState(
  state: CheckState,
  last: TimedResult,
  policy: Pick<HealthCheckPolicy, "unhealthyAfter" | "healthyAfter">,
): CheckState {
  const { healthy } = state;
  if (last.passed === healthy) return { healthy, against: 0, last };
  const against = state.against + 1;
  const flips = against >= (healthy ? policy.unhealthyAfter : policy.healthyAfter);
  return flips ? { healthy: !healthy, against: 0, last } : { healthy, against, last };
}

/** The same knowledge when checks begin to ask something else: the next result decides alone. Pure. */
export function renewed(state: CheckState): CheckState {
  return { ...state, against: Number.POSITIVE_INFINITY };
}
