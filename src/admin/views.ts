/**
 * What the running box has, as plain JSON. Every field is named here one by one, so that a secret that a snapshot may
 * come to hold never shows itself. Pure.
 */
import { showCidr } from "../core/ip-address.ts";
import type { Gateway, Listener, Snapshot, UnservedGateway } from "../core/model.ts";
import type {
  GatewayView,
  ListenersView,
  ListenerView,
  SettingsView,
  SnapshotGatewayView,
  SnapshotListenerView,
  SnapshotView,
  UnservedView,
} from "../core/views.ts";
import { buildRoutes } from "./route-views.ts";
import { snapshotServiceView } from "./service-views.ts";
import { adminAddressWords } from "./words.ts";

/** The listeners with their gateways, and the gateways not served here. `counters`: of all workers, summed. */
export function listenersView(snapshot: Snapshot, counters: Float64Array): ListenersView {
  return {
    snapshot_version: snapshot.version,
    source: snapshot.source,
    listeners: snapshot.listeners.map((listener) => listenerView(snapshot, listener, counters)),
    unserved: snapshot.unserved.map(unservedView),
  };
}

/** All that was compiled from the file. */
export function snapshotView(snapshot: Snapshot): SnapshotView {
  return {
    version: snapshot.version,
    hash: snapshot.hash,
    source: snapshot.source,
    loaded_at: snapshot.loadedAt,
    labels: { ...snapshot.labels },
    settings: settingsView(snapshot),
    listeners: snapshot.listeners.map((listener) => snapshotListenerView(snapshot, listener)),
    unserved: snapshot.unserved.map(unservedView),
    routes: buildRoutes(snapshot),
    services: snapshot.services.map(snapshotServiceView),
  };
}

function listenerView(
  snapshot: Snapshot,
  listener: Listener,
  counters: Float64Array,
): ListenerView {
  return {
    address: listener.id,
    protocol: listener.protocol,
    gateways: gatewaysOf(snapshot, listener).map(gatewayView),
    connections_active: counters[listener.slots.connectionsActive] ?? 0,
    connections_total: counters[listener.slots.connections] ?? 0,
  };
}

function gatewaysOf(snapshot: Snapshot, listener: Listener): Gateway[] {
  return snapshot.gateways.filter((gateway) => gateway.listener === listener.id);
}

function gatewayView({ name, hosts, origin }: Gateway): GatewayView {
  return { name, hosts: [...hosts], line: origin.line };
}

function snapshotGatewayView(gateway: Gateway): SnapshotGatewayView {
  const { protocol, trustedProxies, forwarded, via } = gateway;
  const view = gatewayView(gateway);
  if (protocol !== "http") return view;
  return { ...view, trusted_proxies: [...trustedProxies], forwarded, via };
}

function unservedView(gateway: UnservedGateway): UnservedView {
  const { name, listen, protocol, hosts, reason, origin } = gateway;
  return { name, listen, protocol, hosts: [...hosts], reason, line: origin.line };
}

function snapshotListenerView(snapshot: Snapshot, listener: Listener): SnapshotListenerView {
  const { limits, timeouts } = listener;
  const { bodyBytesMax, requestsPerConnectionMax, connectionsPerIpMax } = limits;
  return {
    address: listener.id,
    protocol: listener.protocol,
    gateways: gatewaysOf(snapshot, listener).map(snapshotGatewayView),
    ...(listener.proxyProtocol === undefined
      ? {}
      : { proxy_protocol: listener.proxyProtocol.map(showCidr) }),
    limits: {
      connections: limits.connectionsMax,
      ...(connectionsPerIpMax === undefined ? {} : { connections_per_ip: connectionsPerIpMax }),
      hello_bytes: limits.helloBytesMax,
      header_bytes: limits.headerBytesMax,
      header_count: limits.headerCountMax,
      ...(bodyBytesMax === undefined ? {} : { body_bytes: bodyBytesMax }),
      ...(requestsPerConnectionMax === undefined
        ? {}
        : { requests_per_connection: requestsPerConnectionMax }),
    },
    timeouts: {
      hello_ms: timeouts.helloMs,
      header_ms: timeouts.headerMs,
      body_idle_ms: timeouts.bodyIdleMs,
      keep_alive_ms: timeouts.keepAliveMs,
      tunnel_idle_ms: timeouts.tunnelIdleMs,
    },
  };
}

function settingsView(snapshot: Snapshot): SettingsView {
  const { workers, admin, log, accessLog, drain, dnsServers } = snapshot;
  const { destination, query, ja4 } = accessLog;
  return {
    workers,
    admin: adminAddressWords(admin),
    log: { level: log.level, format: log.format },
    access_log: {
      path: destination.kind === "file" ? destination.path : destination.kind,
      query,
      ja4,
    },
    drain: {
      delay_ms: drain.delayMs,
      requests_ms: drain.requestsMs,
      tunnels_ms: drain.tunnelsMs,
    },
    dns_servers: [...dnsServers],
  };
}
