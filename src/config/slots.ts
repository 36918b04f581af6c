/** Which counters a route writes to, by the gateway that a request came in through. */
import type { MetricLayout, MetricName } from "../core/metric-layout.ts";
import type { BoundGateway } from "./bind.ts";

/** Served gateways that a route can be reached through. */
export interface Reach {
  readonly gateways: readonly BoundGateway[];
  /** Equal for equal gateways. */
  readonly key: string;
}

/** Wraps gateways; those not served here are left out. Pure. */
export function createReach(gateways: readonly BoundGateway[]): Reach {
  const served = gateways.filter(({ index }) => index >= 0);
  return { gateways: served, key: served.map(({ index }) => index).join() };
}

/**
 * Asks the layout for slots and lays them out as the snapshot wants them: an array by gateway index, -1 where the
 * route cannot be reached. Arrays that are equal are one array, also after `structuredClone`.
 */
export class SlotArrays {
  readonly #layout: MetricLayout;
  readonly #shared = new Map<string, readonly number[]>();
  /** For metrics that a kind of route does not write: -1 everywhere. */
  readonly none: readonly number[];

  constructor(layout: MetricLayout, gatewayCount: number) {
    this.#layout = layout;
    this.none = Array.from({ length: gatewayCount }, () => -1);
  }

  /** Of a metric whose labels are gateway and service. */
  perService(metric: MetricName, service: string, reach: Reach): readonly number[] {
    const key = `${metric} ${reach.key} ${service}`;
    const known = this.#shared.get(key);
    if (known !== undefined) return known;
    const slots = this.perRoute(metric, { service }, reach);
    this.#shared.set(key, slots);
    return slots;
  }

  /** Of a metric with these labels besides the gateway's. */
  perRoute(
    metric: MetricName,
    labels: Readonly<Record<string, string>>,
    reach: Reach,
  ): readonly number[] {
    const slots = [...this.none];
    for (const { index, config } of reach.gateways) {
      slots[index] = this.#layout.slot(metric, { ...labels, gateway: config.name });
    }
    return slots;
  }
}
