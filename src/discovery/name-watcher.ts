import { ADDRESSES_MAX, orderAddresses } from "./address-set.ts";
import type { Clock } from "./clock.ts";
import type { FoundAddresses } from "./look-up.ts";
import { RETRY_MAX_MS, Refresher, retryWaitMs } from "./refresher.ts";
import type { Failed, Lookup, Question } from "./resolver.ts";
import type { Slots } from "./slots.ts";
import type { Log, SourceStatus } from "./source-status.ts";

/** What a watcher of a name works with. */
export interface NameContext {
  readonly clock: Clock;
  readonly slots: Slots;
  readonly log: Log;
  readonly lookUp: (question: Question) => Lookup<FoundAddresses>;
  readonly ipv6Usable: () => boolean;
  /** The addresses are others now. */
  readonly changed: () => void;
}

// CONFIG.md, `dns`: a TTL is clamped to 1 s … 1 h.
const TTL_MIN_MS = 1000;
const TTL_MAX_MS = 3_600_000;

/**
 * Keeps one name's addresses fresh: one lookup at a time, again when the TTL ends or after a failure with growing
 * waits. A failure keeps the last good set. Owns its refresher; born paused.
 */
export class NameWatcher {
  readonly host: string;
  readonly refresher: Refresher<FoundAddresses | Failed>;
  readonly #context: NameContext;
  #addresses: readonly string[] = [];
  #last: { readonly answer: FoundAddresses; readonly at: number; readonly cut: number } | undefined;
  #failures = 0;
  #error: string | undefined;

  constructor(host: string, context: NameContext) {
    this.host = host;
    this.#context = context;
    this.refresher = new Refresher(
      {
        begin: () => context.lookUp({ host, answeredAs: this.#last?.answer.answeredAs }),
        take: (answer) => (answer.kind === "found" ? this.#take(answer) : this.#fail(answer.code)),
      },
      context,
    );
  }

  /** v4 before v6, sorted, at most ADDRESSES_MAX; empty while there was no good answer. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  status(): SourceStatus {
    const answer = this.#last?.answer;
    return {
      kind: "name",
      host: this.host,
      from: answer?.from,
      addresses: this.#addresses,
      resolvedAt: this.#last?.at,
      ttlMs: answer === undefined ? undefined : ttlMsOf(answer),
      nextAt: this.refresher.nextAt,
      error: this.#error,
    };
  }

  #take(answer: FoundAddresses): number | undefined {
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
    if (!same) this.#context.changed();
    return waitMsOf(answer);
  }

  #logTaken(answer: FoundAddresses, now: { addresses: readonly string[]; cut: number }): void {
    const { log } = this.#context;
    const fields = { name: this.host, from: answer.from, addresses: now.addresses.length };
    if (this.#error !== undefined) log("info", "name resolves again", fields);
    else if (now.addresses.join() !== this.#addresses.join()) log("debug", "name resolved", fields);
    if (now.cut > 0 && now.cut !== this.#last?.cut) {
      log("warning", "name has more addresses than are used", { ...fields, left_out: now.cut });
    }
  }

  #fail(code: string): number {
    if (this.#error === undefined) {
      const fields = { name: this.host, code, kept: this.#addresses.length };
      this.#context.log("warning", "name does not resolve", fields);
    }
    this.#failures += 1;
    this.#error = code;
    return retryWaitMs(this.#failures - 1);
  }
}

/** A family whose question failed keeps the addresses that it had. */
function mergeFamilies(
  answer: FoundAddresses,
  before: FoundAddresses | undefined,
): { readonly v4: readonly string[]; readonly v6: readonly string[] } {
  return { v4: answer.v4 ?? before?.v4 ?? [], v6: answer.v6 ?? before?.v6 ?? [] };
}

/** Half an answer is asked for again soon: the other half may be back long before this one's TTL ends. */
function waitMsOf(answer: FoundAddresses): number | undefined {
  const ttlMs = ttlMsOf(answer);
  const whole = answer.v4 !== undefined && answer.v6 !== undefined;
  return whole || ttlMs === undefined ? ttlMs : Math.min(ttlMs, RETRY_MAX_MS);
}

function ttlMsOf(answer: FoundAddresses): number | undefined {
  if (answer.ttlSeconds === undefined) return undefined;
  return Math.min(Math.max(answer.ttlSeconds * 1000, TTL_MIN_MS), TTL_MAX_MS);
}
