/** Whether a failed attempt may be repeated. */
import { FAILURES, type FailureKind } from "./failure.ts";
import type { RetryPolicy } from "./model.ts";

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

/** What a route without `retries` does: other endpoints, while none has been reached. */
export const DEFAULT_RETRY: RetryPolicy = {
  attempts: RETRIES_DEFAULT,
  perTryTimeoutMs: undefined,
  on: ["connect-failure"],
  statuses: [],
};

/** Failures of an endpoint that may have acted on the request, as Envoy groups them. */
const BROKEN_OFF: ReadonlySet<FailureKind> = new Set(["upstream-reset", "response-timeout"]);
const ON_BROKEN_OFF: ReadonlySet<string> = new Set(["reset", "5xx", "gateway-error"]);
/** Envoy's "5xx" and "gateway-error" take these too. */
const ON_UNREACHED: ReadonlySet<string> = new Set(["connect-failure", "5xx", "gateway-error"]);

/** Whether the policy wants another attempt after a failure that no answer shows. Pure. */
export function wantsRetryAfter(policy: RetryPolicy, kind: FailureKind): boolean {
  if (mayTryAnother(kind)) return policy.on.some((condition) => ON_UNREACHED.has(condition));
  return BROKEN_OFF.has(kind) && policy.on.some((condition) => ON_BROKEN_OFF.has(condition));
}

/** Whether the policy wants another attempt after an answer with this status. Pure. */
export function wantsRetryOfStatus(policy: RetryPolicy, status: number): boolean {
  if (policy.statuses.includes(status)) return true;
  if (status >= 500 && policy.on.includes("5xx")) return true;
  return status >= 502 && status <= 504 && policy.on.includes("gateway-error");
}

/** Whether a request that an endpoint has got may be sent again at all, so that its body must be kept. Pure. */
export function mayNeedAgain({ attempts, on, statuses }: RetryPolicy, method: string): boolean {
  if (IDEMPOTENT.has(method)) return true;
  return attempts > 0 && (statuses.length > 0 || on.some((each) => each !== "connect-failure"));
}

/** What one retry costs; a request gives 1, so that every fifth may be repeated. */
const RETRY_COST = 5;
/** Ten retries may follow each other without a request between them, and grow back in a second (as in Finagle). */
const BUDGET_FLOOR = 10 * RETRY_COST;
/** After a quiet time no more than a hundred at once. */
const BUDGET_MAX = 100 * RETRY_COST;

/**
 * How many requests to a service may be repeated after an endpoint has got them: a fifth of the requests and a small floor.
 * A service that fails under its load is not given a multiple of it. Owned by one worker's service.
 */
export class RetryBudget {
  #credit = BUDGET_FLOOR;
  #filledMs = 0;

  /** A request begins. */
  request(): void {
    this.#credit = Math.min(BUDGET_MAX, this.#credit + 1);
  }

  /** Takes one retry; false = there is none left. `nowMs` is monotonic. */
  take(nowMs: number): boolean {
    if (this.#credit < BUDGET_FLOOR) {
      const grown = ((nowMs - this.#filledMs) / 1000) * BUDGET_FLOOR;
      this.#credit = Math.min(BUDGET_FLOOR, this.#credit + grown);
    }
    this.#filledMs = nowMs;
    if (this.#credit < RETRY_COST) return false;
    this.#credit -= RETRY_COST;
    return true;
  }
}
