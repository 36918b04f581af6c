/** `address:port` in its various uses: what is listened on, connected to, or asked. */
import { isMapped, parseIpAddress } from "../core/ip-address.ts";
import type { AdminAddress, BindAddress } from "../core/model.ts";
import { failed, success } from "../core/result.ts";
import type { Result } from "../core/result.ts";
import { parseHost } from "./host-name.ts";
import { isLoopback, showAddress } from "./ip.ts";

/** What `listen` says. */
export interface Listen {
  /** Canonical: `:80`, `127.0.0.1:80`, `[::1]:80`. */
  readonly id: string;
  readonly address: BindAddress;
}

/** Something to connect to: an address or the path of a Unix socket as it stands, or a name to look up. */
export interface Peer {
  readonly kind: "address" | "name" | "unix";
  /** IPv6 without brackets; a name in lower case, with the dot at its end if it was said. */
  readonly host: string;
  /** 0 = `host` is a path. */
  readonly port: number;
}

/** The longest path that fits `sun_path` with its final NUL (unix(7)). */
const UNIX_PATH_MAX = 107;
const DNS_PORT = 53;
const UNIX = "unix:";
const UNMAPPED = "write an IPv4 address in its own form, not inside IPv6";

/** `":80"` (every address), `"127.0.0.1:80"`, `"[::1]:80"`. Pure. The error is a sentence. */
export function parseListen(text: string): Result<Listen, string> {
  const expected = 'expected ":80" (every address), "127.0.0.1:80" or "[::1]:80"';
  const split = splitPort(text);
  if (!split.ok) return failed(`${expected}: ${split.error}`);
  const { host, port } = split.value;
  if (host === "") return success({ id: `:${port}`, address: { host: undefined, port } });
  const ip = parseIpAddress(host);
  if (ip === undefined) return failed(expected);
  if (isMapped(ip)) return failed(UNMAPPED);
  const address = { host: ip.host, port };
  return success({ id: showAddress(ip.host, port), address });
}

/** `"10.0.0.1:80"`, `"[2001:db8::1]:80"`, `"name:80"`, `"unix:/path"`. Pure. The error is a sentence. */
export function parsePeer(text: string): Result<Peer, string> {
  if (text.startsWith(UNIX)) {
    const path = parseUnixPath(text.slice(UNIX.length));
    return path.ok ? success({ kind: "unix", host: path.value, port: 0 }) : path;
  }
  const split = splitPort(text);
  if (!split.ok) return split;
  const { host, port } = split.value;
  if (host === "") return failed('an address or a name is missing before ":"');
  const parsed = parseHost(host);
  if (!parsed.ok) return parsed;
  const ip = parseIpAddress(parsed.value.replace(/^\[|\]$/g, ""));
  if (ip === undefined) {
    // The dot at the end says that no search domain is meant.
    const name = host.endsWith(".") ? `${parsed.value}.` : parsed.value;
    return success({ kind: "name", host: name, port });
  }
  return isMapped(ip) ? failed(UNMAPPED) : success({ kind: "address", host: ip.host, port });
}

/** As the file writes it, and as logs and tables show it: `10.0.0.1:80`, `[::1]:80`, `name:80`, `unix:/path`. Pure. */
export function showPeer({ kind, host, port }: Peer): string {
  return kind === "unix" ? `${UNIX}${host}` : showAddress(host, port);
}

/** A DNS server, `"127.0.0.1:53"`; the port may be left out. Pure. Canonical, with port. */
export function parseDnsServer(text: string): Result<string, string> {
  const expected = 'expected the address of a DNS server such as "127.0.0.1:53"';
  const bare = parseIpAddress(text);
  if (bare !== undefined) return success(showAddress(bare.host, DNS_PORT));
  const split = splitPort(text);
  const ip = split.ok ? parseIpAddress(split.value.host) : undefined;
  if (!split.ok || ip === undefined) return failed(expected);
  return success(showAddress(ip.host, split.value.port));
}

/** `"127.0.0.1:9901"`, `":9901"` (every address), `"unix:/path"`, `"off"`. Pure. */
export function parseAdminAddress(text: string): Result<AdminAddress, string> {
  const expected = 'expected "127.0.0.1:9901", "[::1]:9901", "unix:/run/gatehouse.sock" or "off"';
  if (text === "off") return success({ kind: "off" });
  if (text.startsWith(UNIX)) {
    const path = parseUnixPath(text.slice(UNIX.length));
    return path.ok ? success({ kind: "unix", path: path.value }) : path;
  }
  const listen = parseListen(text);
  if (!listen.ok) return failed(expected);
  const { host, port } = listen.value.address;
  return success({ kind: "tcp", host: host ?? "::", port });
}

/**
 * Whether two bound addresses would take each other's connections: the same address, or one of them stands for
 * every address of a family. `::` takes IPv4 too, as sockets do unless told otherwise (ipv6(7)). Pure.
 */
export function covers(a: BindAddress, b: BindAddress): boolean {
  if (a.port !== b.port) return false;
  return a.host === b.host || takesAll(a.host, b.host) || takesAll(b.host, a.host);
}

/** Whether a connection to `peer` arrives at `listener`, as far as the file alone can tell. Pure. */
export function reaches(peer: Peer, listener: BindAddress): boolean {
  if (peer.port !== listener.port) return false;
  return meant(peer.host).some(
    (host) => host === listener.host || (isLoopback(host) && takesAll(listener.host, host)),
  );
}

/** The addresses that are meant: connecting to an unspecified address reaches this host. */
function meant(host: string): readonly string[] {
  if (/^localhost\.?$/.test(host)) return ["127.0.0.1", "::1"];
  if (host === "0.0.0.0") return ["127.0.0.1"];
  return host === "::" ? ["::1"] : [host];
}

function takesAll(wide: string | undefined, host: string | undefined): boolean {
  if (wide === undefined || wide === "::") return true;
  return wide === "0.0.0.0" && host !== undefined && !host.includes(":");
}

function parseUnixPath(path: string): Result<string, string> {
  if (path.startsWith("@")) return failed("an abstract socket is not supported: it has no path");
  if (!path.startsWith("/")) return failed('expected an absolute path after "unix:"');
  if (/[\x00-\x1f\x7f]/.test(path)) return failed("a path has no control characters");
  const bytes = new TextEncoder().encode(path).length;
  return bytes > UNIX_PATH_MAX
    ? failed(`the path of a Unix socket has at most ${UNIX_PATH_MAX} bytes`)
    : success(path);
}

/** Splits at the port. The host may be empty and loses its brackets; nothing else of it is checked. */
function splitPort(text: string): Result<{ host: string; port: number }, string> {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(text);
  if (match === null) {
    if (parseIpAddress(text)?.family === 6)
      return failed('write IPv6 with brackets and port: "[::1]:80"');
    if (text.includes("://")) return failed("write HOST:PORT, without a scheme and a path");
    return failed(
      /:\d+$/.test(text) ? "more than one colon; write IPv6 in brackets" : "a port is missing",
    );
  }
  const [, bracketed, plain = "", digits = ""] = match;
  if (bracketed !== undefined && parseIpAddress(bracketed)?.family !== 6) {
    return failed("what stands in brackets is not an IPv6 address");
  }
  const port = Number(digits);
  if (port < 1 || port > 65_535) return failed("a port is a number from 1 to 65535");
  return success({ host: bracketed ?? plain, port });
}
