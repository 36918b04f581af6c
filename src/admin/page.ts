/** The page for people: what the box has, on one screen, without scripts. */
import { html } from "hono/html";
import type {
  ConnectionsView,
  ConnectionView,
  EndpointView,
  ListenersView,
  ReadinessView,
  RoutesView,
  ServiceView,
} from "../core/views.ts";
import { PAGE_STYLE } from "./page-style.ts";

/** What hono/html makes: text that is escaped already. */
type Html = ReturnType<typeof html>;

/** The views that the page shows. */
export interface PageFunctions {
  readonly readiness: () => ReadinessView;
  readonly listeners: () => ListenersView;
  readonly routes: () => RoutesView;
}

/** What has to be waited for. */
export interface LiveViews {
  readonly connections: ConnectionsView;
  readonly services: readonly ServiceView[];
}

/** One HTML document. Every value is escaped; its one style element carries `nonce`. Calls the three functions. */
export function renderPage(
  functions: PageFunctions,
  { connections, services }: LiveViews,
  nonce: string,
): Html {
  const readiness = functions.readiness();
  const listeners = functions.listeners();
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>gatehouse</title>
        <style nonce="${nonce}">
          ${PAGE_STYLE}
        </style>
      </head>
      <body>
        ${headerPart(readiness, listeners.source)}
        <main>
          ${listenersPart(listeners)} ${routesPart(functions.routes())} ${servicesPart(services)}
          ${endpointsPart(services)} ${connectionsPart(connections)}
        </main>
        <footer>${PATHS.map((path) => html`<a href="/${path}">/${path}</a> `)}</footer>
      </body>
    </html> `;
}

const PATHS = [
  "healthz",
  "readyz",
  "metrics",
  "snapshot",
  "listeners",
  "routes",
  "services",
  "connections",
];

function headerPart(readiness: ReadinessView, source: string): Html {
  const { ready, reason, version, started_at, snapshot_version, workers, pid } = readiness;
  const state = ready ? "ready" : `not ready: ${reason ?? "unknown"}`;
  return html`<header>
    <h1>gatehouse <small>${version}</small></h1>
    <p class="${ready ? "good" : "bad"}">${state}</p>
    <dl>
      <div>
        <dt>configuration</dt>
        <dd>${source}, version ${snapshot_version}</dd>
      </div>
      <div>
        <dt>running since</dt>
        <dd><time datetime="${started_at}">${started_at}</time>, pid ${pid}</dd>
      </div>
      <div>
        <dt>workers</dt>
        <dd>${workers}</dd>
      </div>
    </dl>
  </header>`;
}

function listenersPart({ listeners, unserved }: ListenersView): Html {
  const served = listeners.map((listener) => [
    listener.address,
    listener.protocol,
    listener.gateways.map(({ name, hosts }) => `${name} (${hosts.join(", ")})`).join(", "),
    String(listener.connections_active),
    String(listener.connections_total),
  ]);
  const notServed = unserved.map(({ name, listen, protocol, hosts, reason }) => {
    return [name, listen, protocol, hosts.join(", "), reason];
  });
  return html`${section(
    "Listeners",
    ["address", "protocol", "gateways", "open", "connections"],
    served,
  )}${
    unserved.length === 0
      ? ""
      : section(
          "Gateways not served here",
          ["gateway", "address", "protocol", "hosts", "why"],
          notServed,
        )
  }`;
}

function routesPart({ routes }: RoutesView): Html {
  const rows = routes.map((route) => [
    route.gateway,
    route.hosts.join(", "),
    route.match.length === 0 ? "everything" : route.match.join("; or "),
    route.action,
    `${route.virtual_service} / ${route.route}`,
    String(route.line),
  ]);
  return section("Routes", ["gateway", "hosts", "match", "action", "route", "line"], rows);
}

function servicesPart(services: readonly ServiceView[]): Html {
  const rows = services.map((service) => [
    service.name,
    service.sources.join(", "),
    service.balancer,
    `${service.endpoints_healthy} of ${service.endpoints.length}${service.panic ? ", panic" : ""}`,
    nameErrors(service),
    String(service.upstream_connections_active),
  ]);
  return section(
    "Services",
    ["service", "sources", "balancer", "healthy endpoints", "problems", "open"],
    rows,
  );
}

/** Those with something to say first: a page has room for so many. */
const PAGE_ENDPOINTS_MAX = 200;

function endpointsPart(services: readonly ServiceView[]): Html {
  const all = services.flatMap(({ name, endpoints }) =>
    endpoints.map((endpoint) => ({ name, endpoint })),
  );
  const isWell = ({ endpoint }: (typeof all)[number]): boolean => endpoint.state === "healthy";
  const sorted = [...all.filter((one) => !isWell(one)), ...all.filter(isWell)];
  const rows = sorted.slice(0, PAGE_ENDPOINTS_MAX);
  return section(
    `Endpoints: ${all.length}${rows.length < all.length ? `, ${rows.length} of them here` : ""}`,
    ["service", "address", "state", "since", "why", "last check", "active", "ejections"],
    rows.map(({ name, endpoint }) => endpointRow(name, endpoint)),
  );
}

function endpointRow(service: string, endpoint: EndpointView): string[] {
  const { address, state, since = "", because = "", check, active, ejections } = endpoint;
  const counts = [String(active), String(ejections)];
  return [service, address, state, since, because, check?.detail ?? "", ...counts];
}

function nameErrors({ names }: ServiceView): string {
  return names
    .flatMap(({ name, error }) => (error === undefined ? [] : [`${name}: ${error}`]))
    .join(", ");
}

function connectionsPart({ total, connections, silent_workers }: ConnectionsView): Html {
  const shown = connections.length < total ? `, the ${connections.length} with most bytes` : "";
  const missing = silent_workers.length === 0 ? "" : ", without those of a worker that is too busy";
  return section(
    `Open connections: ${total}${shown}${missing}`,
    ["kind", "state", "client", "gateway", "host", "service", "endpoint", "in", "out", "since"],
    connections.map(connectionRow),
  );
}

function connectionRow(connection: ConnectionView): string[] {
  const { kind, state, client = "", gateway = "", service = "", endpoint = "" } = connection;
  const { sni, host = "", bytes_in, bytes_out, opened_at } = connection;
  const name = sni ?? host;
  const bytes = [String(bytes_in), String(bytes_out)];
  return [kind, state, client, gateway, name, service, endpoint, ...bytes, opened_at];
}

function section(title: string, heads: readonly string[], rows: readonly string[][]): Html {
  return html`<section>
    <h2>${title}</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            ${heads.map((head) => html`<th scope="col">${head}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row) =>
              html`<tr>
                ${row.map((cell) => html`<td>${cell}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
