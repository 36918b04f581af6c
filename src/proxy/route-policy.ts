/** What the route of one request changes in it and in its answer. */
import { corsFields, isPreflight, preflightFields } from "../core/cors.ts";
import { type TemplateValues, editFields } from "../core/headers-template.ts";
import { FieldLines } from "../core/http1/field-lines.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import type { ResponseHead } from "../core/http1/response-head.ts";
import { headerValue } from "../core/match/request-values.ts";
import type { RouteHeaders } from "../core/model.ts";
import { rewritePath } from "../core/rewrite.ts";
import type { LocalAnswer } from "./local-answer.ts";
import type { RoutedRequest } from "./route-request.ts";

/** What of the connection placeholders can name. */
export interface PolicyPlace {
  readonly requestId: string;
  /** The listener's port. */
  readonly port: number;
}

/** One request on a route that changes something. Immutable: every attempt sends the same. */
export class RoutePolicy {
  readonly #head: RequestHead;
  readonly #routed: RoutedRequest;
  readonly #edits: readonly RouteHeaders[];
  readonly #values: TemplateValues;
  readonly #origin: string | undefined;

  private constructor(head: RequestHead, routed: RoutedRequest, place: PolicyPlace) {
    const { route } = routed.decision;
    this.#head = head;
    this.#routed = routed;
    // As Envoy: what is said of the destination first, of the route last.
    this.#edits = [routed.destination?.headers, route.headers].filter((edit) => edit !== undefined);
    this.#values = templateValues(head, routed, place);
    this.#origin = route.cors === undefined ? undefined : headerValue(head, "origin");
  }

  /** Undefined for a route that changes nothing, which costs nothing then. Pure. */
  static of(head: RequestHead, routed: RoutedRequest, place: PolicyPlace): RoutePolicy | undefined {
    const { headers, cors, action } = routed.decision.route;
    const rewrite = action.kind === "forward" ? action.rewrite : undefined;
    const any = headers ?? cors ?? rewrite ?? routed.destination?.headers;
    return any === undefined ? undefined : new RoutePolicy(head, routed, place);
  }

  /** The answer to a preflight, which is given here; undefined for any other request. */
  preflight(): LocalAnswer | undefined {
    const { route, isOriginAllowed } = this.#routed.decision;
    const { cors } = route;
    const origin = this.#origin;
    if (cors === undefined || isOriginAllowed === undefined || origin === undefined)
      return undefined;
    if (!isPreflight(this.#head)) return undefined;
    const fields = preflightFields(cors, origin, isOriginAllowed);
    return { status: 200, fields: FieldLines.of(this.#edit(fields)).text, body: "" };
  }

  /** The head that the endpoint gets; undefined when the rewritten path would climb over its prefix. */
  requestHead(): RequestHead | undefined {
    const { decision } = this.#routed;
    const { action } = decision.route;
    const rewrite = action.kind === "forward" ? action.rewrite : undefined;
    const head = this.#head;
    const path =
      rewrite?.path === undefined
        ? head.path
        : rewritePath(head.path, decision.match, rewrite.path);
    if (path === undefined) return undefined;
    let fields = head.section.lines.list;
    for (const { request } of this.#edits) fields = editFields(fields, request, this.#values);
    const authority = rewrite?.host ?? head.authority;
    return { ...head, path, authority, section: { ...head.section, lines: FieldLines.of(fields) } };
  }

  /** The head of an endpoint's answer as the client gets it. */
  responseHead(head: ResponseHead): ResponseHead {
    const lines = FieldLines.of(this.#edit(this.#withCors(head.section.lines.list)));
    return { ...head, section: { ...head.section, lines } };
  }

  /** A redirect or a direct response as the client gets it. */
  localAnswer(answer: LocalAnswer): LocalAnswer {
    const { list } = new FieldLines(answer.fields);
    return { ...answer, fields: FieldLines.of(this.#edit(this.#withCors(list))).text };
  }

  #withCors(fields: readonly string[]): readonly string[] {
    const { route, isOriginAllowed } = this.#routed.decision;
    const { cors } = route;
    const origin = this.#origin;
    if (cors === undefined || isOriginAllowed === undefined || origin === undefined) return fields;
    return corsFields(fields, { cors, origin }, isOriginAllowed);
  }

  #edit(fields: readonly string[]): string[] {
    let edited = [...fields];
    for (const { response } of this.#edits) edited = editFields(edited, response, this.#values);
    return edited;
  }
}

function templateValues(
  head: RequestHead,
  routed: RoutedRequest,
  { requestId, port }: PolicyPlace,
): TemplateValues {
  return {
    client_ip: routed.client.client,
    host: head.authority,
    method: head.method,
    path: head.path,
    query: head.query.slice(1),
    scheme: routed.client.scheme,
    port: String(port),
    request_id: requestId,
    gateway: routed.gateway.name,
    virtual_host: routed.virtualHost.name,
    route: routed.decision.route.name,
  };
}
