/** Failures that an operator should know of, for the program's own log: a flood of them is one line. */
import { FAILURES, type Failure } from "../core/failure.ts";
import type { LogLevel } from "../core/model.ts";

/** The same kind at the same service is told again after so long, with the count of what was left out. */
const REPEAT_MS = 10_000;
/** Kinds times services that are remembered; beyond it the memory starts anew. */
const REMEMBERED_MAX = 1024;

/** Takes one line for the program's log. */
export type LogLine = (
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, string | number>>,
) => void;

interface Seen {
  atMs: number;
  suppressed: number;
}

/** Owned by a worker. The failure table's `level` says what is told at all. */
export class FailureLog {
  readonly #seen = new Map<string, Seen>();
  readonly #log: LogLine;
  readonly #now: () => number;

  /** `now` is monotonic, in milliseconds. */
  constructor(log: LogLine, now: () => number) {
    this.#log = log;
    this.#now = now;
  }

  /** Effect: logs at most one line in REPEAT_MS for each kind and service. */
  note(failure: Failure, service: string | undefined, endpoint: string | undefined): void {
    const { level } = FAILURES[failure.kind];
    if (level === "off") return;
    const key = `${failure.kind} ${service ?? ""}`;
    const seen = this.#seen.get(key);
    const now = this.#now();
    if (seen !== undefined && now - seen.atMs < REPEAT_MS) {
      seen.suppressed += 1;
      return;
    }
    if (this.#seen.size >= REMEMBERED_MAX) this.#seen.clear();
    this.#seen.set(key, { atMs: now, suppressed: 0 });
    this.#log(level, "could not be served", {
      failure: failure.kind,
      ...(service === undefined ? {} : { service }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(failure.detail === "" ? {} : { detail: failure.detail }),
      ...(seen === undefined || seen.suppressed === 0 ? {} : { suppressed: seen.suppressed }),
    });
  }
}
