import type { LogLevel } from "../core/model.ts";
import type { AnswerSource } from "./look-up.ts";

/** Writes one line of the program's log. */
export type Log = (
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, string | number>>,
) => void;

/**
 * What is known of one thing that endpoints hang on, for tables: a name with its addresses, the SRV records of a name,
 * or a file. Times in milliseconds since the epoch.
 */
export interface SourceStatus {
  readonly kind: "name" | "srv" | "file";
  /** The name that is looked up, or the path of the file. */
  readonly host: string;
  /** Where the last good answer came from; undefined = there was none yet. */
  readonly from: AnswerSource | "file" | undefined;
  /**
   * What the last good answer said: the addresses of a name as used, the targets of records as
   * `priority weight host:port`, the endpoints that a file lists.
   */
  readonly addresses: readonly string[];
  readonly resolvedAt: number | undefined;
  /** How long the last good answer holds; undefined = until a file changes, which is looked at again and again. */
  readonly ttlMs: number | undefined;
  /** When it is asked for again; undefined = when a file changes. */
  readonly nextAt: number | undefined;
  /** Why the last answer is not used, a code of node:dns or a sentence: what is above is older then. */
  readonly error: string | undefined;
}
