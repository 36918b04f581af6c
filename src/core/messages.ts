/** What the main thread and its workers tell each other: plain data that survives `structuredClone`. */
import type { DrainSettings, LogLevel, Snapshot } from "./model.ts";
import type { EndpointLoads } from "./endpoint-loads.ts";
import type { ErrorRow } from "./health-outlier.ts";
import type { ConnectionsPage, ConnectionsQuery } from "./open-connections.ts";
import type { Endpoint, EndpointSets, HealthTable, HealthTables } from "./service.ts";

/** Why a listener could not be bound. */
export interface BindProblem {
  readonly listener: string;
  /** errno name, `EADDRINUSE` … */
  readonly code: string;
}

/** Main thread → worker. */
export type ToWorker =
  | {
      /** Bind what is new and hold its connections; nothing else changes before `commit`. */
      readonly type: "prepare";
      readonly snapshot: Snapshot;
      readonly endpoints: EndpointSets;
      readonly health: HealthTables;
      /** Float64 counters, written by this worker only. */
      readonly counters: SharedArrayBuffer;
    }
  | { readonly type: "commit"; readonly version: number }
  | { readonly type: "abort"; readonly version: number }
  | {
      readonly type: "endpoints";
      readonly service: string;
      readonly endpoints: readonly Endpoint[];
    }
  /** All that differs from plain health in this service now. */
  | { readonly type: "health"; readonly service: string; readonly health: HealthTable }
  | { readonly type: "drain"; readonly settings: DrainSettings }
  | { readonly type: "reopen-logs" }
  /** A question: the answer has the same `id`. */
  | { readonly type: "connections"; readonly id: number; readonly query: ConnectionsQuery }
  | { readonly type: "loads"; readonly id: number };

/** Worker → main thread. */
export type FromWorker =
  | {
      readonly type: "prepared";
      readonly version: number;
      readonly problems: readonly BindProblem[];
    }
  | { readonly type: "committed"; readonly version: number }
  | { readonly type: "drained" }
  | { readonly type: "access-log"; readonly lines: string }
  | { readonly type: "connections"; readonly id: number; readonly page: ConnectionsPage }
  | { readonly type: "loads"; readonly id: number; readonly loads: EndpointLoads }
  /** What has changed since the last such message. */
  | { readonly type: "outcomes"; readonly rows: readonly ErrorRow[] }
  /** How many lines this worker has lost since it started. */
  | { readonly type: "access-log-dropped"; readonly total: number }
  | {
      readonly type: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, string | number>>;
    };

/** What a worker is asked, and what it answers: pairs of one type. */
export type Question = Extract<ToWorker, { readonly id: number }>;
export type Answer = Extract<FromWorker, { readonly id: number }>;

/** What a worker is told when it starts. */
export interface WorkerStart {
  /** 0-based; a replacement has the number of the one that died. */
  readonly index: number;
  /** This box in CDN-Loop (RFC 8586 §2): the same for all workers of the process. */
  readonly boxId: string;
  /** How many workers share `counts`. */
  readonly workers: number;
  /** See shared-counts.ts. */
  readonly counts: SharedArrayBuffer;
  /** See pool-signals.ts. */
  readonly signals: SharedArrayBuffer;
  /** Connections of all listeners together. */
  readonly descriptorsAllow: number;
}
