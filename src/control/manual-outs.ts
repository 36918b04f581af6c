/** Which endpoints are out of service by hand. */
import { failed, type Result, success } from "../core/result.ts";

/** Of all services; more is a script gone wrong. */
const OUT_MAX = 10_000;

/**
 * Owned by the HealthRegistry; lives as long as the process. It also knows endpoints and services that are not there now:
 * they may come back.
 */
export class ManualOuts {
  readonly #out = new Map<string, ReadonlySet<string>>();

  /** Services that have such endpoints. */
  get services(): Iterable<string> {
    return this.#out.keys();
  }

  /** Their names in one service. */
  of(service: string): ReadonlySet<string> {
    return this.#out.get(service) ?? new Set();
  }

  /** Remembers or forgets one; says whether anything is different, or why it cannot be remembered. */
  set(service: string, endpoint: string, out: boolean): Result<boolean, string> {
    const before = this.of(service);
    if (before.has(endpoint) === out) return success(false);
    if (out && this.#count() >= OUT_MAX) {
      return failed(`${OUT_MAX} endpoints are out by hand: that is the most`);
    }
    const after = new Set(before);
    if (out) after.add(endpoint);
    else after.delete(endpoint);
    if (after.size === 0) this.#out.delete(service);
    else this.#out.set(service, after);
    return success(true);
  }

  #count(): number {
    let count = 0;
    for (const endpoints of this.#out.values()) count += endpoints.size;
    return count;
  }
}
