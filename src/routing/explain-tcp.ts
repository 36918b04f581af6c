/** Which way a connection of a tcp gateway would go. Pure. */
import { failedTcpCondition, matchTcpRoute } from "../core/match/tcp-route.ts";
import type { ExplainCandidate, ExplainView } from "../core/views.ts";
import {
  type AtListener,
  losingRoute,
  placeOf,
  refuse,
  refuseUnrouted,
  takeForward,
} from "./explain-draft.ts";
import type { TcpQuestion } from "./explain-question.ts";

/** Tries the virtual services of the listener's one gateway in the order of the file, as the data plane does. */
export function explainTcp(context: AtListener, { source }: TcpQuestion): ExplainView {
  const { snapshot, listener, start } = context;
  const gateway = snapshot.gateways.find((one) => one.listener === listener.id);
  if (gateway === undefined) return refuse(start, "no gateway is there", "no-route");
  const admitted = { ...start, gateway: placeOf(gateway) };
  const facts = { port: listener.address.port, gateway: gateway.name, source };
  const candidates: ExplainCandidate[] = [];
  for (const index of gateway.tcpChains) {
    const chain = snapshot.tcpChains[index];
    if (chain === undefined) continue;
    const found = matchTcpRoute(chain.routes, facts);
    for (const route of chain.routes) {
      if (route === found) {
        const draft = { ...admitted, virtual_service: placeOf(chain), route: placeOf(route) };
        return takeForward(context, { ...draft, candidates }, route.destinations);
      }
      const failed = route.matches.map((match) => failedTcpCondition(match, facts));
      candidates.push(losingRoute(route, failed));
    }
  }
  if (candidates.length > 0) {
    return refuse({ ...admitted, candidates }, "no route takes it", "no-route");
  }
  return refuseUnrouted(admitted, gateway, { failure: "no-route", what: "" });
}
