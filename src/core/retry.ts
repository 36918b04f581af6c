/** Whether a failed attempt may be repeated. */
import { FAILURES, type FailureKind } from "./failure.ts";

/** Attempts besides the first when a route says nothing. */
export const RETRIES_DEFAULT = 2;

/** RFC 9110 §9.2.2. */
const IDEMPOTENT: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "OPTIONS",
  "TRACE",
  "PUT",
  "DELETE",
]);

/** What is known of a failed attempt. */
export interface FailedAttempt {
  readonly kind: FailureKind;
  readonly method: string;
  /** The connection had served before: it may have been closed while the request was on its way. */
  readonly reused: boolean;
  /** A byte of the answer has come. */
  readonly answered: boolean;
  /** Everything sent is still at hand and can be sent again. */
  readonly replayable: boolean;
}

/** The request never reached the endpoint, so whichever it is, it may go to another one. Pure. */
export function mayTryAnother(kind: FailureKind): boolean {
  return FAILURES[kind].retryable;
}

/**
 * A kept-alive connection that closed before a byte of the answer: repeat once on a new connection, if the
 * method may be repeated (RFC 9110 §9.2.2, RFC 9112 §9.3.1). Pure.
 */
export function mayRepeatOnNew(attempt: FailedAttempt): boolean {
  return (
    attempt.kind === "upstream-reset" &&
    attempt.reused &&
    !attempt.answered &&
    attempt.replayable &&
    IDEMPOTENT.has(attempt.method)
  );
}
