import type { LogLevel } from "../core/model.ts";
import { ADDRESSES_MAX, orderAddresses } from "./address-set.ts";
import type { Clock } from "./clock.ts";
import type { AnswerSource, Lookup, NameAnswer } from "./look-up.ts";
import type { Slots } from "./slots.ts";

/** Writes one line of the program's log. */
export type Log = (
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, string | number>>,
) => void;

/** What is known of one name, for tables. Times in milliseconds since the epoch. */
export interface NameStatus {
  readonly host: string;
  /** Where the last good answer came from; undefined = there was none yet. */
  readonly from: AnswerSource | undefined;
  /** Of the last good answer, as used. */
  readonly addresses: readonly string[];
  readonly resolvedAt: number | undefined;
  /** How long the last good answer holds; undefined = until the hosts file changes. */
  readonly ttlMs: number | undefined;
  /** When it is asked for again; undefined = when a file changes. */
  readonly nextAt: number | undefined;
  /** Code of the last lookup if that failed: the addresses are older then. */
  readonly error: string | undefined;
}

/** What a watcher works with. */
export interface WatcherContext {
  readonly clock: Clock;
  readonly slots: Slots;
  readonly log: Log;
  readonly lookUp: (host: string, answeredAs: string | undefined) => Lookup;
  readonly ipv6Usable: () => boolean;
  /** The addresses are others now. */
  readonly changed: () => void;
}

// CONFIG.md, `dns`: a TTL is clamped to 1 s … 1 h.
const TTL_MIN_MS = 1000;
const TTL_MAX_MS = 3_600_000;
// A name that fails is asked for after 1, 2, 4 … 30 s: soon back after a blip, no storm in an outage.
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 30_000;

type Found = Extract<NameAnswer, { kind: "found" }>;

/**
 * Keeps one name's addresses fresh: one lookup at a time, again when the TTL ends or after a failure with growing
 * waits. A failure keeps the last good set. Owns its timer and the lookup under way; born paused.
 */
export class NameWatcher {
  readonly host: string;
  /** Settles at the first answer or failure. */
  readonly settled: Promise<void>;
  readonly #context: WatcherContext;
  readonly #settle: () => void;
  #addresses: readonly string[] = [];
  #last: { readonly answer: Found; readonly at: number; readonly cut: number } | undefined;
  #failures = 0;
  #error: string | undefined;
  #lookup: Lookup | undefined;
  #timer: unknown;
  #nextAt: number | undefined;
  /** Grows with each lookup begun and each pause: an answer of an earlier round is not for us any more. */
  #round = 0;

  constructor(host: string, context: WatcherContext) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.host = host;
    this.settled = promise;
    this.#settle = resolve;
    this.#context = context;
  }

  /** v4 before v6, sorted, at most ADDRESSES_MAX; empty while there was no good answer. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  status(): NameStatus {
    const answer = this.#last?.answer;
    return {
      host: this.host,
      from: answer?.from,
      addresses: this.#addresses,
      resolvedAt: this.#last?.at,
      ttlMs: answer === undefined ? undefined : ttlMsOf(answer),
      nextAt: this.#nextAt,
      error: this.#error,
    };
  }

  /** Looks the name up now; a lookup under way is given up. */
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

  /** Stops asking and keeps what is known. */
  pause(): void {
    this.#round += 1;
    this.#context.clock.clear(this.#timer);
    this.#lookup?.cancel();
    this.#lookup = undefined;
  }

  async #run(round: number): Promise<void> {
    const answer = await this.#context.slots.run(async () => {
      if (round !== this.#round) return undefined;
      this.#lookup = this.#context.lookUp(this.host, this.#last?.answer.answeredAs);
      return this.#lookup.answer;
    });
    if (answer === undefined || round !== this.#round) return;
    this.#lookup = undefined;
    if (answer.kind === "found") this.#take(answer);
    else this.#fail(answer.code);
    this.#settle();
  }

  #take(answer: Found): void {
    const before = this.#last?.answer;
    const merged = mergeFamilies(answer, before);
    const all = orderAddresses({ ...merged, ipv6Usable: this.#context.ipv6Usable() });
    const addresses = all.slice(0, ADDRESSES_MAX);
    const cut = all.length - addresses.length;
    this.#logTaken(answer, { addresses, cut });
    const same = addresses.join() === this.#addresses.join();
    this.#addresses = addresses;
    this.#last = { answer: { ...answer, ...merged }, at: this.#context.clock.now(), cut };
    this.#failures = 0;
    this.#error = undefined;
    const waitMs = waitMsOf(answer);
    if (waitMs === undefined) this.#nextAt = undefined;
    else this.#schedule(waitMs);
    if (!same) this.#context.changed();
  }

  #logTaken(answer: Found, now: { addresses: readonly string[]; cut: number }): void {
    const { log } = this.#context;
    const fields = { name: this.host, from: answer.from, addresses: now.addresses.length };
    if (this.#error !== undefined) log("info", "name resolves again", fields);
    else if (now.addresses.join() !== this.#addresses.join()) log("debug", "name resolved", fields);
    if (now.cut > 0 && now.cut !== this.#last?.cut) {
      log("warning", "name has more addresses than are used", { ...fields, left_out: now.cut });
    }
  }

  #fail(code: string): void {
    const waitMs = Math.min(RETRY_MIN_MS * 2 ** Math.min(this.#failures, 10), RETRY_MAX_MS);
    if (this.#error === undefined) {
      const fields = { name: this.host, code, kept: this.#addresses.length };
      this.#context.log("warning", "name does not resolve", fields);
    }
    this.#failures += 1;
    this.#error = code;
    this.#schedule(waitMs);
  }

  #schedule(waitMs: number): void {
    const { clock } = this.#context;
    this.#nextAt = clock.now() + waitMs;
    this.#timer = clock.set(() => this.refresh(), waitMs);
  }
}

/** A family whose question failed keeps the addresses that it had. */
function mergeFamilies(
  answer: Found,
  before: Found | undefined,
): { readonly v4: readonly string[]; readonly v6: readonly string[] } {
  return { v4: answer.v4 ?? before?.v4 ?? [], v6: answer.v6 ?? before?.v6 ?? [] };
}

/** Half an answer is asked for again soon: the other half may be back long before this one's TTL ends. */
function waitMsOf(answer: Found): number | undefined {
  const ttlMs = ttlMsOf(answer);
  const whole = answer.v4 !== undefined && answer.v6 !== undefined;
  return whole || ttlMs === undefined ? ttlMs : Math.min(ttlMs, RETRY_MAX_MS);
}

function ttlMsOf(answer: Found): number | undefined {
  if (answer.ttlSeconds === undefined) return undefined;
  return Math.min(Math.max(answer.ttlSeconds * 1000, TTL_MIN_MS), TTL_MAX_MS);
}
