/** `health_check` and `outlier` → policies. */
import type { HealthCheckPolicy, OutlierPolicy } from "../core/service.ts";
import type { ServiceConfig } from "./schema.ts";

const STATUS_EXPECTED = 200;

/** Pure. The schema lets one of path, tcp and grpc through. */
export function compileHealthCheck({
  health_check: check,
}: ServiceConfig): HealthCheckPolicy | undefined {
  if (check === undefined) return undefined;
  const { path, tcp, grpc = "", host, expect = [STATUS_EXPECTED] } = check;
  return {
    kind: path !== undefined ? "http" : tcp === true ? "tcp" : "grpc",
    path: path ?? "",
    host,
    grpcService: grpc,
    intervalMs: check.interval,
    timeoutMs: check.timeout,
    unhealthyAfter: check.unhealthy,
    healthyAfter: check.healthy,
    expect,
  };
}

/** Pure. */
export function compileOutlier({ outlier }: ServiceConfig): OutlierPolicy | undefined {
  if (outlier === undefined) return undefined;
  return {
    errors: outlier.errors,
    intervalMs: outlier.interval,
    ejectionMs: outlier.ejection,
    percentMax: outlier.max_percent,
  };
}
