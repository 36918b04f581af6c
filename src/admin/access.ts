/**
 * Who may speak to the admin API. It has no password: whoever reaches its socket may use it. What must not reach it is
 * a web page that someone's browser on this box has open. A page can send requests to loopback, either under a name of
 * its own that now resolves to 127.0.0.1 (DNS rebinding: the Host is that name) or across sites (the Origin is another,
 * and Sec-Fetch-Site says so). Pure.
 */
import type { AdminAddress } from "../core/model.ts";

/** What a request says about where it comes from. Lists, because a header that comes twice is itself suspicious. */
export interface RequestSigns {
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
  /** Values of Sec-Fetch-Site. */
  readonly fetchSites: readonly string[];
  /** The address of this end of the connection; undefined on a unix socket. */
  readonly localAddress: string | undefined;
}

/**
 * Why a request is refused, as a sentence; undefined when it may pass. Any port is fine in Host (`ssh -L`), but Origin
 * must be the very same, and a browser must call it same-origin: another page on localhost is another site.
 */
export function refusalOf(signs: RequestSigns, address: AdminAddress): string | undefined {
  const [host] = signs.hosts;
  if (host === undefined || signs.hosts.length > 1) return "A request needs exactly one Host.";
  const name = hostName(host);
  if (name === undefined || !isOwnName(name, signs.localAddress, address)) {
    return "This Host is neither a loopback name or address nor the one of admin.listen.";
  }
  if (signs.origins.some((each) => each.toLowerCase() !== `http://${host.toLowerCase()}`)) {
    return "Pages of another Origin may not use the admin API.";
  }
  if (signs.fetchSites.some((site) => site !== "same-origin" && site !== "none")) {
    return "Pages of another site may not use the admin API.";
  }
  return undefined;
}

/** Reads the signs from what `IncomingMessage.rawHeaders` has: name, value, name, value … Pure. */
export function readSigns(
  rawHeaders: readonly string[],
  localAddress: string | undefined,
): RequestSigns {
  return {
    hosts: valuesOf(rawHeaders, "host"),
    origins: valuesOf(rawHeaders, "origin"),
    fetchSites: valuesOf(rawHeaders, "sec-fetch-site"),
    localAddress,
  };
}

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/;
const LOOPBACK = /^(?:localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\])$/;
const EVERY_ADDRESS: ReadonlySet<string> = new Set(["", "0.0.0.0", "::"]);
/** How Node shows an IPv4 connection to a socket that listens on both families. */
const MAPPED = /^::ffff:(?=\d+\.)/;

/** Lower-case, without port, IPv6 in brackets; undefined when malformed. */
function hostName(host: string): string | undefined {
  return HOST.exec(host.toLowerCase())?.[1];
}

function isOwnName(name: string, localAddress: string | undefined, address: AdminAddress): boolean {
  if (LOOPBACK.test(name)) return true;
  if (address.kind !== "tcp") return false;
  if (!EVERY_ADDRESS.has(address.host)) return name === bracketed(address.host.toLowerCase());
  // Listening on every address, the configured one is the one that the client came to. No name: those can rebind.
  return localAddress !== undefined && name === bracketed(localAddress.replace(MAPPED, ""));
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name);
}
