/** One metric with all its series, as the renderer takes it. */
export interface MetricFamily {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly values: readonly MetricValue[];
}

/** One series now; `metricName` where it differs from the family's (`_bucket`, `_sum`, `_count`). */
export interface MetricValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}
