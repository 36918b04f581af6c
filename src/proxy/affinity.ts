/** By what a request's endpoint is chosen, and the cookie that brings the client's next request there too. */
import {
  hashConnection,
  hashPolicyOf,
  hashRequest,
  hashValue,
} from "../core/balance/request-hash.ts";
import { type CookieSettings, setsCookie, showSetCookie } from "../core/cookie.ts";
import { FieldLines } from "../core/http1/field-lines.ts";
import type { RequestHead } from "../core/http1/request-head.ts";
import type { ResponseHead } from "../core/http1/response-head.ts";
import type { Service } from "../core/service.ts";
import type { ClientFacts } from "../core/client-facts.ts";

/** What binds one request to an endpoint. */
export interface Affinity {
  /** Undefined = it does not have what its service hashes. */
  readonly hash: number | undefined;
  /** To be set in the answer; undefined = none. */
  readonly cookie: CookieSettings | undefined;
}

/**
 * The values of cookies that one connection's clients get. They are random, for a value that follows from addresses, as
 * Envoy's does, says who else has the same endpoint. All requests of one client on one connection get the same, so that
 * those which did not wait for the first answer stay together; behind a proxy that is trusted each client has its own.
 */
export class CookieValues {
  readonly #draw: () => string;
  #client = "";
  #value = "";

  /** `draw` gives a new unguessable value. */
  constructor(draw: () => string) {
    this.#draw = draw;
  }

  /** The value for this client. */
  of(client: string): string {
    if (this.#value === "" || this.#client !== client) {
      this.#client = client;
      this.#value = this.#draw();
    }
    return this.#value;
  }
}

/** A request that is routed. */
export interface BoundRequest {
  readonly head: RequestHead;
  readonly routed: { readonly client: ClientFacts };
  /** Of its connection. */
  readonly cookies: CookieValues;
}

/** Undefined for a service that does not hash, which costs nothing then. Effect: may draw the value of a cookie. */
export function readAffinity(service: Service, request: BoundRequest): Affinity | undefined {
  const policy = hashPolicyOf(service);
  if (policy === undefined) return undefined;
  const { client, scheme } = request.routed.client;
  const hash = hashRequest(policy, request.head, client);
  if (hash !== undefined || policy.kind !== "cookie") return { hash, cookie: undefined };
  const value = request.cookies.of(client);
  const { name, ttlSeconds } = policy;
  const cookie = { name, value, maxAgeSeconds: ttlSeconds, secure: scheme === "https" };
  return { hash: hashValue(value), cookie };
}

/** The answer with the cookie, unless the endpoint sets one of that name itself. Pure. */
export function withCookie(head: ResponseHead, cookie: CookieSettings): ResponseHead {
  const { section } = head;
  if (setsCookie(section.lines.list, cookie.name)) return head;
  const lines = new FieldLines(`${section.lines.text}Set-Cookie: ${showSetCookie(cookie)}\r\n`);
  return { ...head, section: { ...section, lines } };
}

/** The hash of a copy, which sets no cookie; undefined = it has none. Pure. */
export function copyHash(service: Service, head: RequestHead, client: string): number | undefined {
  const policy = hashPolicyOf(service);
  return policy === undefined ? undefined : hashRequest(policy, head, client);
}

/** The hash of a connection that is passed through; undefined = it has none. Pure. */
export function streamHash(service: Service, client: string): number | undefined {
  const policy = hashPolicyOf(service);
  return policy === undefined ? undefined : hashConnection(policy, client);
}
