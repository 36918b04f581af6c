/** The views of the admin API as tables. Pure. */
import type {
  EndpointView,
  ListenersView,
  ListenerView,
  NameView,
  RoutesView,
  ServicesView,
  SnapshotView,
} from "../core/views.ts";
import { formatDuration } from "../core/duration.ts";
import { formatAge } from "./age.ts";
import { renderTable, shortList } from "./table.ts";

/** More hosts than this are counted; `--json` has all. */
const LISTED_MAX = 4;
/** Of endpoints, which have a table of their own. */
const ENDPOINTS_LISTED_MAX = 2;

/** One row for each gateway on each listener, and what is not served here and why. */
export function listenersTable(view: ListenersView, colour: boolean): string {
  const heads = ["ADDRESS", "PROTOCOL", "GATEWAY", "HOSTS", "OPEN", "TOTAL", "LINE"];
  const served = renderTable({ heads, rows: view.listeners.flatMap(listenerRows) }, colour);
  if (view.unserved.length === 0) return served;
  const rows = view.unserved.map(({ name, listen, protocol, hosts, reason, line }) => {
    return [name, listen, protocol, shortList(hosts, LISTED_MAX), reason, String(line)];
  });
  const unservedHeads = ["GATEWAY", "ADDRESS", "PROTOCOL", "HOSTS", "WHY", "LINE"];
  return `${served}\nNot served here:\n${renderTable({ heads: unservedHeads, rows }, colour)}`;
}

/** One row for each route of each gateway, in the order in which they are tried. */
export function routesTable(view: RoutesView, colour: boolean): string {
  const heads = ["GATEWAY", "HOSTS", "MATCH", "ACTION", "VIRTUAL SERVICE", "ROUTE", "LINE"];
  const rows = view.routes.map((route) => [
    route.gateway,
    shortList(route.hosts, LISTED_MAX),
    route.match.length === 0 ? "everything" : route.match.join("; or "),
    route.action,
    route.virtual_service,
    route.route,
    String(route.line),
  ]);
  return renderTable({ heads, rows }, colour);
}

/** One row for each service. `now` in milliseconds since the epoch: names are shown with their age. */
export function servicesTable(view: ServicesView, now: number, colour: boolean): string {
  const heads = [
    "SERVICE",
    "HEALTHY",
    "ENDPOINTS",
    "SOURCES",
    "BALANCER",
    "TIMEOUTS",
    "OPEN",
    "ACTIVE",
    "LOOKED UP",
    "LINE",
  ];
  const rows = view.services.map((service) => {
    const { connect_ms, response_ms, idle_ms } = service.timeouts;
    const endpoints = service.endpoints.map(endpointText);
    return [
      service.name,
      `${service.endpoints_healthy}/${endpoints.length}${service.panic ? " panic" : ""}`,
      endpoints.length === 0 ? "none" : shortList(endpoints, ENDPOINTS_LISTED_MAX),
      // Without anything that is looked up the sources are the endpoints once more.
      service.names.length === 0 ? "" : shortList(service.sources, ENDPOINTS_LISTED_MAX),
      service.balancer,
      [connect_ms, response_ms, idle_ms].map(formatDuration).join("/"),
      String(service.upstream_connections_active),
      String(service.endpoints.reduce((sum, { active }) => sum + active, 0)),
      namesText(service.names, now),
      String(service.line),
    ];
  });
  return renderTable({ heads, rows }, colour);
}

/** What is served and from where it came, a line each. */
export function snapshotTable(view: SnapshotView, colour: boolean): string {
  const { settings, labels } = view;
  const { drain, access_log, log } = settings;
  const rows = [
    ["version", String(view.version)],
    ["file", view.source],
    ["hash", view.hash],
    ["loaded", view.loaded_at],
    [
      "labels",
      Object.entries(labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(", "),
    ],
    [
      "listeners",
      shortList(
        view.listeners.map(({ address }) => address),
        LISTED_MAX,
      ),
    ],
    [
      "not served here",
      shortList(
        view.unserved.map(({ name }) => name),
        LISTED_MAX,
      ),
    ],
    ["routes", String(view.routes.length)],
    ["services", String(view.services.length)],
    ["workers", settings.workers === 0 ? "one for each CPU" : String(settings.workers)],
    ["admin", settings.admin],
    ["log", `${log.level}, ${log.format}`],
    ["access log", access_log.query ? `${access_log.path}, with query` : access_log.path],
    [
      "drain",
      `${formatDuration(drain.delay_ms)} delay, ${formatDuration(drain.requests_ms)} requests, ${formatDuration(drain.tunnels_ms)} tunnels`,
    ],
    ["DNS servers", settings.dns_servers.join(", ") || "from resolv.conf"],
  ];
  return renderTable({ heads: ["SNAPSHOT", ""], rows }, colour);
}

function listenerRows(listener: ListenerView): string[][] {
  const { address, protocol, gateways, connections_active, connections_total } = listener;
  const counts = [String(connections_active), String(connections_total)];
  if (gateways.length === 0) return [[address, protocol, "", "", ...counts, ""]];
  return gateways.map(({ name, hosts, line }, i) => {
    // The counters are the listener's: on its first row only, lest somebody add them up.
    const shown = i === 0 ? counts : ["", ""];
    return [address, protocol, name, shortList(hosts, LISTED_MAX), ...shown, String(line)];
  });
}

/** What is not as usual: the weight, and why it is not used. */
function endpointText({ address, weight, state }: EndpointView): string {
  const words = [weight === 1 ? "" : `weight ${weight}`, state === "healthy" ? "" : state];
  const said = words.filter((word) => word !== "").join(", ");
  return said === "" ? address : `${address} (${said})`;
}

/** One in full; of several the oldest answer and the first trouble. */
function namesText(names: readonly NameView[], now: number): string {
  const [first] = names;
  if (first === undefined) return "";
  if (names.length === 1) return nameText(first, now);
  const times = names.flatMap(({ resolved_at }) =>
    resolved_at === undefined ? [] : [Date.parse(resolved_at)],
  );
  const age = times.length === 0 ? "asking" : `${formatAge(now - Math.min(...times))} ago`;
  const troubled = names.find(({ error }) => error !== undefined);
  const trouble = troubled === undefined ? "" : `, ${troubled.name}: ${troubled.error ?? ""}`;
  return `${names.length} names, ${age}${trouble}`;
}

function nameText({ resolved_at, ttl_seconds, error }: NameView, now: number): string {
  const age = resolved_at === undefined ? "" : `${formatAge(now - Date.parse(resolved_at))} ago`;
  if (error !== undefined) return age === "" ? error : `${error}, answer ${age}`;
  if (age === "") return "asking";
  if (resolved_at === undefined || ttl_seconds === undefined) return age;
  const left = Math.round((Date.parse(resolved_at) - now) / 1000 + ttl_seconds);
  return left > 0 ? `${age}, ttl ${ttl_seconds}s (${left}s left)` : `${age}, ttl ${ttl_seconds}s`;
}
