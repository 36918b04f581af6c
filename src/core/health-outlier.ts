/** Passive health: who is left out for its answers, for how long, and when it comes back. Pure. */
import type { OutlierPolicy } from "./service.ts";

/** An ejection is never longer, unless the policy's first one is: as Envoy's `max_ejection_time`. */
const EJECTION_MS_MAX = 300_000;

/** What is known of one endpoint by its answers. */
export interface OutlierState {
  /** Errors in a row, as each worker counts them; by the worker's index. */
  readonly rows: readonly number[];
  /** On a monotonic clock, in milliseconds; undefined = it is not ejected. */
  readonly untilMs: number | undefined;
  /** How often it was ejected of late: it grows with each ejection and shrinks with each interval without one. */
  readonly times: number;
  /** Ejections since it is known. */
  readonly total: number;
}

/** An endpoint that nothing is known of. */
export const UNTROUBLED: OutlierState = { rows: [], untilMs: undefined, times: 0, total: 0 };

/** What the other endpoints of the service leave room for. */
export interface EjectionRoom {
  /** Endpoints of the service, this one included. */
  readonly endpoints: number;
  readonly ejected: number;
  /** Others that may be used now. */
  readonly usableOthers: number;
}

/** The state when a worker says how many errors in a row it has; nothing is counted during an ejection. Pure. */
export function withRow(state: OutlierState, worker: number, errors: number): OutlierState {
  if (state.untilMs !== undefined || (state.rows[worker] ?? 0) === errors) return state;
  const rows = Array.from({ length: Math.max(state.rows.length, worker + 1) }, (_, index) =>
    index === worker ? errors : (state.rows[index] ?? 0),
  );
  return { ...state, rows };
}

/** All workers' rows together. Pure. */
export function errorsInARow({ rows }: OutlierState): number {
  return rows.reduce((sum, row) => sum + row, 0);
}

/**
 * Whether one more endpoint may be ejected: up to `percentMax` of all, and the first one in any case, but never the last
 * that may be used. Pure.
 */
export function mayEject(policy: OutlierPolicy, room: EjectionRoom): boolean {
  if (room.usableOthers === 0) return false;
  const ejected = room.ejected + 1;
  return ejected === 1 || ejected * 100 <= room.endpoints * policy.percentMax;
}

/** The state of an endpoint that is left out from now on; each time of late doubles the first one's length. Pure. */
export function eject(state: OutlierState, policy: OutlierPolicy, nowMs: number): OutlierState {
  const longestMs = Math.max(EJECTION_MS_MAX, policy.ejectionMs);
  const lengthMs = Math.min(policy.ejectionMs * 2 ** state.times, longestMs);
  // Beyond the longest, further doublings would only have to be decayed again.
  const times = lengthMs < longestMs ? state.times + 1 : Math.max(state.times, 1);
  return { rows: [], untilMs: nowMs + lengthMs, times, total: state.total + 1 };
}

/** The state after a look at the end of an interval: whose time is over comes back, who was not out decays. Pure. */
export function sweep(state: OutlierState, nowMs: number): OutlierState {
  if (state.untilMs === undefined) {
    return state.times === 0 ? state : { ...state, times: state.times - 1 };
  }
  return state.untilMs <= nowMs ? { ...state, untilMs: undefined } : state;
}

/** Whether the next look can change anything. Pure. */
export function needsSweep({ untilMs, times }: OutlierState): boolean {
  return untilMs !== undefined || times > 0;
}

/** What one worker tells of one endpoint. */
export interface ErrorRow {
  readonly service: string;
  readonly endpoint: string;
  /** In a row, up to now; 0 = it has answered well since. */
  readonly errors: number;
}
