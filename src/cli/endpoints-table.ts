/** The endpoints of all services as a table, and as flat JSON. Pure. */
import type { EndpointView, ServicesView, ServiceView } from "../core/views.ts";
import { formatAge } from "./age.ts";
import { levelWords } from "./level-words.ts";
import { renderTable } from "./table.ts";

const HEADS = [
  "SERVICE",
  "ADDRESS",
  "STATE",
  "SINCE",
  "WHY",
  "LAST CHECK",
  "ACTIVE",
  "EJECTIONS",
  "WEIGHT",
  "LABELS",
];

/** One row for each endpoint. `now` in milliseconds since the epoch: times are shown with their age. */
export function endpointsTable(view: ServicesView, now: number, colour: boolean): string {
  const rows = view.services.flatMap((service) => [
    ...service.endpoints.map((endpoint) => [service.name, ...rowOf(endpoint, service, now)]),
    ...service.out_elsewhere.map((address) => absentRow(service.name, address)),
  ]);
  return renderTable({ heads: HEADS, rows }, colour);
}

/** What `show endpoints --json` says: each endpoint with its service. */
export function endpointsJson(view: ServicesView): string {
  const { snapshot_version, source, services } = view;
  const endpoints = services.flatMap(({ name, endpoints: all }) =>
    all.map((endpoint) => ({ service: name, ...endpoint })),
  );
  return `${JSON.stringify({ snapshot_version, source, endpoints }, undefined, 2)}\n`;
}

function rowOf(
  endpoint: EndpointView,
  { health_check, panic }: ServiceView,
  now: number,
): string[] {
  const { address, state, since, because = "", active, ejections, weight } = endpoint;
  const isUsed = panic && state !== "healthy" && state !== "out";
  return [
    address,
    isUsed ? `${state}, used (panic)` : state,
    since === undefined ? "" : age(since, now),
    becauseText(endpoint, because, now),
    health_check === undefined ? "" : checkText(endpoint, now),
    String(active),
    String(ejections),
    String(weight),
    labelsText(endpoint),
  ];
}

function absentRow(service: string, address: string): string[] {
  return [service, address, "out", "", "by hand; it is not there now", "", "", "", "", ""];
}

function becauseText({ ejected_until }: EndpointView, because: string, now: number): string {
  if (ejected_until === undefined) return because;
  const leftMs = Date.parse(ejected_until) - now;
  return leftMs <= 0 ? `${because}, back soon` : `${because}, back in ${formatAge(leftMs)}`;
}

/** Without what stands beside it as the reason already. */
function checkText({ check, because }: EndpointView, now: number): string {
  if (check === undefined) return "not yet";
  const when = age(check.at, now);
  return check.detail === because ? when : `${check.detail}, ${when}`;
}

function labelsText(endpoint: EndpointView): string {
  const labels = Object.entries(endpoint.labels ?? {});
  const words = labels.map(([name, value]) => `${name}=${value}`);
  return [...words, ...levelWords(endpoint)].join(", ");
}

function age(time: string, now: number): string {
  return `${formatAge(now - Date.parse(time))} ago`;
}
