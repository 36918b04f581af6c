/** Whether a connection that was made for one server name may carry a request for a host (Gateway API GEP-3567). */
import type { HostTable } from "../model.ts";
import { matchHost } from "./host-table.ts";

/** `misdirected` = 421: the client should make a connection of its own; `not-found` = 404: that would not help. */
export type AuthorityVerdict = "serve" | "misdirected" | "not-found";

/**
 * `gateways` are those of the listener by host; `serverName` chose one of them, undefined = the connection had none, and
 * every gateway may answer; both names are folded. A host that another gateway takes, exactly or by a longer wildcard, is
 * misdirected, even if the present gateway's wildcard takes it too. Pure.
 */
export function judgeAuthority(
  gateways: HostTable<number>,
  serverName: string | undefined,
  host: string,
): AuthorityVerdict {
  const wanted = matchHost(gateways, host);
  if (wanted === undefined) return "not-found";
  if (serverName === undefined) return "serve";
  return matchHost(gateways, serverName) === wanted ? "serve" : "misdirected";
}
