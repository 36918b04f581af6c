/** Cross-origin requests (Fetch Standard §3.2): what an answer says of who may read it. */
import type { RequestHead } from "./http1/request-head.ts";
import { buildTextPredicate } from "./match/text-test.ts";
import { headerValue } from "./match/request-values.ts";
import type { CorsPolicy } from "./model.ts";

/** Whether a page of this origin may read answers. */
export type OriginPredicate = (origin: string) => boolean;

/** Builds the predicate of a policy. Pure. `"*"` as an exact origin stands for every one. */
export function buildOriginPredicate({ allowOrigins }: CorsPolicy): OriginPredicate {
  if (allowOrigins.some(isAny)) return () => true;
  const predicates = allowOrigins.map(buildTextPredicate);
  return (origin) => predicates.some((takes) => takes(origin));
}

/** Whether a request asks what it may do (Fetch Standard §4.8). Pure. */
export function isPreflight(head: RequestHead): boolean {
  return (
    head.method === "OPTIONS" &&
    headerValue(head, "origin") !== undefined &&
    headerValue(head, "access-control-request-method") !== undefined
  );
}

/** The fields of the answer to a preflight: name, value, name, value …; of a stranger nothing is allowed. Pure. */
export function preflightFields(
  cors: CorsPolicy,
  origin: string,
  isAllowed: OriginPredicate,
): string[] {
  const fields = originFields(cors, origin, isAllowed);
  if (!isAllowed(origin)) return fields;
  const { allowMethods, allowHeaders, maxAgeSeconds } = cors;
  if (allowMethods.length > 0) fields.push("Access-Control-Allow-Methods", allowMethods.join(", "));
  if (allowHeaders.length > 0) fields.push("Access-Control-Allow-Headers", allowHeaders.join(", "));
  if (maxAgeSeconds !== undefined) fields.push("Access-Control-Max-Age", String(maxAgeSeconds));
  return fields;
}

/** The fields of an answer with what the policy says of this origin in place of what the endpoint said. Pure. */
export function corsFields(
  fields: readonly string[],
  { cors, origin }: { readonly cors: CorsPolicy; readonly origin: string },
  isAllowed: OriginPredicate,
): string[] {
  const own = originFields(cors, origin, isAllowed);
  if (!isAllowed(origin)) return [...fields, ...own];
  if (cors.exposeHeaders.length > 0)
    own.push("Access-Control-Expose-Headers", cors.exposeHeaders.join(", "));
  const kept: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    if (!OWN.has(name.toLowerCase())) kept.push(name, fields[i + 1] ?? "");
  }
  return [...kept, ...own];
}

const OWN: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-expose-headers",
]);

/** Answers differ by origin unless every one may read them: caches must know (Fetch Standard §3.2.5). */
function originFields(cors: CorsPolicy, origin: string, isAllowed: OriginPredicate): string[] {
  if (cors.allowOrigins.some(isAny) && !cors.allowCredentials)
    return ["Access-Control-Allow-Origin", "*"];
  const fields = ["Vary", "Origin"];
  if (!isAllowed(origin)) return fields;
  fields.push("Access-Control-Allow-Origin", origin);
  if (cors.allowCredentials) fields.push("Access-Control-Allow-Credentials", "true");
  return fields;
}

function isAny(test: CorsPolicy["allowOrigins"][number]): boolean {
  return test.kind === "exact" && test.value === "*";
}
