/** The real clock of health. */
import { SYSTEM_CLOCK } from "../discovery/clock.ts";
import type { HealthClock } from "../health/clock.ts";

/** Its timers keep no process alive. */
export const HEALTH_CLOCK: HealthClock = {
  ...SYSTEM_CLOCK,
  monotonic: () => performance.now(),
};
