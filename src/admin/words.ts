/** Parts of a snapshot in words, for people who read tables. Pure. */
import { sourceAddress, sourceWeight } from "../core/endpoint-source.ts";
import { showCidr } from "../core/ip-address.ts";
import { textTestWords } from "../core/match/text-test.ts";
import type {
  AdminAddress,
  Destination,
  FieldCondition,
  ForwardAction,
  HostTable,
  HttpAction,
  HttpMatch,
  PathMatch,
  RedirectAction,
  TcpMatch,
  TlsMatch,
} from "../core/model.ts";
import type { EndpointSource, Service } from "../core/service.ts";

/** `path prefix /a, method GET or HEAD, port 80`; empty = everything. */
export function httpMatchWords(match: HttpMatch): string {
  const parts = [
    match.path === undefined ? "" : pathWords(match.path),
    match.ignoreCase === true ? "any case" : "",
    anyOf("method", match.methods),
    anyOf("gateway", match.gateways),
    match.port === undefined ? "" : `port ${match.port}`,
    match.scheme === undefined ? "" : `scheme ${match.scheme}`,
    anyOf("source", match.sources?.map(showCidr)),
    ...fieldWords("query", match.query),
    ...fieldWords("header", match.headers),
    ...fieldWords("without header", match.withoutHeaders),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** `sni nginx.com or *.nginx.com, alpn h2`. */
export function tlsMatchWords(match: TlsMatch): string {
  const parts = [
    anyOf("sni", match.sni),
    anyOf("alpn", match.alpn),
    anyOf("gateway", match.gateways),
    match.port === undefined ? "" : `port ${match.port}`,
    match.ech === undefined ? "" : match.ech ? "with ech" : "without ech",
    anyOf("source", match.sources?.map(showCidr)),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** `port 22, source 10.0.0.0/8`; empty = everything. */
export function tcpMatchWords(match: TcpMatch): string {
  const parts = [
    anyOf("gateway", match.gateways),
    match.port === undefined ? "" : `port ${match.port}`,
    anyOf("source", match.sources?.map(showCidr)),
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** `forward to my-nginx`, `forward to a, no upgrade`, `redirect 301 (scheme https)`, `respond 404`. */
export function actionWords(action: HttpAction, services: readonly Service[]): string {
  if (action.kind === "respond") return `respond ${action.status}`;
  if (action.kind === "redirect") return redirectWords(action);
  const policy = policyWords(action, services).map((word) => `, ${word}`);
  return (
    forwardWords(action.destinations, services) + upgradeWords(action.upgrade) + policy.join("")
  );
}

/** `forward to a`, `forward to a subset v1 (90%), b (10%)`. */
export function forwardWords(
  destinations: readonly Destination[],
  services: readonly Service[],
): string {
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const parts = destinations.map(({ service, subset, weight }) => {
    const part = subset === undefined ? "" : ` subset ${subset}`;
    const name = serviceName(services, service) + part;
    return destinations.length === 1 ? name : `${name} (${share(weight, total)}%)`;
  });
  return `forward to ${parts.join(", ")}`;
}

/** The name of the service with this index in the snapshot. */
export function serviceName(services: readonly Service[], index: number): string {
  return services[index]?.name ?? "?";
}

/** `10.0.0.1:80`, `10.0.0.1:80 (weight 2)`, `dns nginx.com:443`. */
export function sourceWords(source: EndpointSource): string {
  const weight = sourceWeight(source);
  return weight === 1 ? sourceAddress(source) : `${sourceAddress(source)} (weight ${weight})`;
}

/** The value that the configuration would have: `127.0.0.1:9901`, `unix:/path`, `off`. */
export function adminAddressWords(address: AdminAddress): string {
  if (address.kind === "off") return "off";
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Every pattern of a table as the configuration writes it, by the value that it leads to; exact ones first. */
export function hostsByValue<T>(table: HostTable<T>): Map<T, string[]> {
  const grouped = new Map<T, string[]>();
  const add = (value: T, pattern: string) => {
    const patterns = grouped.get(value);
    if (patterns === undefined) grouped.set(value, [pattern]);
    else patterns.push(pattern);
  };
  for (const [name, value] of table.exact) add(value, name);
  for (const [suffix, value] of table.wildcard) add(value, `*.${suffix}`);
  if (table.any !== undefined) add(table.any, "*");
  return grouped;
}

function pathWords(path: PathMatch): string {
  return path.kind === "exact" ? `path ${path.value}` : `path ${path.kind} ${path.value}`;
}

/** `header x-v is "2"`. */
function fieldWords(what: string, conditions: readonly FieldCondition[] = []): string[] {
  return conditions.map(({ name, test }) => `${what} ${name} ${textTestWords(test)}`);
}

function anyOf(what: string, values: readonly string[] | undefined): string {
  return values === undefined || values.length === 0 ? "" : `${what} ${values.join(" or ")}`;
}

function redirectWords(action: RedirectAction): string {
  const parts = [
    action.scheme === undefined ? "" : `scheme ${action.scheme}`,
    action.host === undefined ? "" : `host ${action.host}`,
    action.port === undefined ? "" : `port ${action.port}`,
    action.path === undefined ? "" : `path ${action.path}`,
  ].filter((part) => part !== "");
  const detail = parts.length === 0 ? "" : ` (${parts.join(", ")})`;
  return `redirect ${action.status}${detail}`;
}

/** `path to /v2`, `timeout 30000 ms`, `3 retries`, `10% copied to b`: what the route says besides. */
function policyWords(action: ForwardAction, services: readonly Service[]): string[] {
  const { rewrite, timeoutMs, retry, mirror } = action;
  return [
    rewrite?.path === undefined ? "" : `path to ${rewrite.path}`,
    rewrite?.host === undefined ? "" : `host to ${rewrite.host}`,
    timeoutMs === undefined ? "" : `timeout ${timeoutMs} ms`,
    retry === undefined ? "" : `${retry.attempts} retries`,
    mirror === undefined
      ? ""
      : `${mirror.percent}% copied to ${serviceName(services, mirror.service)}`,
  ].filter((word) => word !== "");
}

/** What differs from the default. */
function upgradeWords(upgrade: readonly string[]): string {
  const protocols = upgrade.join(" or ");
  if (protocols === "websocket") return "";
  return protocols === "" ? ", no upgrade" : `, upgrade to ${protocols}`;
}

function share(weight: number, total: number): number {
  return total === 0 ? 0 : Math.round((weight / total) * 1000) / 10;
}
