/** What the explanations of all protocols are made of. Pure. */
import type { Destination, Gateway, Listener, Snapshot } from "../core/model.ts";
import type { ExplainCandidate, ExplainPlace, ExplainView } from "../core/views.ts";
import { type LiveEndpoints, explainServices } from "./explain-services.ts";

/** What is known before it is decided. */
export type Draft = Omit<ExplainView, "taken">;

/** What is explained against. */
export interface ExplainContext {
  readonly snapshot: Snapshot;
  /** What the running box knows; undefined = only the file is there. */
  readonly live: LiveEndpoints | undefined;
  readonly start: Draft;
}

/** With the listener that takes the connection. */
export interface AtListener extends ExplainContext {
  readonly listener: Listener;
}

/** The end of what nothing takes. Pure. */
export function refuse(draft: Draft, refusal: string, failure?: string): ExplainView {
  return { ...draft, taken: false, refusal, ...(failure === undefined ? {} : { failure }) };
}

/** The end of what a gateway lets in and no virtual service of it has routes for. Pure. */
export function refuseUnrouted(
  draft: Draft,
  { name, protocol }: Gateway,
  { failure, what }: { readonly failure: string; readonly what: string },
): ExplainView {
  const sentence = `no virtual service of gateway "${name}" has ${protocol} routes${what}`;
  return refuse(draft, sentence, failure);
}

/** The end of what goes to one of these. Pure. */
export function takeForward(
  context: ExplainContext,
  start: Draft,
  destinations: readonly Destination[],
): ExplainView {
  const services = explainServices(context.snapshot.services, context.live, destinations);
  if (destinations.every(({ weight }) => weight === 0)) {
    return refuse({ ...start, services }, "every weight of the route is 0", "no-endpoint");
  }
  return { ...start, taken: true, action: "forward", services };
}

/** A route that did not take it, with the first condition that failed of each of its matches. Pure. */
export function losingRoute(
  route: Placed,
  failed: readonly ({ readonly wanted: string; readonly found: string } | undefined)[],
): ExplainCandidate {
  const because = failed.flatMap((one) =>
    one === undefined ? [] : [`${one.wanted}; found ${one.found}`],
  );
  return { kind: "route", ...placeOf(route), because };
}

/** Something of the file that has a name. */
interface Placed {
  readonly name: string;
  readonly origin: { readonly line: number };
}

/** Where it stands in the file. Pure. */
export function placeOf({ name, origin }: Placed): ExplainPlace {
  return { name, line: origin.line };
}
