import type { Clock } from "./clock.ts";
import type { Slots } from "./slots.ts";

/** Something that is asked for again and again. */
export interface RefreshTask<A> {
  /** Begins to ask. The promise never rejects. */
  readonly begin: () => { readonly answer: Promise<A>; cancel(): void };
  /** Takes the answer; gives the wait until the next question, in milliseconds; undefined = until `refresh`. */
  readonly take: (answer: A) => number | undefined;
}

/** What a refresher works with. */
export interface RefreshContext {
  readonly clock: Clock;
  /** Bounds how many ask at once; undefined = no bound. */
  readonly slots: Slots | undefined;
}

/** Asks one thing at a time, again when its time has come. Owns the timer and the question under way; born paused. */
export class Refresher<A> {
  /** Settles when the first answer has been taken. */
  readonly settled: Promise<void>;
  readonly #task: RefreshTask<A>;
  readonly #context: RefreshContext;
  readonly #settle: () => void;
  #isAnswered = false;
  #cancel: (() => void) | undefined;
  #timer: unknown;
  #nextAt: number | undefined;
  /** Grows with each question begun and each pause: an answer of an earlier round is not for us any more. */
  #round = 0;

  constructor(task: RefreshTask<A>, context: RefreshContext) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#settle = resolve;
    this.#task = task;
    this.#context = context;
  }

  /** An answer has been taken, good or bad. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** When the next question is due, in milliseconds since the epoch; undefined = only when `refresh` is called. */
  get nextAt(): number | undefined {
    return this.#nextAt;
  }

  /** Asks now; a question under way is given up. */
  refresh(): void {
    this.pause();
    void this.#run(this.#round);
  }

  /** Goes on after a pause: at the time that was set then, or now if that is over or none was. */
  resume(): void {
    const wait = (this.#nextAt ?? 0) - this.#context.clock.now();
    if (wait <= 0) this.refresh();
    else this.#schedule(wait);
  }

  /** Stops asking. */
  pause(): void {
    this.#round += 1;
    this.#context.clock.clear(this.#timer);
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #run(round: number): Promise<void> {
    const ask = async (): Promise<{ readonly answer: A } | undefined> => {
      if (round !== this.#round) return undefined;
      const question = this.#task.begin();
      this.#cancel = () => question.cancel();
      return { answer: await question.answer };
    };
    const { slots } = this.#context;
    const answered = await (slots === undefined ? ask() : slots.run(ask));
    if (answered === undefined || round !== this.#round) return;
    this.#cancel = undefined;
    this.#nextAt = undefined;
    this.#isAnswered = true;
    const wait = this.#task.take(answered.answer);
    // Whoever heard of the answer may have paused or begun anew.
    if (round === this.#round && wait !== undefined) this.#schedule(wait);
    this.#settle();
  }

  #schedule(waitMs: number): void {
    const { clock } = this.#context;
    this.#nextAt = clock.now() + waitMs;
    this.#timer = clock.set(() => this.refresh(), waitMs);
  }
}

// What fails is asked for after 1, 2, 4 … 30 s: soon back after a blip, no storm in an outage.
const RETRY_MIN_MS = 1000;
/** The longest wait after a failure. */
export const RETRY_MAX_MS = 30_000;

/** The wait after so many failures in a row, the last one not counted. Pure. */
export function retryWaitMs(failuresBefore: number): number {
  return Math.min(RETRY_MIN_MS * 2 ** Math.min(failuresBefore, 10), RETRY_MAX_MS);
}
