/** Which way one request or connection would go, and why not another: answered by what decides on the data plane. */
import { matchHost } from "../core/match/host-table.ts";
import {
  type HttpRequestFacts,
  buildHttpConditions,
  failedHttpCondition,
} from "../core/match/http-route.ts";
import {
  type TlsConnectionFacts,
  failedTlsCondition,
  matchTlsRoute,
} from "../core/match/tls-route.ts";
import type { HttpMatch, HttpRoute, Snapshot } from "../core/model.ts";
import { parseCidr } from "../core/ip.ts";
import { readClientFacts } from "../core/client-facts.ts";
import { isPreflight } from "../core/cors.ts";
import { rewritePath } from "../core/rewrite.ts";
import type { ExplainCandidate, ExplainView } from "../core/views.ts";
import { admitHost, isSentToHttps } from "./admit.ts";
import {
  type AtListener,
  type Draft,
  type ExplainContext,
  losingRoute,
  placeOf,
  refuse,
  refuseUnrouted,
  takeForward,
} from "./explain-draft.ts";
import { countListeners, findListener, refuseListener } from "./explain-listener.ts";
import type { HttpQuestion, Question, TlsQuestion } from "./explain-question.ts";
import type { LiveEndpoints } from "./explain-services.ts";
import { explainTcp } from "./explain-tcp.ts";
import { buildVirtualHostApp, decide } from "./virtual-host.ts";

/** Explains against a snapshot; `live` is what the running box knows, absent = what the file says. Pure. */
export function explain(snapshot: Snapshot, question: Question, live?: LiveEndpoints): ExplainView {
  const start: Draft = {
    snapshot_version: snapshot.version,
    source: snapshot.source,
    asked: question.asked,
    services: [],
    candidates: [],
  };
  const context = { snapshot, live, start };
  const { kind, port } = question;
  const address = kind === "http" ? undefined : question.address;
  const place = { protocol: kind, port, address, host: askedName(question) };
  const listener = findListener(snapshot, place);
  if (listener === undefined) return refuseListener(context, place);
  const at = { ...context, listener, start: { ...start, listener: listener.id } };
  if (kind === "http") return explainHttp(at, question);
  if (kind === "tls") return explainTls(at, question);
  if (address === undefined && countListeners(snapshot, place) > 1) {
    return refuse(
      start,
      `several listeners have port ${port}: say which, as in tcp://${listener.id}`,
    );
  }
  return explainTcp(at, question);
}

function askedName(question: Question): string | undefined {
  if (question.kind === "http") return question.head.host;
  return question.kind === "tls" ? question.serverName : undefined;
}

function explainHttp(context: AtListener, question: HttpQuestion): ExplainView {
  const { snapshot, listener, start } = context;
  const { head, source } = question;
  const admission = admitHost(snapshot, listener, head.host);
  if (admission === undefined) return refuseHost(context, head.host, "no-virtual-host");
  const { gateway, hostIndex } = admission;
  const admitted = { ...start, gateway: placeOf(gateway) };
  const { port } = listener.address;
  const trusted = gateway.trustedProxies.flatMap((network) => parseCidr(network) ?? []);
  const client = readClientFacts(head, { peer: source, port }, trusted);
  if (isSentToHttps(gateway, client.scheme)) {
    return { ...admitted, taken: true, action: "redirect 301 to https" };
  }
  const virtualHost = hostIndex === undefined ? undefined : snapshot.virtualHosts[hostIndex];
  if (virtualHost === undefined) {
    const what = ` for "${head.host}"`;
    return refuseUnrouted(admitted, gateway, { failure: "no-virtual-host", what });
  }
  const facts = { head, gateway: gateway.name, port, ...client };
  const decision = decide(buildVirtualHostApp(virtualHost), facts);
  const { routes } = virtualHost;
  const losers = decision === undefined ? routes : routes.slice(0, routes.indexOf(decision.route));
  const candidates = losers.map((route) => losingHttpRoute(route, facts));
  const draft = { ...admitted, virtual_service: placeOf(virtualHost), candidates };
  if (decision === undefined) return refuse(draft, "no route takes it", "no-route");
  return takeHttp({ ...context, start: draft }, question, decision);
}

function takeHttp(
  context: ExplainContext,
  { head }: HttpQuestion,
  { route, match }: { readonly route: HttpRoute; readonly match: HttpMatch | undefined },
): ExplainView {
  const { action } = route;
  const start = { ...context.start, route: placeOf(route) };
  if (route.cors !== undefined && isPreflight(head)) {
    return { ...start, taken: true, action: "answer the CORS preflight" };
  }
  if (action.kind !== "forward") {
    return { ...start, taken: true, action: `${action.kind} ${action.status}` };
  }
  const { rewrite } = action;
  const path =
    rewrite?.path === undefined ? head.path : rewritePath(head.path, match, rewrite.path);
  if (path === undefined) {
    return refuse(start, "the rewritten path would climb over its prefix", "bad-request");
  }
  const request = {
    method: head.method,
    host: rewrite?.host ?? head.authority,
    path: path + head.query,
  };
  return takeForward(context, { ...start, request }, action.destinations);
}

function explainTls(context: AtListener, question: TlsQuestion): ExplainView {
  const { snapshot, listener, start } = context;
  const { serverName, alpn, source, ech } = question;
  if (serverName === undefined) return explainNameless(context);
  const gatewayIndex = matchHost(listener.hosts, serverName);
  const gateway = gatewayIndex === undefined ? undefined : snapshot.gateways[gatewayIndex];
  if (gateway === undefined) return refuseHost(context, serverName, "unknown-server-name");
  const admitted = { ...start, gateway: placeOf(gateway) };
  const chainIndex = matchHost(gateway.tlsChains, serverName);
  const chain = chainIndex === undefined ? undefined : snapshot.tlsChains[chainIndex];
  if (chain === undefined) {
    const what = ` for "${serverName}"`;
    return refuseUnrouted(admitted, gateway, { failure: "unknown-server-name", what });
  }
  const { port } = listener.address;
  const facts: TlsConnectionFacts = { serverName, alpn, ech, source, port, gateway: gateway.name };
  const route = matchTlsRoute(chain, facts);
  const losers =
    route === undefined ? chain.routes : chain.routes.slice(0, chain.routes.indexOf(route));
  const candidates = losers.map((loser) => {
    const failed = loser.matches.map((match) => failedTlsCondition(match, facts));
    return losingRoute(loser, failed);
  });
  const draft = { ...admitted, virtual_service: placeOf(chain), candidates };
  if (route === undefined) return refuse(draft, "no route takes it", "no-route");
  return takeForward(context, { ...draft, route: placeOf(route) }, route.destinations);
}

/** Past all routes, or nowhere. */
function explainNameless(context: AtListener): ExplainView {
  const { snapshot, listener, start } = context;
  const { noSni } = listener;
  const gateway = noSni === undefined ? undefined : snapshot.gateways[noSni.gateway];
  if (noSni === undefined || gateway === undefined) {
    const sentence = `no gateway on ${listener.id} has a no_sni service for clients without a server name`;
    return refuse(start, sentence, "missing-server-name");
  }
  const taken = takeForward(context, { ...start, gateway: placeOf(gateway) }, [noSni.destination]);
  return { ...taken, action: "forward by no_sni" };
}

function refuseHost(
  { snapshot, listener, start }: AtListener,
  host: string,
  failure: string,
): ExplainView {
  const candidates = snapshot.gateways
    .filter((gateway) => gateway.listener === listener.id)
    .map((gateway): ExplainCandidate => {
      const hosts = gateway.hosts.slice(0, HOSTS_SHOWN).join(" or ");
      const more = gateway.hosts.length > HOSTS_SHOWN ? " or others" : "";
      const because = [`host is ${hosts}${more}; found ${host}`];
      return { kind: "gateway", ...placeOf(gateway), because };
    });
  return refuse(
    { ...start, candidates },
    `no gateway on ${listener.id} lets "${host}" in`,
    failure,
  );
}

const HOSTS_SHOWN = 5;

function losingHttpRoute(route: HttpRoute, facts: HttpRequestFacts): ExplainCandidate {
  const failed = route.matches.map((match) => {
    const condition = failedHttpCondition(buildHttpConditions(match), facts);
    return condition && { wanted: condition.wanted, found: condition.found(facts) };
  });
  return losingRoute(route, failed);
}
