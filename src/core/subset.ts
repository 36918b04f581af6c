/** Which endpoints belong to a subset of their service. */
import type { EndpointTraits } from "./service.ts";

type Labels = Readonly<Record<string, string>>;

/** Whether an endpoint has all of these labels with these values; of an empty list everyone has them. Pure. */
export function hasLabels(
  { labels = {} }: Pick<EndpointTraits, "labels">,
  wanted: Labels,
): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => Object.hasOwn(labels, name) && labels[name] === value,
  );
}
