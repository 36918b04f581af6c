/** Which listener a connection comes to. Pure. */
import { parseIpGroups } from "../core/ip.ts";
import { matchHost } from "../core/match/host-table.ts";
import type { Listener, Protocol, Snapshot } from "../core/model.ts";
import type { ExplainCandidate, ExplainView } from "../core/views.ts";
import { type Draft, type ExplainContext, refuse } from "./explain-draft.ts";

/** Where a client connects to. */
export interface AskedPlace {
  readonly protocol: Protocol;
  readonly port: number;
  /** An IP address of the box; undefined = any. */
  readonly address: string | undefined;
  /** The name it asks for, folded; undefined = none. */
  readonly host: string | undefined;
}

/** What an IPv4 address begins with as eight groups. */
const MAPPED = "0,0,0,0,0,65535,";

/**
 * The listener on that address, or on all of them; without an address the first that lets the host in, since who asks
 * for a name was led to the right one, else the first. Undefined when there is none.
 */
export function findListener(snapshot: Snapshot, asked: AskedPlace): Listener | undefined {
  const { address, host: name } = asked;
  const on = listenersOn(snapshot, asked);
  if (address === undefined) {
    const admitting = on.find(
      ({ hosts }) => name !== undefined && matchHost(hosts, name) !== undefined,
    );
    return admitting ?? on[0];
  }
  return on.find(({ address: { host = "" } }) => takesAddress(host, address));
}

/** How many listeners the port has: a tcp connection has nothing but its address to choose by. */
export function countListeners(snapshot: Snapshot, asked: AskedPlace): number {
  return listenersOn(snapshot, asked).length;
}

/** The end of a connection that nothing listens for. */
export function refuseListener(
  { snapshot, start }: ExplainContext,
  asked: AskedPlace,
): ExplainView {
  const { protocol, port, address } = asked;
  const draft: Draft = {
    ...start,
    candidates: snapshot.listeners.map((one) => losing(snapshot, one, asked)),
  };
  const where = address === undefined ? `port ${port}` : `${address}, port ${port}`;
  return refuse(draft, `nothing listens for ${protocol} on ${where}`);
}

function losing(snapshot: Snapshot, listener: Listener, asked: AskedPlace): ExplainCandidate {
  const { id, address, protocol } = listener;
  const because =
    address.port !== asked.port
      ? `port is ${address.port}; found ${asked.port}`
      : protocol !== asked.protocol
        ? `protocol is ${asked.protocol}; found ${protocol}`
        : `address is ${address.host ?? "any"}; found ${asked.address ?? "any"}`;
  const line = snapshot.gateways.find((gateway) => gateway.listener === id)?.origin.line ?? 0;
  return { kind: "listener", name: id, line, because: [because] };
}

function listenersOn(snapshot: Snapshot, { protocol, port }: AskedPlace): readonly Listener[] {
  return snapshot.listeners.filter(
    (listener) => listener.address.port === port && listener.protocol === protocol,
  );
}

/** Whether who is bound to this host hears what comes to the address: `::` hears IPv4 too. */
function takesAddress(host: string, address: string): boolean {
  const groups = parseIpGroups(address)?.join() ?? "";
  if (host === "" || host === "::") return true;
  if (host === "0.0.0.0") return groups.startsWith(MAPPED);
  return parseIpGroups(host)?.join() === groups;
}
