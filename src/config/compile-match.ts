/** Conditions of the file into the form in which they are tested. */
import { type Cidr, parseCidr } from "../core/ip.ts";
import type {
  FieldCondition,
  HttpMatch,
  PathMatch,
  TcpMatch,
  TextTest,
  TlsMatch,
} from "../core/model.ts";
import type { HttpRouteConfig, TcpRouteConfig, TlsRouteConfig } from "./schema.ts";

type HttpMatchConfig = NonNullable<HttpRouteConfig["match"]>[number];
type TlsMatchConfig = NonNullable<TlsRouteConfig["match"]>[number];
type TcpMatchConfig = NonNullable<TcpRouteConfig["match"]>[number];
type PathConfig = NonNullable<HttpMatchConfig["path"]>;
type FieldsConfig = NonNullable<HttpMatchConfig["headers"]>;
type TextConfig = FieldsConfig[string];

/** One item of an HTTP route's `match`. Pure. What is not said is absent. */
export function compileHttpMatch(config: HttpMatchConfig): HttpMatch {
  const { path, method, gateways, port, scheme, source } = config;
  const { headers, query } = config;
  return {
    ...(path === undefined ? {} : { path: compilePath(path) }),
    ...(config.ignore_case ? { ignoreCase: true } : {}),
    ...(method === undefined ? {} : { methods: method }),
    ...(gateways === undefined ? {} : { gateways }),
    ...(port === undefined ? {} : { port }),
    ...(scheme === undefined ? {} : { scheme }),
    ...(source === undefined ? {} : { sources: compileNetworks(source) }),
    ...(query === undefined ? {} : { query: compileFields(query) }),
    ...(headers === undefined ? {} : { headers: compileFields(headers) }),
    ...(config.without_headers === undefined
      ? {}
      : { withoutHeaders: compileFields(config.without_headers) }),
  };
}

/** One item of a TLS route's `match`; `hosts` stand in for `sni`. Pure. */
export function compileTlsMatch(match: TlsMatchConfig, hosts: readonly string[]): TlsMatch {
  const { sni = hosts, alpn, gateways, port, source, ech } = match;
  return {
    sni,
    ...(alpn === undefined ? {} : { alpn }),
    ...(gateways === undefined ? {} : { gateways }),
    ...(port === undefined ? {} : { port }),
    ...(source === undefined ? {} : { sources: compileNetworks(source) }),
    ...(ech === undefined ? {} : { ech }),
  };
}

/** One item of a TCP route's `match`. Pure. */
export function compileTcpMatch({ gateways, port, source }: TcpMatchConfig): TcpMatch {
  return {
    ...(gateways === undefined ? {} : { gateways }),
    ...(port === undefined ? {} : { port }),
    ...(source === undefined ? {} : { sources: compileNetworks(source) }),
  };
}

/** A condition on one text; the schema lets exactly one member through. Pure. */
export function compileText({ exact, prefix, regex, present }: TextConfig): TextTest {
  if (exact !== undefined) return { kind: "exact", value: exact };
  if (prefix !== undefined) return { kind: "prefix", value: prefix };
  if (regex !== undefined) return { kind: "regex", value: regex };
  return { kind: "present", value: present ?? true };
}

function compilePath({ exact, prefix, segment, regex }: PathConfig): PathMatch {
  if (exact !== undefined) return { kind: "exact", value: exact };
  if (prefix !== undefined) return { kind: "prefix", value: prefix };
  if (regex !== undefined) return { kind: "regex", value: regex };
  return { kind: "segment", value: segment ?? "/" };
}

function compileFields(config: FieldsConfig): readonly FieldCondition[] {
  return Object.entries(config).map(([name, test]) => ({ name, test: compileText(test) }));
}

/** The schema lets only networks through. Pure. */
export function compileNetworks(texts: readonly string[]): readonly Cidr[] {
  return texts.map(parseCidr).filter((cidr) => cidr !== undefined);
}
