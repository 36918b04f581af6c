/** What of a request or connection a service hashes, so that the same always goes to the same endpoint. */
import { cookieValue } from "../cookie.ts";
import { hashText } from "../hash-text.ts";
import type { RequestHead } from "../http1/request-head.ts";
import { parseIpAddress } from "../ip-address.ts";
import { headerValue, queryValue } from "../match/request-values.ts";
import type { HashPolicy, Service } from "../service.ts";

/** The same everywhere and always: boxes side by side agree, and a restart changes nothing. */
const SEED = 0;

/** What the service hashes; undefined when its balancer does not hash, whatever the file says. Pure. */
export function hashPolicyOf({ balancer, hash }: Service): HashPolicy | undefined {
  return balancer === "maglev" || balancer === "ring_hash" ? hash : undefined;
}

/**
 * The hash of a request; undefined when it does not have what is hashed. Several lines of a header count as one, joined by
 * commas; an empty cookie is none. `client` is the client's address as far as trusted proxies tell. Pure.
 */
export function hashRequest(
  policy: HashPolicy,
  head: RequestHead,
  client: string,
): number | undefined {
  if (policy.kind === "source-ip") return hashAddress(client);
  const value = readValue(policy, head);
  return value === undefined ? undefined : hashValue(value);
}

/** The hash of a connection of which only the client's address is known; undefined when something else counts. Pure. */
export function hashConnection(policy: HashPolicy, client: string): number | undefined {
  return policy.kind === "source-ip" ? hashAddress(client) : undefined;
}

/** The hash of a value, such as that of a cookie that is only being set. Pure. */
export function hashValue(value: string): number {
  return hashText(value, SEED);
}

function readValue(
  policy: Exclude<HashPolicy, { kind: "source-ip" }>,
  head: RequestHead,
): string | undefined {
  switch (policy.kind) {
    case "header":
      return headerValue(head, policy.name);
    case "cookie":
      return cookieValue(head, policy.name);
    case "query":
      return queryValue(head.query, policy.name);
    default:
      return policy satisfies never;
  }
}

/** Proxies write one IPv6 address in several ways. */
function hashAddress(client: string): number {
  return hashValue(client.includes(":") ? (parseIpAddress(client)?.host ?? client) : client);
}
