/** One active check as its runners see it. */
import type { CheckResult } from "../core/health-check.ts";
import { isAuthority } from "../core/http1/target.ts";
import type { Endpoint, HealthCheckPolicy, Service } from "../core/service.ts";

/** What a service says about how its endpoints are checked. */
export type CheckedService = Pick<Service, "name" | "tls" | "proxyProtocol"> & {
  readonly policy: HealthCheckPolicy;
};

/** Whom to ask what. */
export interface CheckTask {
  readonly service: CheckedService;
  readonly endpoint: Endpoint;
}

/** Takes the one result; undefined = nothing was learnt, because the box itself had no means. Never after a cancel. */
export type TakeResult = (result: CheckResult | undefined) => void;

/** Ends a check without a result; nothing happens when it is over. */
export type CancelCheck = () => void;

/** Begins one check. Whoever starts it bounds its time. */
export type StartCheck = (task: CheckTask, done: TakeResult) => CancelCheck;

/** As whom the endpoint is asked: `host`, else its DNS name, else the service's, else its address. Pure. */
export function hostOf({ service, endpoint }: CheckTask): string {
  const { host } = service.policy;
  if (host !== undefined) return host;
  const found = [endpoint.dnsName, service.name, endpoint.name].find(
    (name) => name !== undefined && isAuthority(name),
  );
  return found ?? "localhost";
}

/** A failure in words. Pure. */
export function failedCheck(detail: string): CheckResult {
  return { passed: false, detail: detail.slice(0, DETAIL_LENGTH_MAX) };
}

/** What a DialUser is told of, as a result. Pure. */
export function failedDial(detail: string | undefined): CheckResult | undefined {
  return detail === undefined ? undefined : failedCheck(detail);
}

/** Of texts that a peer may have chosen, such as the names in its certificate. */
const DETAIL_LENGTH_MAX = 200;
