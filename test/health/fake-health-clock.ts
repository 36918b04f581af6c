import type { HealthClock } from "../../src/health/clock.ts";
import { FakeClock } from "../discovery/fake-clock.ts";

/** Both times stand still until the test moves them; the time of day may jump besides. */
export class FakeHealthClock extends FakeClock implements HealthClock {
  /** How far the time of day has jumped. */
  jumpedMs = 0;

  override now(): number {
    return super.now() + this.jumpedMs;
  }

  monotonic(): number {
    return super.now() - 900_000;
  }
}
