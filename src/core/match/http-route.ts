/** Whether the conditions of an HTTP match hold, and which of them is the first that does not. */
import { showCidr } from "../ip-address.ts";
import { anyCidrHolds } from "../ip.ts";
import type { RequestHead } from "../http1/request-head.ts";
import type { FieldCondition, HttpMatch } from "../model.ts";
import { buildPathPredicate, pathWords } from "./path.ts";
import { headerValue, queryValue } from "./request-values.ts";
import { buildTextPredicate, textTestWords } from "./text-test.ts";

/** What an HTTP match can look at. */
export interface HttpRequestFacts {
  /** Its path in normal form. */
  readonly head: RequestHead;
  /** The gateway that let the request in. */
  readonly gateway: string;
  /** The listener's port. */
  readonly port: number;
  /** `http` or `https`: what the client spoke, as far as trusted proxies tell. */
  readonly scheme: string;
  /** The client's address, as far as trusted proxies tell. */
  readonly client: string;
}

/** One condition of a match: the same thing decides and explains. */
export interface HttpCondition {
  /** `method is GET or HEAD`. */
  readonly wanted: string;
  readonly holds: (facts: HttpRequestFacts) => boolean;
  /** What the request has instead, in words. */
  readonly found: (facts: HttpRequestFacts) => string;
}

/** The conditions of a match, the cheap ones first; none = it takes everything. Pure; builds the regexes. */
export function buildHttpConditions(match: HttpMatch): readonly HttpCondition[] {
  return [
    ...placeConditions(match),
    ...pathConditions(match),
    ...sourceConditions(match),
    ...(match.query ?? []).map((condition) =>
      valueCondition("query parameter", condition, ({ head }) =>
        queryValue(head.query, condition.name),
      ),
    ),
    ...(match.headers ?? []).map((condition) =>
      valueCondition("header", condition, ({ head }) => headerValue(head, condition.name)),
    ),
    ...(match.withoutHeaders ?? []).map((condition) =>
      negated(valueCondition("header", condition, ({ head }) => headerValue(head, condition.name))),
    ),
  ];
}

/** The first condition that does not hold; undefined = all hold. Pure. */
export function failedHttpCondition(
  conditions: readonly HttpCondition[],
  facts: HttpRequestFacts,
): HttpCondition | undefined {
  for (const condition of conditions) if (!condition.holds(facts)) return condition;
  return undefined;
}

function placeConditions({ port, gateways, methods, scheme }: HttpMatch): HttpCondition[] {
  const conditions: HttpCondition[] = [];
  if (port !== undefined) {
    conditions.push({
      wanted: `port is ${port}`,
      holds: (facts) => facts.port === port,
      found: (facts) => String(facts.port),
    });
  }
  if (gateways !== undefined) {
    conditions.push({
      wanted: `gateway is ${gateways.join(" or ")}`,
      holds: (facts) => gateways.includes(facts.gateway),
      found: (facts) => facts.gateway,
    });
  }
  if (methods !== undefined) {
    conditions.push({
      wanted: `method is ${methods.join(" or ")}`,
      holds: ({ head }) => methods.includes(head.method),
      found: ({ head }) => head.method,
    });
  }
  if (scheme !== undefined) {
    conditions.push({
      wanted: `scheme is ${scheme}`,
      holds: (facts) => facts.scheme === scheme,
      found: (facts) => facts.scheme,
    });
  }
  return conditions;
}

function pathConditions({ path, ignoreCase = false }: HttpMatch): HttpCondition[] {
  if (path === undefined) return [];
  const takes = buildPathPredicate(path, ignoreCase);
  return [
    {
      wanted: pathWords(path, ignoreCase),
      holds: ({ head }) => takes(head.path),
      found: ({ head }) => head.path,
    },
  ];
}

function sourceConditions({ sources }: HttpMatch): HttpCondition[] {
  if (sources === undefined) return [];
  return [
    {
      wanted: `source is in ${sources.map(showCidr).join(" or ")}`,
      holds: ({ client }) => anyCidrHolds(sources, client),
      found: ({ client }) => client,
    },
  ];
}

function valueCondition(
  what: string,
  { name, test }: FieldCondition,
  read: (facts: HttpRequestFacts) => string | undefined,
): HttpCondition {
  const takes = buildTextPredicate(test);
  return {
    wanted: `${what} ${name} ${textTestWords(test)}`,
    holds: (facts) => takes(read(facts)),
    found: (facts) => {
      const value = read(facts);
      return value === undefined ? "not there" : JSON.stringify(value);
    },
  };
}

function negated({ wanted, holds, found }: HttpCondition): HttpCondition {
  return { wanted: `without ${wanted}`, holds: (facts) => !holds(facts), found };
}
