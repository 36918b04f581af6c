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
import type {
  Destination,
  Gateway,
  HttpMatch,
  HttpRoute,
  Listener,
  Snapshot,
} from "../core/model.ts";
import { rewritePath } from "../core/rewrite.ts";
import type { ExplainCandidate, ExplainView } from "../core/views.ts";
import { admitHost, isSentToHttps } from "./admit.ts";
import type { HttpQuestion, Question, TlsQuestion } from "./explain-question.ts";
import { type LiveEndpoints, explainServices } from "./explain-services.ts";
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
  const protocol = question.kind === "http" ? "http" : "tls";
  const listener = snapshot.listeners.find(
    ({ address, protocol: spoken }) => address.port === question.port && spoken === protocol,
  );
  if (listener === undefined) return refuseListener(context, question.port, protocol);
  const at = { ...context, listener, start: { ...start, listener: listener.id } };
  return question.kind === "http" ? explainHttp(at, question) : explainTls(at, question);
}

type Draft = Omit<ExplainView, "taken">;

interface Context {
  readonly snapshot: Snapshot;
  readonly live: LiveEndpoints | undefined;
  readonly start: Draft;
}

interface AtListener extends Context {
  readonly listener: Listener;
}

function refuseListener({ snapshot, start }: Context, port: number, protocol: string): ExplainView {
  const candidates = snapshot.listeners.map(({ id, address, protocol: spoken }) => ({
    kind: "listener" as const,
    name: id,
    line: snapshot.gateways.find(({ listener }) => listener === id)?.origin.line ?? 0,
    because: [
      address.port === port
        ? `protocol is ${protocol}; found ${spoken}`
        : `port is ${address.port}; found ${port}`,
    ],
  }));
  return refuse({ ...start, candidates }, `nothing listens for ${protocol} on port ${port}`);
}

function explainHttp(context: AtListener, question: HttpQuestion): ExplainView {
  const { snapshot, listener, start } = context;
  const { head, source, scheme } = question;
  const admission = admitHost(snapshot, listener, head.host);
  if (admission === undefined) return refuseHost(context, head.host, "no-virtual-host");
  const { gateway, hostIndex } = admission;
  const admitted = { ...start, gateway: placeOf(gateway) };
  if (isSentToHttps(gateway, scheme)) {
    return { ...admitted, taken: true, action: "redirect 301 to https" };
  }
  const virtualHost = hostIndex === undefined ? undefined : snapshot.virtualHosts[hostIndex];
  if (virtualHost === undefined) return refuseUnrouted(admitted, head.host, gateway);
  const { port } = listener.address;
  const facts = { head, gateway: gateway.name, port, client: source, scheme };
  const decision = decide(buildVirtualHostApp(virtualHost), facts);
  const { routes } = virtualHost;
  const losers = decision === undefined ? routes : routes.slice(0, routes.indexOf(decision.route));
  const candidates = losers.map((route) => losingRoute(route, facts));
  const draft = { ...admitted, virtual_service: placeOf(virtualHost), candidates };
  if (decision === undefined) return refuse(draft, "no route takes it", "no-route");
  return takeHttp({ ...context, start: draft }, question, decision);
}

function takeHttp(
  context: Context,
  { head }: HttpQuestion,
  { route, match }: { readonly route: HttpRoute; readonly match: HttpMatch | undefined },
): ExplainView {
  const { action } = route;
  const start = { ...context.start, route: placeOf(route) };
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

function takeForward(
  { snapshot, live }: Context,
  start: Draft,
  destinations: readonly Destination[],
): ExplainView {
  const services = explainServices(snapshot.services, live, destinations);
  return { ...start, taken: true, action: "forward", services };
}

function explainTls(context: AtListener, question: TlsQuestion): ExplainView {
  const { snapshot, listener, start } = context;
  const { serverName, alpn, source, ech } = question;
  const gatewayIndex = matchHost(listener.hosts, serverName);
  const gateway = gatewayIndex === undefined ? undefined : snapshot.gateways[gatewayIndex];
  if (gateway === undefined) return refuseHost(context, serverName, "unknown-server-name");
  const admitted = { ...start, gateway: placeOf(gateway) };
  const chainIndex = matchHost(gateway.tlsChains, serverName);
  const chain = chainIndex === undefined ? undefined : snapshot.tlsChains[chainIndex];
  if (chain === undefined) return refuseUnrouted(admitted, serverName, gateway);
  const { port } = listener.address;
  const facts: TlsConnectionFacts = { serverName, alpn, ech, source, port, gateway: gateway.name };
  const route = matchTlsRoute(chain, facts);
  const losers =
    route === undefined ? chain.routes : chain.routes.slice(0, chain.routes.indexOf(route));
  const candidates = losers.map(({ matches, ...rest }): ExplainCandidate => {
    const because = matches.flatMap((match) => failedTlsCondition(match, facts) ?? []);
    return { kind: "route", ...placeOf(rest), because: because.map(sayFailed) };
  });
  const draft = { ...admitted, virtual_service: placeOf(chain), candidates };
  if (route === undefined) return refuse(draft, "no route takes it", "no-route");
  return takeForward(context, { ...draft, route: placeOf(route) }, route.destinations);
}

function refuse(draft: Draft, refusal: string, failure?: string): ExplainView {
  return { ...draft, taken: false, refusal, ...(failure === undefined ? {} : { failure }) };
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

function refuseUnrouted(draft: Draft, host: string, { name, protocol }: Gateway): ExplainView {
  const failure = protocol === "http" ? "no-virtual-host" : "unknown-server-name";
  const sentence = `no virtual service of gateway "${name}" has ${protocol} routes for "${host}"`;
  return refuse(draft, sentence, failure);
}

function losingRoute(route: HttpRoute, facts: HttpRequestFacts): ExplainCandidate {
  const because = route.matches.flatMap((match) => {
    const failed = failedHttpCondition(buildHttpConditions(match), facts);
    return failed === undefined
      ? []
      : [sayFailed({ wanted: failed.wanted, found: failed.found(facts) })];
  });
  return { kind: "route", ...placeOf(route), because };
}

function sayFailed({ wanted, found }: { readonly wanted: string; readonly found: string }): string {
  return `${wanted}; found ${found}`;
}

function placeOf({
  name,
  origin,
}: {
  readonly name: string;
  readonly origin: { readonly line: number };
}) {
  return { name, line: origin.line };
}
