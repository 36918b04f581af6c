/**
 * The request target (RFC 9112 §3.2) and the authority, brought into the one form that is both matched
 * and forwarded.
 */

/** A path and query in normal form. */
export interface Target {
  /** Starts with "/", or is "*". */
  readonly path: string;
  /** With its "?", or empty; never changed. */
  readonly query: string;
  /** From an absolute-form target: it replaces Host (RFC 9112 §3.2.2). */
  readonly authority: string | undefined;
}

/** No control, space, non-ASCII byte, fragment or backslash: each is read differently by somebody. */
const TARGET = /^[!"$-[\]-~]+$/;
/** Not https: such a request must have come over TLS (RFC 9110 §7.4), and no listener terminates it. */
const ABSOLUTE = /^http:\/\//i;
const NEEDS_WORK = /%|\/\.|\\/;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;
/** Dot segments between encoded separators or with parameters: some servers climb on them, others do not. */
const HIDDEN_DOTS = /(?:\/|%2F|%5C)\.\.?(?:;[^/]*)?(?=\/|%2F|%5C|$)/;
/** A host name or address with an optional port; no user info, no percent-encoding (RFC 9110 §7.2). */
const AUTHORITY =
  /^(?:[A-Za-z0-9._-]+|\[(?:[0-9A-Fa-f.]*:){2,}[0-9A-Fa-f.]*\])(?::(?:\d{0,4}|[0-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5]))?$/;

/** Splits and normalises a request target; undefined when it is not valid for the method. Pure. */
export function parseTarget(target: string, method: string): Target | undefined {
  if (!TARGET.test(target)) return undefined;
  if (target.charCodeAt(0) === 0x2f) return splitPath(target, undefined);
  if (target === "*") {
    return method === "OPTIONS" ? { path: "*", query: "", authority: undefined } : undefined;
  }
  return parseAbsolute(target, method);
}

/** Whether the text can be a Host (RFC 9110 §7.2): strict, since it decides where a request goes. Pure. */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}

/** An authority folded for matching: lower-case, without port and one trailing dot. Pure. */
export function foldAuthority(authority: string): string {
  const colon = authority.indexOf(":", Math.max(authority.indexOf("]"), 0));
  let host = colon < 0 ? authority : authority.slice(0, colon);
  if (host.endsWith(".")) host = host.slice(0, -1);
  return host.toLowerCase();
}

/**
 * The normal form of a path (RFC 3986 §6.2.2): unreserved octets decoded, hex digits in upper case, dot
 * segments removed; "//" and encoded slashes stay. Pure. Undefined when that cannot be done safely: a
 * broken escape, an encoded NUL, a raw backslash, a path that climbs over its root, and dot segments that
 * only some servers see: "/..%2f", "/..;".
 */
export function normalisePath(path: string): string | undefined {
  if (!NEEDS_WORK.test(path)) return path;
  const decoded = decodeUnreserved(path);
  const normal = decoded === undefined ? undefined : removeDotSegments(decoded);
  return normal === undefined || HIDDEN_DOTS.test(normal) ? undefined : normal;
}

function parseAbsolute(target: string, method: string): Target | undefined {
  const scheme = ABSOLUTE.exec(target)?.[0];
  if (scheme === undefined) return undefined;
  const rest = target.slice(scheme.length);
  const end = rest.search(/[/?]/);
  // RFC 9112 §3.2.4: without path and query, OPTIONS asks about the whole server.
  if (end < 0) return { path: method === "OPTIONS" ? "*" : "/", query: "", authority: rest };
  const tail = rest.slice(end);
  return splitPath(tail.startsWith("?") ? `/${tail}` : tail, rest.slice(0, end));
}

function splitPath(target: string, authority: string | undefined): Target | undefined {
  const mark = target.indexOf("?");
  const path = normalisePath(mark < 0 ? target : target.slice(0, mark));
  if (path === undefined) return undefined;
  return { path, query: mark < 0 ? "" : target.slice(mark), authority };
}

function decodeUnreserved(path: string): string | undefined {
  if (path.includes("\\")) return undefined;
  let mark = path.indexOf("%");
  if (mark < 0) return path;
  let out = "";
  let from = 0;
  while (mark >= 0) {
    const hex = path.slice(mark + 1, mark + 3);
    if (!HEX_PAIR.test(hex) || hex === "00") return undefined;
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    out += path.slice(from, mark);
    out += UNRESERVED.test(character) ? character : `%${hex.toUpperCase()}`;
    from = mark + 3;
    mark = path.indexOf("%", from);
  }
  return out + path.slice(from);
}

/** RFC 3986 §5.2.4, but climbing over the root is refused instead of ignored, as nginx does. */
function removeDotSegments(path: string): string | undefined {
  if (!path.includes("/.")) return path;
  const out: string[] = [];
  const segments = path.split("/");
  for (let i = 1; i < segments.length; i += 1) {
    const segment = segments[i] ?? "";
    const last = i === segments.length - 1;
    if (segment === "..") {
      if (out.length === 0) return undefined;
      out.pop();
    } else if (segment !== ".") {
      out.push(segment);
      continue;
    }
    if (last) out.push("");
  }
  return `/${out.join("/")}`;
}
