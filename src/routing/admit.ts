/** Which gateway of a listener lets a host in, and which virtual host it has for it. */
import { matchHost } from "../core/match/host-table.ts";
import type { Gateway, Listener, Snapshot } from "../core/model.ts";

/** A gateway that lets the host in. */
export interface Admission {
  readonly gateway: Gateway;
  /** Index into `Snapshot.gateways`. */
  readonly gatewayIndex: number;
  /** Index into `Snapshot.virtualHosts`; undefined when nothing is there for the host. */
  readonly hostIndex: number | undefined;
}

/** Looks a folded host up; undefined when no gateway lets it in. Pure. */
export function admitHost(
  snapshot: Snapshot,
  listener: Listener,
  host: string,
): Admission | undefined {
  const gatewayIndex = matchHost(listener.hosts, host);
  const gateway = gatewayIndex === undefined ? undefined : snapshot.gateways[gatewayIndex];
  if (gateway === undefined || gatewayIndex === undefined) return undefined;
  return { gateway, gatewayIndex, hostIndex: matchHost(gateway.virtualHosts, host) };
}

/** Whether the gateway answers a request with a redirect to https. Pure. */
export function isSentToHttps(gateway: Gateway, scheme: string): boolean {
  return gateway.httpsRedirect === true && scheme === "http";
}
