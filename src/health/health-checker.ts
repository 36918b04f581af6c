/** When which endpoint is checked: at once when it is new, then at the intervals of its service. */
import type { CheckResult } from "../core/health-check.ts";
import type { Endpoint } from "../core/service.ts";
import {
  type CancelCheck,
  type CheckedService,
  failedCheck,
  type StartCheck,
} from "./check-task.ts";
import type { HealthClock } from "./clock.ts";

/** What a checker works with. */
export interface CheckerOptions {
  readonly clock: HealthClock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly start: StartCheck;
  /** One check of an endpoint of this service is over. */
  readonly report: (service: string, endpoint: string, result: CheckResult) => void;
  /** Checks wait longer than an interval for their turn; said at most once a minute. */
  readonly late: (service: string, waitedMs: number) => void;
  /** A check could not be made for lack of descriptors, ports or memory; said at most once a minute. */
  readonly unable: (service: string) => void;
}

/** At once: each is a descriptor and a little memory, and those that are not answered last as long as their time-out. */
const CHECKS_MAX = 128;
/** Intervals are that much shorter or longer by chance, so that boxes and endpoints do not keep step. */
const JITTER = 0.1;
const SAID_MS = 60_000;

/** Owned by the control plane. An endpoint is checked at most once at a time. */
export class HealthChecker {
  readonly #options: CheckerOptions;
  readonly #services = new Map<string, Map<string, Watch>>();
  /** First come, first served: nobody waits for ever behind endpoints that do not answer. */
  readonly #waiting = new Set<Watch>();
  #running = 0;
  /** When each complaint was made last. */
  readonly #saidMs = { late: Number.NEGATIVE_INFINITY, unable: Number.NEGATIVE_INFINITY };

  constructor(options: CheckerOptions) {
    this.#options = options;
  }

  /**
   * From now on exactly these endpoints of the service are checked. Those that were already keep their turn; `anew` = the
   * policy is another one: all are checked at once.
   */
  watch(service: CheckedService, endpoints: readonly Endpoint[], anew: boolean): void {
    const before = this.#services.get(service.name) ?? new Map<string, Watch>();
    const after = new Map<string, Watch>();
    for (const endpoint of endpoints) {
      const known = anew ? undefined : before.get(endpoint.name);
      const watch = known ?? { service, endpoint, isFirst: true, ...IDLE };
      // A reload makes new objects of the same policy.
      watch.service = service;
      watch.endpoint = endpoint;
      after.set(endpoint.name, watch);
    }
    this.#services.set(service.name, after);
    for (const [name, watch] of before) if (after.get(name) !== watch) this.#stop(watch);
    for (const watch of after.values()) if (watch.since === undefined) this.#enqueue(watch);
  }

  /** The service is checked no more. */
  forget(service: string): void {
    for (const watch of this.#services.get(service)?.values() ?? []) this.#stop(watch);
    this.#services.delete(service);
  }

  /** Stops all checks, those under way included. */
  close(): void {
    for (const service of this.#services.keys()) this.forget(service);
  }

  #enqueue(watch: Watch): void {
    watch.timer = undefined;
    watch.since = this.#options.clock.monotonic();
    this.#waiting.add(watch);
    this.#startNext();
  }

  #startNext(): void {
    for (const watch of this.#waiting) {
      if (this.#running >= CHECKS_MAX) return;
      this.#waiting.delete(watch);
      this.#begin(watch);
    }
  }

  #begin(watch: Watch): void {
    const { clock, start } = this.#options;
    const { service, endpoint } = watch;
    const { timeoutMs, intervalMs } = service.policy;
    const waitedMs = clock.monotonic() - (watch.since ?? 0);
    if (waitedMs > intervalMs && this.#maySay("late")) this.#options.late(service.name, waitedMs);
    this.#running += 1;
    const cancel = start({ service, endpoint }, (result) => this.#end(watch, result));
    let timer = clock.set(() => {
      // This thread may have been busy: what has come meanwhile is read before the judgement.
      timer = clock.set(() => {
        cancel();
        this.#end(watch, failedCheck(`no answer within ${timeoutMs} ms`));
      }, 0);
    }, timeoutMs);
    watch.stop = () => {
      cancel();
      clock.clear(timer);
    };
  }

  #end(watch: Watch, result: CheckResult | undefined): void {
    const { clock, random, report } = this.#options;
    watch.stop?.();
    watch.stop = undefined;
    this.#running -= 1;
    const { intervalMs } = watch.service.policy;
    // The first ones all begin together: they are spread over the second half of the interval.
    const share = watch.isFirst ? 0.5 + random() / 2 : 1 + JITTER * (2 * random() - 1);
    watch.isFirst = false;
    watch.timer = clock.set(() => this.#enqueue(watch), intervalMs * share);
    if (result !== undefined) report(watch.service.name, watch.endpoint.name, result);
    else if (this.#maySay("unable")) this.#options.unable(watch.service.name);
    this.#startNext();
  }

  #stop(watch: Watch): void {
    this.#options.clock.clear(watch.timer);
    this.#waiting.delete(watch);
    if (watch.stop === undefined) return;
    watch.stop();
    watch.stop = undefined;
    this.#running -= 1;
    this.#startNext();
  }

  #maySay(complaint: "late" | "unable"): boolean {
    const now = this.#options.clock.monotonic();
    if (now - this.#saidMs[complaint] < SAID_MS) return false;
    this.#saidMs[complaint] = now;
    return true;
  }
}

/** One endpoint of one service: its timer, its place in the queue, or its check under way. */
interface Watch {
  service: CheckedService;
  endpoint: Endpoint;
  /** No check of it has ended. */
  isFirst: boolean;
  /** When it began to wait for its last turn; undefined = it never has. */
  since: number | undefined;
  timer: unknown;
  /** Drops the check under way. */
  stop: CancelCheck | undefined;
}

const IDLE = { since: undefined, timer: undefined, stop: undefined };
