/** What the control plane can tell of one endpoint. */
import type { CheckState } from "./health-check.ts";
import type { Endpoint, EndpointState } from "./service.ts";

/** Everything that is known of its health; times in milliseconds since the epoch. */
export interface EndpointCondition {
  readonly endpoint: Endpoint;
  readonly state: EndpointState;
  /** Since when it has been so, or known. */
  readonly sinceMs: number;
  /** What brought that about; undefined = it has been healthy as long as it is known. */
  readonly because: string | undefined;
  /** Undefined = its service has no checks. */
  readonly check: CheckState | undefined;
  /** Of all workers together. */
  readonly errorsInARow: number;
  readonly ejections: number;
  /** When it may come back at the earliest; undefined = it is not ejected. */
  readonly ejectedUntilMs: number | undefined;
}
